// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whiteouts, opaque directories and redirects say in three ways what is no longer there,
 * and layers above a layer may have taken it back. So layers are only asked where to
 * look; what happened there is told by two views, one mounted without those layers.
 */
#include "core/diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/snapshot.h"
#include "core/stack.h"
#include "mech/mount.h"
#include "os/beneath.h"

#define OVERLAY_XATTR "trusted.overlay."

struct diff {
	int old_fd, new_fd;
	struct strv paths; /* where to look, relative, more than once perhaps */
	struct err *e;
};

void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].path);
	free(c->v);
	*c = (struct changes){ 0 };
}

/* Every path below @path, where that is a directory of the view @fd. */
static void add_below(struct diff *d, int fd, const char *path)
{
	_cleanup_close_ int dir =
		beneath_open_exact(fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir < 0)
		return;
	beneath_list(dir, "/", &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *below = path_join(path, names.v[i]);

		strv_add(&d->paths, below);
		add_below(d, fd, below);
	}
}

/* Whether what is below @fd, a directory of a layer, is not what lies under it. */
static bool hides(int fd)
{
	char value[8];

	return fgetxattr(fd, OVERLAY_XATTR "opaque", value, sizeof(value)) > 0 ||
	       fgetxattr(fd, OVERLAY_XATTR "redirect", NULL, 0) > 0;
}

/* Look through the directory @fd, which is @path in the view, of one layer. */
static int scan_layer(struct diff *d, int fd, const char *path)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = beneath_list(fd, "/", &names);

	if (r < 0)
		return err_set(d->e, r, "list '/%s'", path);
	for (size_t i = 0; !r && i < names.n; i++) {
		_cleanup_free_ char *below =
			*path ? path_join(path, names.v[i]) : xstrdup(names.v[i]);
		_cleanup_close_ int dir =
			openat(fd, names.v[i],
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		strv_add(&d->paths, below);
		if (dir < 0 || hides(dir)) {
			add_below(d, d->old_fd, below);
			add_below(d, d->new_fd, below);
		}
		if (dir >= 0)
			r = scan_layer(d, dir, below);
	}
	return r;
}

/* The names of the extended attributes that a program in the root sees. */
static void list_xattrs(const char *path, struct strv *names)
{
	char all[8192];
	ssize_t n = listxattr(path, all, sizeof(all));

	for (char *p = all; n > 0 && p < all + n; p += strlen(p) + 1)
		if (strncmp(p, OVERLAY_XATTR, strlen(OVERLAY_XATTR)))
			strv_add(names, p);
	strv_sort(names);
}

static bool same_xattrs(int a, int b)
{
	_cleanup_strv_ struct strv an = { 0 }, bn = { 0 };
	char ap[64], bp[64], av[8192], bv[8192];

	snprintf(ap, sizeof(ap), "/proc/self/fd/%d", a);
	snprintf(bp, sizeof(bp), "/proc/self/fd/%d", b);
	list_xattrs(ap, &an);
	list_xattrs(bp, &bn);
	if (an.n != bn.n)
		return false;
	for (size_t i = 0; i < an.n; i++) {
		ssize_t n = getxattr(ap, an.v[i], av, sizeof(av));

		if (strcmp(an.v[i], bn.v[i]) || n < 0 ||
		    getxattr(bp, bn.v[i], bv, sizeof(bv)) != n ||
		    memcmp(av, bv, (size_t)n))
			return false;
	}
	return true;
}

static bool same_link(int a, int b)
{
	char at[4096], bt[4096];
	ssize_t n = readlinkat(a, "", at, sizeof(at));

	return n >= 0 && readlinkat(b, "", bt, sizeof(bt)) == n &&
	       !memcmp(at, bt, (size_t)n);
}

static bool same(int a, int b)
{
	struct stat as, bs;

	if (fstat(a, &as) < 0 || fstat(b, &bs) < 0 || as.st_mode != bs.st_mode ||
	    as.st_uid != bs.st_uid || as.st_gid != bs.st_gid)
		return false;
	if (S_ISLNK(as.st_mode))
		return same_link(a, b);
	if (S_ISREG(as.st_mode) && (as.st_size != bs.st_size ||
				    as.st_mtim.tv_sec != bs.st_mtim.tv_sec ||
				    as.st_mtim.tv_nsec != bs.st_mtim.tv_nsec))
		return false;
	return as.st_rdev == bs.st_rdev && same_xattrs(a, b);
}

