// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/stack.h"
#include "mech/mount.h"

/* How long what a killed command left may take to die, on a busy disk: 5 s */
#define PATIENCE 250
static const struct timespec moment = { .tv_nsec = 20000000 };

/* a renamed directory has to be no surprise: without redirect_dir, rename gives EXDEV */
#define OVERLAY_OPTIONS "redirect_dir=on,index=off,metacopy=off,lowerdir="

/*
 * Lock what only one file system may be over. The first one here asks for it alone,
 * since nobody may have it otherwise; then it is shared with those who join. What a
 * killed command left may take a moment to die.
 */
static bool hold(int fd, bool alone, int (*lock)(int fd, bool alone, const void *arg),
		 const void *arg)
{
	for (int i = 0; alone && lock(fd, true, arg) < 0; i++) {
		if (i == PATIENCE)
			return false;
		nanosleep(&moment, NULL);
	}
	return !lock(fd, false, arg);
}

/* Of a partition only its bytes; and such a lock is one that qemu looks for too. */
static int lock_image(int fd, bool alone, const void *storage)
{
	const struct storage *s = storage;
	struct flock l = { .l_type = alone ? F_WRLCK : F_RDLCK,
			   .l_whence = SEEK_SET,
			   .l_start = (off_t)s->offset,
			   .l_len = (off_t)s->length };

	return fcntl(fd, F_OFD_SETLK, &l);
}

static int lock_dir(int fd, bool alone, const void *unused)
{
	(void)unused;
	return flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB);
}

/* This keeps out others that ask, another state directory's crossroot among them. */
static int hold_image(const char *file, const struct storage *s, bool alone, int *fd,
		      struct err *e)
{
	struct stat st;

