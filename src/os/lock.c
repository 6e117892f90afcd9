// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Whether @path still names the file that @fd is. */
static bool still_named(int fd, int dirfd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dirfd, path, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int lock_take(int dirfd, const char *path, enum lock_mode mode, bool wait, struct err *e)
{
	int op = (mode == LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);

	for (;;) {
		_cleanup_close_ int fd = openat(
			dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
			0600);
		int r;

		if (fd < 0)
			return err_set(e, -errno, "open lock '%s'", path);
		do
			r = flock(fd, op);
		while (r < 0 && errno == EINTR);
		if (r < 0)
			return err_set(e, -errno,
				       errno == EWOULDBLOCK ?
					       "lock '%s' is held by another process" :
					       "lock '%s'",
				       path);
		/*
		 * The last holder may have removed the file while we slept; a lock
		 * on a nameless file excludes nobody.
		 */
		if (still_named(fd, dirfd, path))
			return TAKE_FD(fd);
	}
}