/* What happened to @path: 0 for nothing. */
static int judge(struct diff *d, const char *path, struct changes *out)
{
	_cleanup_close_ int a = beneath_open_exact(d->old_fd, path, O_PATH | O_NOFOLLOW);
	_cleanup_close_ int b = beneath_open_exact(d->new_fd, path, O_PATH | O_NOFOLLOW);
	char what;

	if (a >= 0 && b >= 0)
		what = same(a, b) ? 0 : 'M';
	else
		what = b >= 0 ? 'A' : a >= 0 ? 'D' : 0;
	if (!what)
		return 0;
	xgrow(&out->v, &out->cap, out->n, sizeof(*out->v));
	out->v[out->n++] = (struct change){ path_join("/", path), what };
	return 0;
}

/* The view without the layers from number @from on; mounted if that takes it. */
static int open_old(const struct registry *reg, const struct root *root, size_t from,
		    struct err *e)
{
	_cleanup_free_ char *overlays = path_join(reg->state, "overlays");
	_cleanup_free_ char *at = path_join(root->dir, "old"), *base = NULL;
	const struct storage *s = &root->storage;
	_cleanup_buf_ struct buf b = { 0 };
	int fd, r;

	if (s->base_kind == BASE_ROOT)
		base = xasprintf("%s/roots/%s/tree", reg->state, s->base);
	else if (s->base_kind != BASE_NONE)
		base = path_join(root->dir, "base");
	if (!from && base) {
		fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_set(e, -errno, "open '%s'", base) : fd;
	}
	if (!from)
		return err_set(e, -ERR_STATE, "root '%s' began with nothing", root->name);
	if (from == 1 && !base)
		return stack_open_upper(reg, s->layers.v[0], e);
	/* several commands may be at it; each sees its own mount */
	if (mkdirat(root->dir_fd, "old", 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create '%s'", at);
	buf_adds(&b, "redirect_dir=on,lowerdir=");
	for (size_t i = from; i-- > 0;)
		buf_addf(&b, "%s/upper%s", s->layers.v[i], i || base ? ":" : "");
	if (base)
		buf_addf(&b, "../roots/%s",
			 base + strlen(reg->state) + strlen("/roots/"));
	r = mount_overlay(overlays, b.data, at, e);
	if (r < 0)
		return r;
	fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open '%s'", at) : fd;
}

int root_diff(const struct registry *reg, const struct root *root, long n,
	      struct changes *out, struct err *e)
{
	const struct storage *s = &root->storage;
	struct diff d = { .old_fd = -1, .new_fd = root->tree_fd, .e = e };
	_cleanup_close_ int old = -1;
	size_t from;
	int r = 0;

	*out = (struct changes){ 0 };
	if (n < 0)
		n = (long)s->snapshots.n - 1;
	if (n < 0 || (size_t)n >= s->snapshots.n) {
		err_set(e, -ERR_STATE, "root '%s' has no snapshot %ld", root->name, n);
		return err_hint(e, "'crossroot info %s' shows them", root->name);
	}
	from = snapshot_layers(s, (size_t)n);
	old = d.old_fd = open_old(reg, root, from, e);
	if (old < 0)
		return old;
	for (size_t i = from; !r && i <= s->layers.n; i++) {
		_cleanup_close_ int layer = stack_open_upper(
			reg, i < s->layers.n ? s->layers.v[i] : s->upper, e);

		r = layer < 0 ? layer : scan_layer(&d, layer, "");
	}
	strv_sort(&d.paths);
	for (size_t i = 0; !r && i < d.paths.n; i++)
		if (!i || strcmp(d.paths.v[i - 1], d.paths.v[i]))
			r = judge(&d, d.paths.v[i], out);
	strv_free(&d.paths);
	return r;
}
