// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/root.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "core/attach.h"
#include "core/make.h"
#include "core/stack.h"
#include "mech/mount.h"
#include "os/beneath.h"
#include "os/fdio.h"

/* A set-uid program of a root, with whatever holes it has, is for its runs alone. */
static int open_private(int at, const char *name, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create directory '%s'", name);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open directory '%s'", name);
	if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700) < 0)
		return err_set(e, -errno, "close directory '%s' to others", name);
	return TAKE_FD(fd);
}

int registry_open(struct registry *reg, const char *state, struct err *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	*reg = (struct registry){ .roots_fd = -1, .locks_fd = -1, .overlays_fd = -1 };
	r = fdio_mkdirs(AT_FDCWD, state, 0755, e);
	if (r < 0)
		return err_wrap(e, "open the state directory");
	reg->state = realpath(state, NULL);
	if (!reg->state)
		return err_set(e, -errno, "open the state directory '%s'", state);
	fd = open(reg->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open the state directory '%s'", state);
	reg->roots_fd = open_private(fd, "roots", e);
	reg->locks_fd = reg->roots_fd < 0 ? -1 : open_private(fd, "locks", e);
	reg->overlays_fd = reg->locks_fd < 0 ? -1 : open_private(fd, "overlays", e);
	if (reg->overlays_fd < 0) {
		r = err_wrap(e, "open the state directory '%s'", state);
		registry_close(reg);
		return r;
	}
	return 0;
}

void registry_close(struct registry *reg)
{
	free(reg->state);
	if (reg->roots_fd >= 0)
		close(reg->roots_fd);
	if (reg->locks_fd >= 0)
		close(reg->locks_fd);
	if (reg->overlays_fd >= 0)
		close(reg->overlays_fd);
	*reg = (struct registry){ .roots_fd = -1, .locks_fd = -1, .overlays_fd = -1 };
}

int root_check_name(const char *name, struct err *e)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._+-";
	int r = 0;

	if (!*name)
		r = err_set(e, -ERR_USAGE, "a root's name cannot be empty");
	else if (strlen(name) > ROOT_NAME_MAX)
		r = err_set(e, -ERR_USAGE, "the name '%.40s...' is longer than %d bytes",
			    name, ROOT_NAME_MAX);
	else if (*name == '.' || *name == '-' || name[strspn(name, ok)])
		r = err_set(e, -ERR_USAGE, "'%s' cannot name a root", name);
	else
		return 0;
	err_hint(e, "use letters, digits, '.', '_', '+' and '-', "
		    "a letter or digit first");
	return r;
}