	cleanup_closep(fd);
	*fd = open(file, (alone ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return err_set(e, -errno, "open the image '%s'", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ERR_STATE, "the image '%s' is no regular file", file);
	if (hold(*fd, alone, lock_image, s))
		return 0;
	err_set(e, -ERR_STATE, "the image '%s' is in use by another program", file);
	return err_hint(e, "two file systems over one image would destroy it");
}

/* And this a command of another container, whom the table of locks does not show. */
static int hold_upper(const struct registry *reg, struct root *root, bool alone,
		      struct err *e)
{
	cleanup_closep(&root->upper_fd);
	root->upper_fd = stack_open_upper(reg, root->storage.upper, e);
	if (root->upper_fd < 0)
		return root->upper_fd;
	if (hold(root->upper_fd, alone, lock_dir, NULL))
		return 0;
	err_set(e, -ERR_STATE, "the layers are in use where this command cannot see it");
	return err_hint(e, "two overlays over one layer would destroy it: is a command at "
			   "work in another container?");
}

static int attach_image(const char *dir, const struct storage *s, const char *to,
			int *image_fd, struct err *e)
{
	_cleanup_free_ char *own = path_join(dir, STORAGE_IMAGE_FILE);
	const struct mount_image img = {
		.file = s->image ? s->image : own,
		.type = s->type,
		.offset = s->offset,
		.length = s->length,
		.read_only = s->read_only,
		/*
		 * The host gets back room that is freed, if the kernel comes to it before
		 * the end; and a copy of an xfs may be mounted beside its original.
		 */
		.options = s->image || !s->type      ? NULL :
			   !strcmp(s->type, "xfs")  ? "discard,nouuid" :
			   !strcmp(s->type, "ext4") ? "discard" :
						      NULL,
	};
	int r = hold_image(img.file, s, !img.read_only, image_fd, e);

	return r < 0 ? r : mount_image(&img, to, e);
}

/*
 * What else the process that was joined had mounted is of no use here, and would be held
 * on to for as long as this one runs: an overlay whose root somebody else may mount anew.
 */
static int forget_others(const struct registry *reg, const char *name, const char *base,
			 struct err *e)
{
	_cleanup_free_ char *roots = path_join(reg->state, "roots");
	_cleanup_free_ char *overlays = path_join(reg->state, "overlays");
	const char *const dirs[] = { roots, overlays };
	_cleanup_free_ char *keep = xasprintf("%s/roots/%s", reg->state, name);
	_cleanup_free_ char *keep_too = xasprintf("%s/roots/%s", reg->state, base);
	int r = 0;

	for (size_t d = 0; d < ARRAY_SIZE(dirs); d++) {
		_cleanup_strv_ struct strv at = { 0 };

		mount_list(dirs[d], &at);
		for (size_t i = 0; !r && i < at.n; i++) {
			const char *in = strchr(at.v[i] + strlen(dirs[d]) + 1, '/');

			/* NAME/tree, ID/tree: what commands mount; the rest is the user's */
			if (in && !strchr(in + 1, '/') && !path_beneath(at.v[i], keep) &&
			    !path_beneath(at.v[i], keep_too))
				r = mount_forget(at.v[i], e);
		}
	}
	return r;
}

/*
 * Someone who has @name open has @path mounted: see what they see of it and of the root
 * @base. 1 if so.
 */
static int join(const struct registry *reg, const char *name, const char *path,
		const char *base, struct err *e)
{
	_cleanup_free_ struct lock_holder *holders = NULL;
	size_t n = lock_holders(reg->locks_fd, name, &holders);

	for (size_t i = 0; i < n; i++) {
		int r;

		if (holders[i].pid == getpid())
			continue;
		r = mount_join(holders[i].pid, path, e);
		if (r == -ESRCH)
			continue;
		if (r < 0)
			return r;
		r = forget_others(reg, name, base, e);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int tmpfs_gone(const char *name, struct err *e)
{
	err_set(e, -ERR_STATE, "root '%s' was in memory and is gone", name);
	return err_hint(e, "memory does not outlive a restart of the machine: "
			   "'crossroot destroy %s', and create it anew",
			name);
}

bool attach_tmpfs_present(int dir_fd)
{
	struct stat dir, tree;

	return !fstat(dir_fd, &dir) && !fstatat(dir_fd, "tree", &tree, 0) &&
	       dir.st_dev != tree.st_dev;
}

/*
 * Have the image at @s mounted on DIR/tree, or join who has. @name is the root whose
 * lock its users hold; that lock is held by the caller.
 */
static int share_image(const struct registry *reg, const char *name,
		       const struct storage *s, int *image_fd, struct err *e)
{
	_cleanup_free_ char *dir = xasprintf("%s/roots/%s", reg->state, name);
	_cleanup_free_ char *tree = path_join(dir, "tree");
	_cleanup_free_ char *own = path_join(dir, STORAGE_IMAGE_FILE);
	_cleanup_free_ char *lock_name = xasprintf(".mount-%s", name);
	/* whoever has it looks or mounts: nobody else does meanwhile */
	_cleanup_close_ int lock =
		lock_take(reg->locks_fd, lock_name, LOCK_EXCLUSIVE, true, e);
	int r = lock < 0 ? lock : join(reg, name, tree, name, e);

	if (r > 0)
		return hold_image(s->image ? s->image : own, s, false, image_fd, e);
	if (!r)
		r = mount_private(e);
	return r < 0 ? r : attach_image(dir, s, tree, image_fd, e);
}

/* A directory outside is one file system, however often it is bound. */
static int attach_dir(const struct registry *reg, const char *name,
		      const struct storage *s, struct err *e)
{
	_cleanup_free_ char *tree = xasprintf("%s/roots/%s/tree", reg->state, name);
	int r = mount_private(e);

	return r < 0 ? r : mount_bind(s->base, tree, e);
}

/* Hold the base that is the root @name, and have its files in its tree/. */
static int attach_base_root(const struct registry *reg, const char *name,
			    struct root *root, struct err *e)
{
	_cleanup_close_ int dir_fd = -1;
	_cleanup_storage_ struct storage s = { 0 };
	int r;

	/* while an overlay on it is created it is held already */
	if (root->base_lock_fd < 0)
		root->base_lock_fd = root_lock(reg, name, LOCK_SHARED, e);
	if (root->base_lock_fd < 0)
		return root->base_lock_fd;
	dir_fd = openat(reg->roots_fd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return err_set(e, -errno, "open root '%s'", name);
	r = storage_read(dir_fd, &s, e);
	if (r < 0)
		return r;
	switch (s.kind) {
	case STORAGE_DIR:
		return s.base ? attach_dir(reg, name, &s, e) : 0;
	case STORAGE_TMPFS:
		return attach_tmpfs_present(dir_fd) ? 0 : tmpfs_gone(name, e);
	case STORAGE_IMAGE:
		return share_image(reg, name, &s, &root->image_fd, e);
	case STORAGE_OVERLAY:
		break;
	}
	return err_set(e, -ERR_STATE, "root '%s' cannot be a base", name);
}

/* What is at the bottom of the stack, as the overlay's option names it; NULL: nothing. */
static int attach_base(const struct registry *reg, const char *dir, struct root *root,
		       char **lower, struct err *e)
{
	_cleanup_free_ char *at = path_join(dir, "base");
	const struct storage *s = &root->storage;
	const struct mount_image img = { .file = s->base,
					 .type = s->type,
					 .offset = s->offset,
					 .length = s->length,
					 .read_only = true };
	int r = 0;

	*lower = NULL;
	switch (s->base_kind) {
	case BASE_NONE:
		return 0;
	case BASE_DIR:
		r = mount_bind(s->base, at, e);
		break;
	case BASE_FILE:
		r = hold_image(s->base, s, false, &root->image_fd, e);
		if (!r)
			r = mount_image(&img, at, e);
		break;
	case BASE_ROOT:
		r = attach_base_root(reg, s->base, root, e);
		break;
	}
	if (r < 0)
		return err_wrap(e, "the base");
	/* names of roots have no character that an option would need escaped */
	*lower = s->base_kind == BASE_ROOT ?
			 xasprintf("../roots/%s/tree", s->base) :
			 xasprintf("../roots/%s/base", path_base(dir));
	return 0;
}

bool attach_fits(const struct storage *s, size_t more)
{
	static const char most[] = OVERLAY_OPTIONS ",upperdir=01234567/upper,"
				   "workdir=01234567/work:../roots//base";
	size_t len = sizeof(most) + ROOT_NAME_MAX;

	return len + (s->layers.n + more) * strlen("01234567/upper:") <=
	       MOUNT_OPTIONS_MAX;
}

static int attach_overlay(const struct registry *reg, const char *dir, struct root *root,
			  const char *to, struct err *e)
{
	_cleanup_free_ char *overlays = path_join(reg->state, "overlays"), *base = NULL;
	_cleanup_buf_ struct buf b = { 0 };
	const struct storage *s = &root->storage;
	int r = attach_base(reg, dir, root, &base, e);
	const char *sep = "";

	if (!r)
		r = hold_upper(reg, root, true, e);
	if (r < 0)
		return r;
	buf_adds(&b, OVERLAY_OPTIONS);
	for (size_t i = s->layers.n; i-- > 0; sep = ":")
		buf_addf(&b, "%s%s/upper", sep, s->layers.v[i]);
	if (base)
		buf_addf(&b, "%s%s", sep, base);
	buf_addf(&b, ",upperdir=%s/upper,workdir=%s/work", s->upper, s->upper);
	return mount_overlay(overlays, b.data, to, e);
}

int attach_new(const struct registry *reg, const char *dir, struct root *root,
	       struct err *e)
{
	_cleanup_free_ char *tree = path_join(dir, "tree");
	int r = mount_private(e);

	if (r < 0)
		return r;
	if (root->storage.kind == STORAGE_IMAGE)
		return attach_image(dir, &root->storage, tree, &root->image_fd, e);
	if (root->storage.kind == STORAGE_OVERLAY)
		return attach_overlay(reg, dir, root, tree, e);
	return root->storage.base ? mount_bind(root->storage.base, tree, e) : 0;
}

int attach_undo(const char *dir, struct err *e)
{
	static const char *const at[] = { "tree", "base" };
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(at); i++) {
		_cleanup_free_ char *path = path_join(dir, at[i]);

		if (mount_listed(path))
			r = mount_undo(path, e);
	}
	return r;
}

/* What someone who joins has to hold, as who mounted it does. */
static int hold_with_others(const struct registry *reg, struct root *root, struct err *e)
{
	const struct storage *s = &root->storage;
	int r = hold_upper(reg, root, false, e);

	if (!r && s->base_kind == BASE_FILE)
		r = hold_image(s->base, s, false, &root->image_fd, e);
	if (!r && s->base_kind == BASE_ROOT) {
		r = root_lock(reg, s->base, LOCK_SHARED, e);
		if (r >= 0) {
			root->base_lock_fd = r;
			r = 0;
		}
	}
	return r;
}

int attach_root(const struct registry *reg, struct root *root, struct err *e)
{
	_cleanup_free_ char *name = xasprintf(".mount-%s", root->name);
	const struct storage *s = &root->storage;
	_cleanup_close_ int lock = -1;
	int r;

	switch (s->kind) {
	case STORAGE_DIR:
		return s->base ? attach_dir(reg, root->name, s, e) : 0;
	case STORAGE_TMPFS:
		return attach_tmpfs_present(root->dir_fd) ? 0 : tmpfs_gone(root->name, e);
	case STORAGE_IMAGE:
		return share_image(reg, root->name, s, &root->image_fd, e);
	case STORAGE_OVERLAY:
		break;
	}
	lock = lock_take(reg->locks_fd, name, LOCK_EXCLUSIVE, true, e);
	if (lock < 0)
		return lock;
	r = join(reg, root->name, root->tree,
		 s->base_kind == BASE_ROOT ? s->base : root->name, e);
	if (r > 0)
		return hold_with_others(reg, root, e);
	return r < 0 ? r : attach_new(reg, root->dir, root, e);
}

int attach_settle(const struct registry *reg, struct root *root, struct err *e)
{
	_cleanup_free_ char *own = path_join(root->dir, STORAGE_IMAGE_FILE);
	_cleanup_free_ char *device = NULL;
	const char *file = root->storage.image ? root->storage.image : own;
	int r = attach_root(reg, root, e);

	if (!r && !(device = mount_source(root->tree)))
		r = err_set(e, -EIO, "find the device of root '%s'", root->name);
	if (!r)
		r = attach_undo(root->dir, e);
	/* the mounts of a killed command take a moment to go, and are the same device */
	for (int i = 0; !r && mount_loop_has(device, file); i++) {
		if (i == PATIENCE)
			r = err_set(e, -ERR_STATE, "the image '%s' is still mounted",
				    file);
		nanosleep(&moment, NULL);
	}
	return r;
}
