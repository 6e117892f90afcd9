// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Whole-file reading and writing on directory fds. Every function returns 0
 * or -errno with @e filled; paths in messages are the ones given.
 */

/*
 * Read all of @path (relative to @dirfd, AT_FDCWD allowed) into *@data, which
 * the caller frees and which is NUL-terminated. More than @max bytes is -EFBIG.
 * @len may be NULL.
 */
int fdio_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len,
		   struct err *e);

/* The same for an open fd; @name is for messages. */
int fdio_read_fd(int fd, const char *name, size_t max, char **data, size_t *len,
		 struct err *e);

/* Write all @n bytes, EINTR and short writes retried. */
int fdio_write_all(int fd, const void *data, size_t n);

/*
 * Replace @path with @data in one step: written beside it under an unused
 * name, fsynced, renamed, the directory fsynced. A reader sees the old bytes
 * or the new ones.
 */
int fdio_publish(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
		 struct err *e);

/* Copy everything from the offset of @in to @out (reflink or in-kernel where possible). */
int fdio_copy(int in, int out);

/*
 * Copy the @len bytes at @from of @in to the start of the new file @out, which gets that
 * size; holes stay holes.
 */
int fdio_copy_sparse(int in, off_t from, off_t len, int out);

/* mkdir -p of @path below @dirfd. */
int fdio_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e);
