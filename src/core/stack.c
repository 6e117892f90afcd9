// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "os/beneath.h"

/* No name of a root, nor of another lock; and in overlays/, of no layer. */
#define HOLD_LOCK ".stacks"
#define DEAD ".dead-"

void new_layer_free(struct new_layer *l)
{
	free(l->id);
	cleanup_closep(&l->lock_fd);
	*l = NEW_LAYER_NONE;
}

static int copy_xattrs(int from, int to)
{
	char names[8192], value[8192];
	ssize_t n = flistxattr(from, names, sizeof(names));

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (char *p = names; p < names + n; p += strlen(p) + 1) {
		ssize_t len;

		/* what an overlay noted there is of that layer alone */
		if (!strncmp(p, "trusted.overlay.", strlen("trusted.overlay.")))
			continue;
		len = fgetxattr(from, p, value, sizeof(value));
		if (len < 0 || (fsetxattr(to, p, value, (size_t)len, 0) < 0 &&
				errno != ENOTSUP))
			return -errno;
	}
	return 0;
}

static int make_like(int like_fd, int fd)
{
	struct stat st;

	if (like_fd < 0)
		return fchmod(fd, 0755) < 0 ? -errno : 0;
	if (fstat(like_fd, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(fd, st.st_mode & 07777) < 0)
		return -errno;
	return copy_xattrs(like_fd, fd);
}

static int fill(int dir_fd, int like_fd)
{
	_cleanup_close_ int upper = -1;

	if (mkdirat(dir_fd, "upper", 0755) < 0 || mkdirat(dir_fd, "work", 0755) < 0)
		return -errno;
	upper = openat(dir_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return upper < 0 ? -errno : make_like(like_fd, upper);
}

/* Make and lock a directory that nobody has; -EEXIST when luck was against it. */
static int make_locked(int overlays_fd, const char *id)
{
	_cleanup_close_ int fd = -1;
	struct stat a, b;

	if (mkdirat(overlays_fd, id, 0700) < 0)
		return -errno;
	fd = openat(overlays_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* somebody may have collected it before it was locked */
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0 || fstat(fd, &a) < 0 ||
	    fstatat(overlays_fd, id, &b, AT_SYMLINK_NOFOLLOW) < 0 ||
	    a.st_ino != b.st_ino)
		return -EEXIST;
	return TAKE_FD(fd);
}

int stack_new(const struct registry *reg, int like_fd, struct new_layer *out,
	      struct err *e)
{
	int r = -EEXIST;

	*out = NEW_LAYER_NONE;
	for (int i = 0; r == -EEXIST && i < 64; i++) {
		uint32_t n;

		if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
			return err_set(e, -EIO, "get a random number");
		free(out->id);
		/* short: the names of all layers have to fit in a page */
		out->id = xasprintf("%08x", n);
		r = out->lock_fd = make_locked(reg->overlays_fd, out->id);
	}
	if (r >= 0)
		r = fill(out->lock_fd, like_fd);
	if (r >= 0)
		return 0;
	err_set(e, r, "create a layer in '%s/overlays'", reg->state);
	if (out->lock_fd >= 0)
		beneath_rmtree(reg->overlays_fd, out->id, NULL);
	new_layer_free(out);
	return r;
}

int stack_copy_top(int like_fd, int fd, struct err *e)
{
	int r = make_like(like_fd, fd);

	return r < 0 ? err_set(e, r, "copy owner and mode of the top directory") : 0;
}

int stack_open_upper(const struct registry *reg, const char *id, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/upper", id);
	int fd = openat(reg->overlays_fd, path,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_set(e, -errno, "open layer '%s'", id) : fd;
}

int stack_hold(const struct registry *reg, struct err *e)
{
	return lock_take(reg->locks_fd, HOLD_LOCK, LOCK_SHARED, true, e);
}

/* Every layer that a root names, into @ids. */
static int add_layers(const char *name, const struct storage *s, void *ids,
		      struct err *e)
{
	(void)name;
	(void)e;
	for (size_t k = 0; k < s->layers.n; k++)
		strv_add(ids, s->layers.v[k]);
	if (s->upper)
		strv_add(ids, s->upper);
	return 0;
}

/* Give what nobody names or holds a name that says so. */
static void bury(const struct registry *reg, const char *id)
{
	_cleanup_free_ char *dead = xasprintf(DEAD "%s", id);
	_cleanup_close_ int fd =
		openat(reg->overlays_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) &&
	    renameat(reg->overlays_fd, id, reg->overlays_fd, dead) < 0)
		log_debug("rename layer '%s': %s", id, strerror(errno));
}

void stack_collect(const struct registry *reg)
{
	_cleanup_strv_ struct strv all = { 0 }, live = { 0 };
	struct err why = { 0 };
	int lock;

	beneath_list(reg->overlays_fd, "/", &all);
	if (!all.n)
		return;
	lock = lock_take(reg->locks_fd, HOLD_LOCK, LOCK_EXCLUSIVE, false, &why);
	if (lock < 0)
		return;
	if (root_each_storage(reg, add_layers, &live, &why) < 0) {
		log_warn("no layer is deleted: %s", why.msg);
		all.n = 0;
	}
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i][0] != '.' && !strv_has(&live, all.v[i]))
			bury(reg, all.v[i]);
	/* the deleting may take its time; nobody has to wait for it */
	close(lock);
	strv_free(&all);
	beneath_list(reg->overlays_fd, "/", &all);
	for (size_t i = 0; i < all.n; i++) {
		int r = strncmp(all.v[i], DEAD, strlen(DEAD)) ?
				0 :
				beneath_rmtree(reg->overlays_fd, all.v[i], &why);

		/* else another command is at the same work */
		if (r < 0 && r != -ESTALE && r != -ENOENT)
			log_warn("a layer that nobody needs is left: %s", why.msg);
	}
}