bool root_exists(const struct registry *reg, const char *name)
{
	struct stat st;

	return !fstatat(reg->roots_fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

int root_check_free(const struct registry *reg, const char *name, struct err *e)
{
	if (!root_exists(reg, name))
		return 0;
	err_set(e, -ERR_STATE, "there is a root '%s' already", name);
	return err_hint(e, "'crossroot destroy %s' deletes it", name);
}

int root_lock(const struct registry *reg, const char *name, enum lock_mode mode,
	      struct err *e)
{
	int fd = lock_take(reg->locks_fd, name, mode, false, e);

	if (fd == -EWOULDBLOCK) {
		fd = err_set(e, -ERR_STATE, "root '%s' is in use", name);
		err_hint(e, "wait for its runs to end, or stop them");
	}
	return fd;
}

/* What is in the directory of @root, which gets its name. */
static int open_dir(const struct registry *reg, const char *name, struct root *root,
		    struct err *e)
{
	int r;

	root->dir_fd = openat(reg->roots_fd, name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root->dir_fd < 0 && errno == ENOENT) {
		r = err_set(e, -ERR_STATE, "there is no root '%s'", name);
		err_hint(e, "'crossroot list' shows the roots there are");
		return r;
	}
	if (root->dir_fd < 0)
		return err_set(e, -errno, "open root '%s'", name);
	root->name = xstrdup(name);
	root->dir = xasprintf("%s/roots/%s", reg->state, name);
	root->tree = path_join(root->dir, "tree");
	r = storage_read(root->dir_fd, &root->storage, e);
	return r < 0 ? err_wrap(e, "root '%s'", name) : 0;
}

int root_open_closed(const struct registry *reg, const char *name, enum lock_mode mode,
		     struct root *out, struct err *e)
{
	int r = root_check_name(name, e);

	*out = ROOT_CLOSED;
	if (r < 0)
		return r;
	out->lock_fd = root_lock(reg, name, mode, e);
	r = out->lock_fd < 0 ? out->lock_fd : open_dir(reg, name, out, e);
	if (r < 0)
		root_close(out);
	return r;
}

static int open_tree(struct root *root, struct err *e)
{
	int r;

	/* by its path: root->dir_fd does not show what this process mounted */
	root->tree_fd = open(root->tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root->tree_fd < 0)
		return err_set(e, -errno, "open root '%s'", root->name);
	r = root_detect_arch(root->tree_fd, &root->arch, e);
	return r < 0 ? err_wrap(e, "root '%s'", root->name) : 0;
}

/* Of a root that is open closed; without its files it is closed altogether. */
static int open_files(const struct registry *reg, struct root *root, struct err *e)
{
	int r = attach_root(reg, root, e);

	if (r < 0)
		err_wrap(e, "root '%s'", root->name);
	else
		r = open_tree(root, e);
	if (r < 0)
		root_close(root);
	return r;
}

int root_open(const struct registry *reg, const char *name, enum lock_mode mode,
	      struct root *out, struct err *e)
{
	int r = root_open_closed(reg, name, mode, out, e);

	if (r < 0)
		return r;
	/* one damaged root shall not stop the runs of all others */
	r = root_check_unused(reg, name, false, e);
	if (!r)
		return open_files(reg, out, e);
	root_close(out);
	return r;
}

int root_open_reading(const struct registry *reg, const char *name, struct root *out,
		      struct err *e)
{
	/* those it is the base of hold its lock while they are open */
	int r = root_open_closed(reg, name, LOCK_EXCLUSIVE, out, e);

	return r < 0 ? r : open_files(reg, out, e);
}

int root_peek(const struct registry *reg, const char *name, struct root *out,
	      struct err *e)
{
	const struct storage *s = &out->storage;
	int r = root_check_name(name, e);

	*out = ROOT_CLOSED;
	if (!r)
		r = open_dir(reg, name, out, e);
	if (!r && s->arch) {
		out->arch = arch_by_name(s->arch);
	} else if (!r) {
		r = open_tree(out, e);
		cleanup_closep(&out->tree_fd);
		out->tree_fd = -1;
	}
	if (!r && s->kind == STORAGE_TMPFS && !attach_tmpfs_present(out->dir_fd))
		r = err_set(e, -ERR_STATE, "gone with the machine's memory");
	return r;
}

void root_close(struct root *r)
{
	int *fds[] = { &r->dir_fd, &r->tree_fd, &r->base_lock_fd, &r->image_fd,
		       &r->upper_fd, &r->lock_fd };

	free(r->name);
	free(r->dir);
	free(r->tree);
	storage_free(&r->storage);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		cleanup_closep(fds[i]);
	*r = ROOT_CLOSED;
}

int root_check_writable(const struct root *root, struct err *e)
{
	if (!storage_is_read_only(&root->storage))
		return 0;
	err_set(e, -EROFS, "root '%s' is a read-only image", root->name);
	return err_hint(e, "put an overlay upon it: 'crossroot create NEW --base %s'",
			root->storage.image);
}

/* Whether what is left to read at @dir_fd speaks of the base @base. */
static bool may_need(int dir_fd, const char *base)
{
	_cleanup_free_ char *text = NULL, *line = xasprintf("root:%s\n", base);

	return fdio_read_file(dir_fd, STORAGE_FILE, 1 << 20, &text, NULL, NULL) < 0 ||
	       strstr(text, line);
}

/*
 * @except: a root that is not looked at, NULL: none. @base: nor are those that cannot
 * be read and do not speak of it; NULL: they are an error too.
 */
static int each_storage(const struct registry *reg, const char *except, const char *base,
			root_storage_fn *fn, void *arg, struct err *e)
{
	_cleanup_strv_ struct strv all = { 0 };
	int r = root_list(reg, &all, e);

	for (size_t i = 0; !r && i < all.n; i++) {
		_cleanup_storage_ struct storage s = { 0 };
		_cleanup_close_ int fd = -1;
		struct err why = { 0 };

		if (except && !strcmp(all.v[i], except))
			continue;
		fd = openat(reg->roots_fd, all.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* destroyed meanwhile */
		if (fd < 0 && errno == ENOENT)
			continue;
		r = fd < 0 ? err_set(&why, -errno, "open its directory") :
			     storage_read(fd, &s, &why);
		if (r < 0 && base && fd >= 0 && !may_need(fd, base)) {
			r = 0;
			continue;
		}
		if (r < 0) {
			err_wrap(&why, "root '%s'", all.v[i]);
			err_hint(&why, "mend it, or 'crossroot destroy %s'", all.v[i]);
			if (e)
				*e = why;
			return r;
		}
		r = fn(all.v[i], &s, arg, e);
	}
	return r;
}

int root_each_storage(const struct registry *reg, root_storage_fn *fn, void *arg,
		      struct err *e)
{
	return each_storage(reg, NULL, NULL, fn, arg, e);
}

struct users {
	const char *base;
	struct strv *names;
};

static int add_user(const char *name, const struct storage *s, void *arg, struct err *e)
{
	struct users *u = arg;

	(void)e;
	if (s->base_kind == BASE_ROOT && !strcmp(s->base, u->base))
		strv_add(u->names, name);
	return 0;
}

int root_users(const struct registry *reg, const char *name, struct strv *names,
	       struct err *e)
{
	struct users u = { .base = name, .names = names };

	/* no root is its own base */
	return each_storage(reg, name, NULL, add_user, &u, e);
}

int root_check_unused(const struct registry *reg, const char *name, bool strict,
		      struct err *e)
{
	_cleanup_strv_ struct strv users = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	struct users u = { .base = name, .names = &users };
	int r = each_storage(reg, name, strict ? NULL : name, add_user, &u, e);

	if (r < 0 || !users.n)
		return r;
	for (size_t i = 0; i < users.n && b.len < 256; i++)
		buf_addf(&b, "%s'%s'", i ? ", " : "", users.v[i]);
	err_set(e, -ERR_STATE, "root '%s' is the base of %s, and may not change", name,
		b.data);
	return err_hint(e, "work in one of these, or in a clone ('crossroot clone %s NEW')",
			name);
}

int root_list(const struct registry *reg, struct strv *names, struct err *e)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;
	int fd = openat(reg->roots_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_set(e, -errno, "read '%s/roots'", reg->state);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			strv_add(names, de->d_name);
	strv_sort(names);
	return 0;
}

const char *const root_probes[] = { "/bin/sh", "/usr/bin/env", "/bin/busybox",
				    "/sbin/init", NULL };

int root_detect_arch(int tree_fd, const struct arch **out, struct err *e)
{
	unsigned char h[20];

	for (size_t i = 0; root_probes[i]; i++) {
		_cleanup_close_ int fd =
			beneath_open(tree_fd, root_probes[i], O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0 || read(fd, h, sizeof(h)) != sizeof(h) ||
		    memcmp(h, ELFMAG, SELFMAG))
			continue;
		bool lsb = h[EI_DATA] == ELFDATA2LSB;
		uint16_t machine =
			(uint16_t)(lsb ? h[18] | h[19] << 8 : h[19] | h[18] << 8);

		*out = arch_by_elf(h[EI_CLASS], h[EI_DATA], machine);
		if (!*out)
			return err_set(e, -ERR_UNSUPPORTED,
				       "'%s' is for an unknown architecture (machine %u)",
				       root_probes[i], machine);
		return 0;
	}
	err_set(e, -ERR_FORMAT, "this is no root file system: no program at /bin/sh");
	return err_hint(e, "a stage is a tarball of a whole root, "
			   "such as Gentoo's stage3");
}

static int remove_leftover(const struct registry *reg, const char *prefix,
			   const char *name, bool *found, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s%s", prefix, name);
	struct stat st;

	if (fstatat(reg->roots_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	*found = true;
	return making_discard(reg, path, e);
}

/* What is mounted in a root would go with it; the mount that its memory is apart. */
static int check_mounts(const struct registry *reg, const char *name, struct err *e)
{
	_cleanup_free_ char *dir = xasprintf("%s/roots/%s", reg->state, name);
	_cleanup_free_ char *tree = path_join(dir, "tree");
	_cleanup_strv_ struct strv at = { 0 };
	_cleanup_storage_ struct storage s = { 0 };
	_cleanup_close_ int fd =
		openat(reg->roots_fd, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool memory =
		fd >= 0 && !storage_read(fd, &s, NULL) && s.kind == STORAGE_TMPFS;

	mount_list(dir, &at);
	for (size_t i = at.n; i-- > 0;) {
		if (memory && !strcmp(at.v[i], tree)) {
			memory = false;
			continue;
		}
		err_set(e, -EXDEV, "something is mounted on '%s'", at.v[i]);
		return err_hint(e, "unmount it; root '%s' is whole", name);
	}
	return 0;
}

/*
 * Take the name away and the memory off, or neither. Under the lock of stack_hold: no
 * root names the layers for a moment, and one that gets its name back still needs them.
 */
static int doom(const struct registry *reg, const char *name, const char *doomed,
		struct err *e)
{
	_cleanup_close_ int hold = stack_hold(reg, e);
	int r;

	if (hold < 0)
		return hold;
	if (renameat(reg->roots_fd, name, reg->roots_fd, doomed) < 0)
		return errno == ENOENT ? -ENOENT :
					 err_set(e, -errno, "destroy '%s'", name);
	r = making_take_off(reg, doomed, e);
	if (r < 0 && renameat(reg->roots_fd, doomed, reg->roots_fd, name) < 0)
		log_warn("rename '%s' back to '%s': %s", doomed, name, strerror(errno));
	return r;
}

static int destroy_locked(const struct registry *reg, const char *name, struct err *e)
{
	_cleanup_free_ char *doomed = xasprintf(".deleting-%s", name);
	bool found = false;
	int r = remove_leftover(reg, ".creating-", name, &found, e);

	if (!r)
		r = remove_leftover(reg, ".deleting-", name, &found, e);
	if (!r)
		r = root_check_unused(reg, name, true, e);
	if (!r)
		r = check_mounts(reg, name, e);
	if (!r)
		r = doom(reg, name, doomed, e);
	if (r == -ENOENT)
		return found ? 0 : err_set(e, -ERR_STATE, "there is no root '%s'", name);
	return r < 0 ? r : making_discard(reg, doomed, e);
}

static int destroy(const struct registry *reg, const char *name, struct err *e)
{
	int r = destroy_locked(reg, name, e);

	if (!r) {
		making_sweep(reg);
		stack_collect(reg);
	}
	return r < 0 && r != -ERR_STATE ? err_wrap(e, "destroy '%s'", name) : r;
}

int root_destroy(const struct registry *reg, const char *name, struct err *e)
{
	_cleanup_close_ int lock = -1;
	int r = root_check_name(name, e);

	if (r < 0)
		return r;
	lock = root_lock(reg, name, LOCK_EXCLUSIVE, e);
	if (lock < 0)
		return lock;
	return destroy(reg, name, e);
}

int root_destroy_open(const struct registry *reg, struct root *root, struct err *e)
{
	_cleanup_free_ char *name = xstrdup(root->name), *dir = xstrdup(root->dir);
	_cleanup_close_ int lock = root->lock_fd;
	int r;

	root->lock_fd = -1;
	root_close(root);
	/* what was mounted to look at it would be in the way */
	r = attach_undo(dir, e);
	return r < 0 ? r : destroy(reg, name, e);
}
