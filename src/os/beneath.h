// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Files of a foreign root, named as that root sees them: absolute symlinks
 * and ".." resolve inside it (openat2 RESOLVE_IN_ROOT), so no content of the
 * root can lead out. Functions return 0 (or an fd) or -errno.
 */

/* open(2) of @path inside the tree at @rootfd; the caller owns the fd. */
int beneath_open(int rootfd, const char *path, int flags, mode_t mode);

/*
 * The same for a path that has no symlink on the way; what is at its end may be one,
 * and is opened as it is with O_PATH | O_NOFOLLOW.
 */
int beneath_open_exact(int rootfd, const char *path, int flags);

/* stat following symlinks inside the root. */
int beneath_stat(int rootfd, const char *path, struct stat *st);

/*
 * The canonical path of @path inside the root, as an absolute path in the
 * root's own view ("/usr/bin/dash" for "/bin/sh"). The caller frees *@out.
 */
int beneath_realpath(int rootfd, const char *path, char **out);

/* Read the whole of @path inside the root; like fdio_read_file. */
int beneath_read(int rootfd, const char *path, size_t max, char **data, size_t *len,
		 struct err *e);

/* The names in the directory @path inside the root, sorted, into @names. */
int beneath_list(int rootfd, const char *path, struct strv *names);

/*
 * A word that says which file is at @path inside the root and in what state: it
 * changes when another file takes its place or it is written to, and when its owner,
 * mode or links change. "-" when there is none. The caller frees it.
 */
char *beneath_stamp(int rootfd, const char *path);

/*
 * Delete @name below @dirfd with all it holds. Works on directory fds, never
 * follows a symlink, and stops with -EXDEV, before deleting anything, when
 * another file system is mounted somewhere beneath (checked again for each
 * directory by mount id while deleting). A missing @name is success.
 */
int beneath_rmtree(int dirfd, const char *name, struct err *e);
