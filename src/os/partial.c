// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"

#define TRIES 100
/* Its presence says that nobody but a process like this one made the file. */
#define MARK "user.crossroot.partial"

static int open_temp(const struct partial *p, int flags)
{
	int fd = openat(p->dirfd, p->temp,
			flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	return fd < 0 ? -errno : fd;
}

/*
 * Lock what is at @p->temp, and have it open in *@fd. -EAGAIN: it was another file by
 * the time it was locked. The lock goes with the last process that has it open.
 */
static int lock_temp(const struct partial *p, int fd)
{
	struct stat a, b;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno == -EWOULDBLOCK ? -EBUSY : -errno;
	if (fstat(fd, &a) < 0)
		return -errno;
	if (fstatat(p->dirfd, p->temp, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : -EAGAIN;
}

static bool is_empty(const struct partial *p, const struct stat *st)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (!S_ISDIR(st->st_mode))
		return !st->st_size;
	return !beneath_list(p->dirfd, p->temp, &names) && !names.n;
}

/*
 * Whether @fd, which has the name, was made by a process like this one. One killed
 * before the mark left nothing in it; without attributes, the name has to do.
 */
static bool is_ours(const struct partial *p, int fd)
{
	struct stat st;

	if (fgetxattr(fd, MARK, NULL, 0) >= 0 || errno == EOPNOTSUPP)
		return true;
	return !fstat(fd, &st) && is_empty(p, &st);
}

/* Delete what nobody has locked any more; it stays locked while it is deleted. */
static int remove_stale(const struct partial *p, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (fstatat(p->dirfd, p->temp, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* to open a device may do something */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -EEXIST;
	fd = open_temp(p, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = lock_temp(p, fd);
	if (!r && !is_ours(p, fd))
		r = -EEXIST;
	return r ? r : beneath_rmtree(p->dirfd, p->temp, e);
}

static int make_temp(struct partial *p)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (p->dir && mkdirat(p->dirfd, p->temp, 0700) < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	fd = open_temp(p, p->dir ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd == -EEXIST || fd == -ENOENT ? -EAGAIN : fd;
	r = lock_temp(p, fd);
	if (r)
		return r;
	/* where that fails, no more than a leftover that has to be deleted by hand */
	fsetxattr(fd, MARK, "", 0, 0);
	p->fd = TAKE_FD(fd);
	return 0;
}

int partial_place(struct partial *p, const char *path, bool dir, struct err *e)
{
	_cleanup_free_ char *clean = xstrdup(path), *parent = NULL;
	size_t n = strlen(clean);

	*p = (struct partial)PARTIAL_NONE;
	while (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	parent = path_dir(clean);
	p->dir = dir;
	p->path = xstrdup(path);
	p->name = xstrdup(path_base(clean));
	p->temp = xasprintf(".%s.crossroot-partial", p->name);
	if (!*p->name || !strcmp(p->name, ".") || !strcmp(p->name, ".."))
		return err_set(e, -EISDIR, "write '%s'", path);
	p->dirfd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dirfd < 0)
		return err_set(e, -errno, "open directory '%s'", parent);
	return 0;
}

static int begin_failed(const struct partial *p, int r, struct err *e)
{
	if (r == -EBUSY) {
		err_set(e, -ERR_STATE, "'%s' is being written by another process",
			p->path);
		return err_hint(e, "wait for it, or write to another file");
	}
	err_set(e, r, "create '%s' beside '%s'", p->temp, p->path);
	return r == -EEXIST ? err_hint(e, "what has that name was not made by export: "
				       "delete it, or write to another file") : r;
}

int partial_begin(struct partial *p, struct err *e)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		struct err why = { 0 };

		r = remove_stale(p, &why);
		if (r && why.code) {
			*e = why;
			return r;
		}
		if (!r)
			r = make_temp(p);
	}
	return r < 0 ? begin_failed(p, r, e) : 0;
}

int partial_clean(const struct partial *p, struct err *e)
{
	struct err why = { 0 };
	int r = remove_stale(p, &why);

	if (r && why.code) {
		*e = why;
		return r;
	}
	return 0;
}

static int sync_all(const struct partial *p)
{
	mode_t mask = umask(0);

	umask(mask);
	if (fchmod(p->fd, (p->dir ? 0777 : 0666) & ~mask) < 0)
		return -errno;
	if ((p->dir ? syncfs(p->fd) : fsync(p->fd)) < 0)
		return -errno;
	return 0;
}

static int rename_temp(const struct partial *p, unsigned int flags)
{
	return renameat2(p->dirfd, p->temp, p->dirfd, p->name, flags) < 0 ? -errno : 0;
}

/* NFS, some FUSE and others know no flags of renameat2(2), or no links. */
static bool is_unknown(int r)
{
	return r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP || r == -EPERM;
}

/* Without links: take the name, so that the file replaces nothing but what is ours. */
static int rename_claimed(const struct partial *p)
{
	_cleanup_close_ int fd = openat(p->dirfd, p->name,
					O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : rename_temp(p, 0);

	if (fd >= 0 && r < 0)
		unlinkat(p->dirfd, p->name, 0);
	return r;
}

/* To a name that nothing has. */
static int rename_new(const struct partial *p)
{
	int r = rename_temp(p, RENAME_NOREPLACE);

	if (!is_unknown(r))
		return r;
	if (p->dir)
		/* over a directory only if that is empty, over nothing else */
		return rename_temp(p, 0);
	if (linkat(p->dirfd, p->temp, p->dirfd, p->name, 0) < 0)
		return is_unknown(-errno) ? rename_claimed(p) : -errno;
	return unlinkat(p->dirfd, p->temp, 0) < 0 ? -errno : 0;
}

/* What has the name is to be deleted: if this one is killed, by the next one. */
static void mark_old(const struct partial *p)
{
	_cleanup_close_ int fd = openat(p->dirfd, p->name,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		fsetxattr(fd, MARK, "", 0, 0);
}

int partial_finish(struct partial *p, bool replace, struct err *e)
{
	int r = sync_all(p);

	if (r < 0)
		return err_set(e, r, "write '%s' to disk", p->path);
	r = rename_new(p);
	if (r == -ENOTEMPTY || r == -ENOTDIR)
		r = -EEXIST;
	/* a directory cannot be renamed over a full one: the two change names */
	if (r == -EEXIST && replace) {
		if (p->dir)
			mark_old(p);
		r = rename_temp(p, p->dir ? RENAME_EXCHANGE : 0);
		if (!r && p->dir && (r = beneath_rmtree(p->dirfd, p->temp, e)))
			return r;
	}
	if (r < 0)
		err_set(e, r, "name '%s'", p->path);
	if (p->dir && r != -EPERM && is_unknown(r))
		err_hint(e, "this file system cannot exchange two directories: delete the "
			    "old one first");
	if (r < 0)
		return r;
	/* only now: till then it may be left behind */
	fremovexattr(p->fd, MARK);
	free(p->temp);
	p->temp = NULL;
	fsync(p->dirfd);
	return 0;
}

void partial_free(struct partial *p)
{
	if (p->temp && p->fd >= 0)
		beneath_rmtree(p->dirfd, p->temp, NULL);
	free(p->path);
	free(p->name);
	free(p->temp);
	cleanup_closep(&p->fd);
	cleanup_closep(&p->dirfd);
	*p = (struct partial)PARTIAL_NONE;
}
