// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/leftover.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"

/* Where native programs have their loader: the native root is x86-64 with glibc. */
#define LOADER_DIR "/lib64"
#define LOADER LOADER_DIR "/ld-linux-x86-64.so.2"

#define LOST_FOUND "lost+found"

static bool is_stub(int tree_fd, const char *path)
{
	struct stat st;

	return !beneath_stat(tree_fd, path, &st) && S_ISREG(st.st_mode) && !st.st_size &&
	       st.st_nlink == 1;
}

/* A directory that mkfs makes in every ext4 file system, for e2fsck. */
static bool is_lost_found(int tree_fd)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct stat top, st;

	/* 2 and 11: of one in a directory of such a file system, nothing is known */
	return !fstat(tree_fd, &top) && top.st_ino == 2 &&
	       !fstatat(tree_fd, LOST_FOUND, &st, AT_SYMLINK_NOFOLLOW) && st.st_ino == 11 &&
	       !beneath_list(tree_fd, "/" LOST_FOUND, &names) && !names.n;
}

void leftover_find(int tree_fd, struct strv *paths)
{
	_cleanup_free_ char *run = NULL, *loader = NULL;

	if (!beneath_realpath(tree_fd, "/run/crossroot", &run))
		strv_add(paths, run + 1);
	if (is_stub(tree_fd, LOADER) && !beneath_realpath(tree_fd, LOADER, &loader)) {
		_cleanup_strv_ struct strv names = { 0 };
		_cleanup_free_ char *dir = path_dir(loader);

		/* where a distribution has the directory, it may be empty on purpose */
		if (!strcmp(dir, LOADER_DIR) && !beneath_list(tree_fd, dir, &names) &&
		    names.n == 1)
			strv_add(paths, dir + 1);
		else
			strv_add(paths, loader + 1);
	}
	if (is_lost_found(tree_fd))
		strv_add(paths, LOST_FOUND);
}
