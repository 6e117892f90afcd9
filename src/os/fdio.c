// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"

int fdio_read_fd(int fd, const char *name, size_t max, char **data, size_t *len,
		 struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };
	char chunk[32768];

	/* st_size is no help: files of /proc and /sys claim 0 or a page */
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, -errno, "read '%s'", name);
		buf_add(&b, chunk, (size_t)n);
		if (b.len > max)
			return err_set(e, -EFBIG, "read '%s': more than %zu bytes", name,
				       max);
		if (!n)
			break;
	}
	if (len)
		*len = b.len;
	*data = TAKE_PTR(b.data);
	return 0;
}

int fdio_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len,
		   struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_set(e, -errno, "open '%s'", path);
	return fdio_read_fd(fd, path, max, data, len, e);
}

int fdio_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		if (!w)
			return -EIO;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

enum { TMP_NAME_MAX = 40 };

/* Create a file of a name nobody uses; @name says which. */
static int create_unused(int dirfd, mode_t mode, char name[TMP_NAME_MAX])
{
	for (int i = 0; i < 64; i++) {
		uint64_t r;
		int fd;

		/* so few bytes never come short, so there is no errno to trust */
		if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
			return -EIO;
		/* not derived from the target: its name may already be NAME_MAX long */
		snprintf(name, TMP_NAME_MAX, ".crossroot-%016llx.tmp",
			 (unsigned long long)r);
		fd = openat(dirfd, name,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* Fill the new file and give it its name; the caller removes it on failure. */
static int fill_and_rename(int dfd, int fd, const char *tmp, const char *base,
			   const void *data, size_t n, mode_t mode)
{
	int r = fdio_write_all(fd, data, n);

	if (r < 0)
		return r;
	/* the umask of whoever started us is no part of the contract */
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	if (renameat(dfd, tmp, dfd, base) < 0)
		return -errno;
	return 0;
}

int fdio_publish(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
		 struct err *e)
{
	_cleanup_free_ char *dir = path_dir(path);
	_cleanup_close_ int dfd = -1, fd = -1;
	char tmp[TMP_NAME_MAX];
	int r;

	dfd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dfd < 0)
		return err_set(e, -errno, "open directory '%s'", dir);
	if (!*path_base(path))
		return err_set(e, -EISDIR, "write '%s'", path);

	/* private until its final mode is set: the content may be for few eyes */
	fd = create_unused(dfd, 0600, tmp);
	if (fd < 0)
		return err_set(e, fd, "create a file beside '%s'", path);
	r = fill_and_rename(dfd, fd, tmp, path_base(path), data, n, mode);
	if (r < 0) {
		unlinkat(dfd, tmp, 0);
		return err_set(e, r, "write '%s'", path);
	}
	/* without this a power cut may still bring the old name back */
	if (fsync(dfd) < 0)
		return err_set(e, -errno, "sync directory '%s'", dir);
	return 0;
}

int fdio_copy(int in, int out)
{
	char chunk[65536];
	ssize_t n;

	/*
	 * copy_file_range moves both offsets, so whatever stops it (EXDEV, an
	 * O_APPEND target, a pipe, or a 0 that kernels 5.3 to 5.18 return for
	 * /proc) the plain loop below carries on, and finds the real error.
	 */
	for (;;) {
		n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
	}
	for (;;) {
		n = read(in, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;

		int r = fdio_write_all(out, chunk, (size_t)n);

		if (r < 0)
			return r;
	}
}

/* The bytes from @at to @end of @in, to the same place less @from in @out. */
static int copy_part(int in, off_t from, off_t at, off_t end, int out)
{
	char chunk[65536];

	while (at < end) {
		loff_t to = at - from, src = at;
		ssize_t n = copy_file_range(in, &src, out, &to, (size_t)(end - at), 0);

		if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
			      errno == EOPNOTSUPP)) {
			size_t want = (size_t)(end - at);

			n = pread(in, chunk, want < sizeof(chunk) ? want : sizeof(chunk),
				  at);
			if (n > 0)
				n = pwrite(out, chunk, (size_t)n, to);
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
	}
	return 0;
}

int fdio_copy_sparse(int in, off_t from, off_t len, int out)
{
	off_t at = from, end = from + len;
	int r = 0;

	if (ftruncate(out, len) < 0)
		return -errno;
	while (!r && at < end) {
		off_t data = lseek(in, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		/* a file system that knows no holes has one at the end */
		if (data < 0)
			return -errno;
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		if (data < end)
			r = copy_part(in, from, data, hole < end ? hole : end, out);
		at = hole;
	}
	return r;
}

int fdio_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e)
{
	_cleanup_free_ char *p = xstrdup(path);
	struct stat st;
	size_t i = 0;

	for (;;) {
		i += strspn(p + i, "/");
		if (!p[i])
			break;
		i += strcspn(p + i, "/");

		char saved = p[i];

		p[i] = '\0';
		/* made by us, by a concurrent run or long ago: all the same */
		if (mkdirat(dirfd, p, mode) < 0) {
			int code = -errno;

			if (code != -EEXIST)
				return err_set(e, code, "create directory '%s'", p);
			if (fstatat(dirfd, p, &st, 0) < 0)
				return err_set(e, -errno, "create directory '%s'", p);
			if (!S_ISDIR(st.st_mode))
				return err_set(e, -ENOTDIR, "create directory '%s'", p);
		}
		p[i] = saved;
	}
	return 0;
}
