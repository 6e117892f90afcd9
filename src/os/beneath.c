// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "os/fdio.h"

static int open_resolving(int dirfd, const char *path, int flags, mode_t mode,
			  uint64_t resolve)
{
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
		/* openat2 refuses a mode that would go unused */
		.mode = creates ? mode & 07777 : 0,
		.resolve = resolve,
	};

	for (int tries = 0;; tries++) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		/*
		 * EAGAIN: some rename or mount anywhere on the system raced with a
		 * "..", and the kernel could not prove that it stayed inside.
		 */
		if (errno != EINTR && (errno != EAGAIN || tries >= 100))
			return -errno;
	}
}

int beneath_open(int rootfd, const char *path, int flags, mode_t mode)
{
	/* openat2(2) reserves the right to let IN_ROOT allow magic links one day */
	return open_resolving(rootfd, path, flags, mode,
			      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int beneath_open_exact(int rootfd, const char *path, int flags)
{
	return open_resolving(rootfd, path, flags, 0,
			      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int beneath_stat(int rootfd, const char *path, struct stat *st)
{
	_cleanup_close_ int fd = beneath_open(rootfd, path, O_PATH, 0);

	if (fd < 0)
		return fd;
	return fstat(fd, st) < 0 ? -errno : 0;
}

/* Where the kernel says @fd is, as seen from our own root. */
static int fd_path(int fd, char *buf, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return 0;
}

/* Whether @path names, without any symlink, the file that @fd is. */
static int check_named(int rootfd, const char *path, int fd)
{
	_cleanup_close_ int again = open_resolving(rootfd, path, O_PATH | O_NOFOLLOW, 0,
						   RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	struct stat a, b;

	if (again < 0)
		return again;
	if (fstat(fd, &a) < 0 || fstat(again, &b) < 0)
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : -ENOENT;
}

int beneath_realpath(int rootfd, const char *path, char **out)
{
	_cleanup_close_ int root = -1, fd = -1;
	_cleanup_free_ char *res = NULL;
	char top[PATH_MAX], full[PATH_MAX];
	int r;

	/* AT_FDCWD has no link in /proc/self/fd */
	root = openat(rootfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = beneath_open(root, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	r = fd_path(root, top, sizeof(top));
	if (!r)
		r = fd_path(fd, full, sizeof(full));
	if (r < 0)
		return r;
	if (!path_beneath(full, top))
		return -EXDEV;

	const char *rest = full + (strcmp(top, "/") ? strlen(top) : 0);

	res = xstrdup(*rest ? rest : "/");
	/* the link of a removed file ends in " (deleted)"; of a moved root, anything */
	r = check_named(root, res, fd);
	if (r < 0)
		return r;
	*out = TAKE_PTR(res);
	return 0;
}

/* Add the names in the directory @fd to @names. */
static int list_names(int fd, struct strv *names)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return -errno;
	d = fdopendir(copy);
	if (!d) {
		int code = -errno;

		close(copy);
		return code;
	}
	for (;;) {
		errno = 0;
		struct dirent *de = readdir(d);

		if (!de)
			return -errno;
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			strv_add(names, de->d_name);
	}
}

int beneath_list(int rootfd, const char *path, struct strv *names)
{
	_cleanup_close_ int fd =
		beneath_open(rootfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int r = fd < 0 ? fd : list_names(fd, names);

	strv_sort(names);
	return r;
}

char *beneath_stamp(int rootfd, const char *path)
{
	struct stat st;

	if (beneath_stat(rootfd, path, &st) < 0)
		return xstrdup("-");
	/*
	 * A time of modification can be set back, that of the last change cannot. The
	 * latter moves with an owner, a mode or a link too, but not with a mount: such
	 * a change costs its noticer some work for nothing, a missed one would lie. The
	 * device is no part of it: an image's or an overlay's is another at each mount.
	 */
	return xasprintf("%jx.%jx.%jx.%lx.%jx.%lx", (uintmax_t)st.st_ino,
			 (uintmax_t)st.st_size, (uintmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			 (uintmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

int beneath_read(int rootfd, const char *path, size_t max, char **data, size_t *len,
		 struct err *e)
{
	_cleanup_close_ int ref = beneath_open(rootfd, path, O_PATH, 0), fd = -1;
	struct stat st;
	char link[64];

	if (ref < 0)
		return err_set(e, ref, "open '%s'", path);
	/*
	 * Looked at before it is opened: a root can put a FIFO, or a device whose
	 * opening acts (a watchdog), under any name.
	 */
	if (fstat(ref, &st) < 0)
		return err_set(e, -errno, "stat '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "read '%s': not a regular file", path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", ref);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", path);
	return fdio_read_fd(fd, path, max, data, len, e);
}

/* Which mount a file was found on, and which file it is. */
struct where {
	bool by_mnt; /* .mnt is a mount id; else a device number (before 5.8) */
	uint64_t mnt;
	uint64_t dev, ino;
	bool is_dir;
};

static int where_is(int dirfd, const char *name, struct where *w)
{
	struct statx sx;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
		  STATX_TYPE | STATX_INO | STATX_MNT_ID, &sx) < 0)
		return -errno;
	w->dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	w->ino = sx.stx_ino;
	w->is_dir = S_ISDIR(sx.stx_mode);
	w->by_mnt = sx.stx_mask & STATX_MNT_ID;
	w->mnt = w->by_mnt ? sx.stx_mnt_id : w->dev;
	return 0;
}

static bool same_mount(const struct where *a, const struct where *b)
{
	return a->by_mnt == b->by_mnt && a->mnt == b->mnt;
}

/* One directory between the top of the tree and where the walk is. */
struct level {
	struct strv dirs; /* its subdirectories */
	size_t next;	  /* those before this one are done */
	struct where w;
};

/*
 * A walk keeps one directory open, whatever the depth: it goes down by name
 * and comes back by "..", checked to be the directory it came from.
 */
struct walk {
	bool del;
	struct where top;
	struct level *lv;
	size_t n, cap;
	int fd; /* owned; that of lv[n - 1] */
	struct err *e;
};

static void walk_free(struct walk *k)
{
	for (size_t i = 0; i < k->n; i++)
		strv_free(&k->lv[i].dirs);
	free(k->lv);
	cleanup_closep(&k->fd);
}

/* Fail on @name in the current directory; the message has the path in the tree. */
static int walk_err(struct walk *k, int code, const char *what, const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i + 1 < k->n && b.len < 512; i++)
		buf_addf(&b, "%s/", k->lv[i].dirs.v[k->lv[i].next - 1]);
	buf_adds(&b, b.len < 512 ? name : "...");
	return err_set(k->e, code, "%s '%s'", what, b.data);
}

/*
 * Look at every entry of the current directory; a file can be a mount point
 * too. All are looked at before the first is unlinked.
 */
static int walk_scan(struct walk *k, struct strv *dirs)
{
	_cleanup_strv_ struct strv names = { 0 }, files = { 0 };
	int r = list_names(k->fd, &names);

	if (r < 0)
		return walk_err(k, r, "list", ".");
	for (size_t i = 0; i < names.n; i++) {
		struct where w;

		r = where_is(k->fd, names.v[i], &w);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return walk_err(k, r, "stat", names.v[i]);
		if (!same_mount(&w, &k->top))
			return walk_err(k, -EXDEV, "something is mounted on", names.v[i]);
		if (w.is_dir)
			strv_add(dirs, names.v[i]);
		else if (k->del)
			strv_add(&files, names.v[i]);
	}
	for (size_t i = 0; i < files.n; i++)
		if (unlinkat(k->fd, files.v[i], 0) < 0 && errno != ENOENT)
			return walk_err(k, -errno, "delete", files.v[i]);
	return 0;
}

/* Make the directory @fd (taken over) the current one. */
static int walk_enter(struct walk *k, int fd)
{
	struct level l = { 0 };
	int r;

	cleanup_closep(&k->fd);
	k->fd = fd;
	xgrow(&k->lv, &k->cap, k->n, sizeof(*k->lv));
	k->lv[k->n++] = l;
	r = where_is(fd, "", &l.w);
	if (r < 0)
		return walk_err(k, r, "stat", ".");
	k->lv[k->n - 1].w = l.w;
	if (!same_mount(&l.w, &k->top))
		return walk_err(k, -EXDEV, "something is mounted on", ".");
	return walk_scan(k, &k->lv[k->n - 1].dirs);
}

static int walk_down(struct walk *k, const char *name)
{
	int fd = openat(k->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : walk_err(k, -errno, "open", name);
	return walk_enter(k, fd);
}

/* Leave the finished current directory and, when deleting, remove it. */
static int walk_up(struct walk *k)
{
	int fd = openat(k->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct level *parent = &k->lv[k->n - 2];
	const char *name = parent->dirs.v[parent->next - 1];
	struct where w;
	int r;

	if (fd < 0)
		return walk_err(k, -errno, "open", "..");
	cleanup_closep(&k->fd);
	k->fd = fd;
	strv_free(&k->lv[--k->n].dirs);
	r = where_is(fd, "", &w);
	if (r < 0)
		return walk_err(k, r, "stat", ".");
	if (w.ino != parent->w.ino || w.dev != parent->w.dev || !same_mount(&w, &k->top))
		return walk_err(k, -ESTALE, "moved while it was walked:", name);
	if (k->del && unlinkat(fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return walk_err(k, -errno, "delete", name);
	return 0;
}

/* Walk all of @name below @dirfd; with @del everything inside it goes. */
static int walk_tree(int dirfd, const char *name, const struct where *top, bool del,
		     struct err *e)
{
	_cleanup_(walk_free) struct walk k = { .del = del, .top = *top, .fd = -1, .e = e };
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(e, -errno, "open '%s'", name);
	r = walk_enter(&k, fd);
	while (!r) {
		struct level *l = &k.lv[k.n - 1];

		if (l->next < l->dirs.n) {
			l->next++;
			r = walk_down(&k, l->dirs.v[l->next - 1]);
		} else if (k.n > 1) {
			r = walk_up(&k);
		} else {
			break;
		}
	}
	return r;
}

static int remove_below(int dirfd, const char *name, struct err *e)
{
	struct where parent, w;
	int r;

	r = where_is(dirfd, "", &parent);
	if (r < 0)
		return err_set(e, r, "stat the directory of '%s'", name);
	r = where_is(dirfd, name, &w);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, r, "stat '%s'", name);
	if (!same_mount(&w, &parent))
		return err_set(e, -EXDEV, "something is mounted on '%s'", name);
	if (w.is_dir) {
		r = walk_tree(dirfd, name, &parent, false, e);
		if (!r)
			r = walk_tree(dirfd, name, &parent, true, e);
		if (r < 0) {
			err_wrap(e, "delete '%s'", name);
			return r;
		}
	}
	if (unlinkat(dirfd, name, w.is_dir ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "delete '%s'", name);
	return 0;
}

int beneath_rmtree(int dirfd, const char *name, struct err *e)
{
	_cleanup_free_ char *dir = path_dir(name);
	const char *base = path_base(name);
	_cleanup_close_ int fd = -1;

	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		return err_set(e, -EINVAL, "delete '%s'", name);
	fd = open_resolving(dirfd, dir, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, fd, "open directory '%s'", dir);
	return remove_below(fd, base, e);
}
