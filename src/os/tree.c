// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* A directory between the top and where the walk is. */
struct level {
	struct strv names;
	size_t next;   /* those before this one are done */
	size_t length; /* of the walk's path up to it */
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct level *v;
	size_t n, cap;
	int fd; /* owned; that of v[n - 1] */
	struct buf path;
	uint64_t mount;
	tree_fn *fn;
	void *arg;
	struct err *e;
};

static void walk_free(struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		strv_free(&w->v[i].names);
	free(w->v);
	buf_free(&w->path);
	cleanup_closep(&w->fd);
}

static int fail(struct walk *w, int code, const char *what)
{
	return err_set(w->e, code, "%s '/%.600s'", what, w->path.len ? w->path.data : "");
}

static void cut_path(struct walk *w, size_t n)
{
	w->path.len = n;
	if (w->path.data)
		w->path.data[n] = '\0';
}

/* The stat of @name; *@mount becomes the mount it is on, a device before Linux 5.8. */
static int look(int dirfd, const char *name, struct stat *st, uint64_t *mount)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
	struct statx sx;

	if (fstatat(dirfd, name, st, flags) < 0 ||
	    statx(dirfd, name, flags, STATX_MNT_ID, &sx) < 0)
		return -errno;
	*mount = sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : st->st_dev;
	return 0;
}

static int list(struct walk *w, struct strv *names)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return fail(w, -errno, "read");
	while (errno = 0, (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			strv_add(names, de->d_name);
	if (errno)
		return fail(w, -errno, "read");
	strv_sort(names);
	return 0;
}

/* Make the directory @fd (taken over), of which @st is known, the current one. */
static int enter(struct walk *w, int fd, const struct stat *st)
{
	struct level l = { .length = w->path.len, .dev = st->st_dev, .ino = st->st_ino };
	struct stat now;

	cleanup_closep(&w->fd);
	w->fd = fd;
	if (fstat(fd, &now) < 0)
		return fail(w, -errno, "stat");
	if (now.st_dev != st->st_dev || now.st_ino != st->st_ino)
		return fail(w, -ESTALE, "open");
	xgrow(&w->v, &w->cap, w->n, sizeof(*w->v));
	w->v[w->n++] = l;
	return list(w, &w->v[w->n - 1].names);
}

static int leave(struct walk *w)
{
	struct level *parent = &w->v[w->n - 2];
	struct stat st;
	int fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(w, -errno, "leave");
	cleanup_closep(&w->fd);
	w->fd = fd;
	if (fstat(fd, &st) < 0)
		return fail(w, -errno, "leave");
	if (st.st_dev != parent->dev || st.st_ino != parent->ino)
		return fail(w, -ESTALE, "leave");
	strv_free(&w->v[--w->n].names);
	cut_path(w, parent->length);
	return 0;
}

static int visit(struct walk *w, const char *name)
{
	struct tree_file f = { .dirfd = w->fd, .name = name };
	uint64_t mount;
	int fd, r;

	buf_addf(&w->path, "%s%s", w->path.len ? "/" : "", name);
	f.path = w->path.data;
	r = look(w->fd, name, &f.st, &mount);
	if (r < 0)
		return fail(w, r, "stat");
	if (mount != w->mount)
		return fail(w, -EXDEV, "something is mounted on");
	r = w->fn(w->arg, &f, w->e);
	if (r < 0)
		return r;
	if (r == TREE_NEXT && S_ISDIR(f.st.st_mode)) {
		fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? fail(w, -errno, "open") : enter(w, fd, &f.st);
	}
	cut_path(w, w->v[w->n - 1].length);
	return 0;
}

int tree_walk(int topfd, tree_fn *fn, void *arg, struct err *e)
{
	_cleanup_(walk_free) struct walk w = { .fd = -1, .fn = fn, .arg = arg, .e = e };
	struct tree_file top = { .path = "", .dirfd = topfd, .name = "." };
	int fd, r = look(topfd, ".", &top.st, &w.mount);

	if (r < 0)
		return fail(&w, r, "stat");
	r = fn(arg, &top, e);
	if (r != TREE_NEXT)
		return r < 0 ? r : 0;
	fd = openat(topfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? fail(&w, -errno, "open") : enter(&w, fd, &top.st);
	while (!r) {
		struct level *l = &w.v[w.n - 1];

		if (l->next < l->names.n)
			r = visit(&w, l->names.v[l->next++]);
		else if (w.n > 1)
			r = leave(&w);
		else
			break;
	}
	return r;
}
