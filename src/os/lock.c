// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
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

/* Whether process @pid has the file @want open. */
static bool has_open(pid_t pid, const struct stat *want)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (de = readdir(d))) {
		struct stat st;

		if (!fstatat(dirfd(d), de->d_name, &st, 0) && st.st_dev == want->st_dev &&
		    st.st_ino == want->st_ino)
			return true;
	}
	return false;
}

size_t lock_holders(int dirfd, const char *path, struct lock_holder **out)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct stat st;
	char line[256], type[16], mode[16];
	size_t n = 0, cap = 0;
	uintmax_t ino;
	int pid;

	*out = NULL;
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	f = fopen("/proc/locks", "re");
	while (f && fgets(line, sizeof(line), f)) {
		/* who waits has "->" in the first place */
		if (sscanf(line, "%*u: %15s %*s %15s %d %*x:%*x:%ju", type, mode, &pid,
			   &ino) != 4 ||
		    strcmp(type, "FLOCK") || ino != st.st_ino || pid <= 0)
			continue;
		/* its device number is the kernel's own on btrfs, so not compared */
		if (!has_open(pid, &st))
			continue;
		xgrow(out, &cap, n, sizeof(**out));
		(*out)[n++] = (struct lock_holder){
			.pid = pid,
			.mode = strcmp(mode, "WRITE") ? LOCK_SHARED : LOCK_EXCLUSIVE,
		};
	}
	return n;
}
