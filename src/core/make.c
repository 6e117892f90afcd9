// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "core/attach.h"
#include "core/snapshot.h"
#include "mech/mount.h"
#include "mech/partition.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"
#include "os/proc.h"

/* Sparse: what a large one costs is the tables of its file system, not its size. */
#define IMAGE_SIZE "16g"
#define TMPFS_SIZE "50%"

/* An ext4 with its journal and room for a shell takes that much. */
#define IMAGE_MIN (16 << 20)

/* No name of a root. */
#define OUTSIDE_LOCK ".outside"

int making_check(const struct storage_spec *spec, bool stage, struct err *e)
{
	enum storage_kind k = spec->kind;
	uint64_t n;

	if (spec->base && k != STORAGE_OVERLAY)
		return err_set(e, -ERR_USAGE, "--base is for --storage overlay");
	if (spec->image && k != STORAGE_IMAGE)
		return err_set(e, -ERR_USAGE, "--image is for --storage image");
	if (spec->root && k != STORAGE_DIR)
		return err_set(e, -ERR_USAGE, "--root is for --storage dir");
	if (spec->size && (spec->image || (k != STORAGE_IMAGE && k != STORAGE_TMPFS)))
		return err_set(e, -ERR_USAGE,
			       "--size is for a new image, or --storage tmpfs");
	if (!stage && !spec->base && !spec->image && !spec->root)
		return err_set(e, -ERR_USAGE,
			       k == STORAGE_OVERLAY ?
				       "create needs --base or --stage FILE" :
			       k == STORAGE_IMAGE ?
				       "create needs --image or --stage FILE" :
				       "create needs --stage FILE");
	if (stage && (spec->base || spec->image))
		return err_set(e, -ERR_USAGE, "--%s has its files: no --stage beside it",
			       spec->base ? "base" : "image");
	if (k == STORAGE_IMAGE && spec->size) {
		int r = storage_parse_size(spec->size, &n, e);

		if (r < 0)
			return r;
		if (n < IMAGE_MIN)
			return err_set(e, -ERR_USAGE,
				       "%s is too small for an image: 16m at least",
				       spec->size);
	}
	return 0;
}

/*
 * That nobody has a file or directory outside stays true only until another command,
 * which found the same, gives it to its root: one of them at a time.
 */
static int hold_outside(struct making *m, struct err *e)
{
	const int locks = m->reg->locks_fd;

	m->outside_fd = lock_take(locks, OUTSIDE_LOCK, LOCK_EXCLUSIVE, false, e);
	if (m->outside_fd == -EWOULDBLOCK) {
		log_warn("waiting for another command that creates a root of what is "
			 "outside");
		m->outside_fd = lock_take(locks, OUTSIDE_LOCK, LOCK_EXCLUSIVE, true, e);
	}
	return m->outside_fd < 0 ? m->outside_fd : 0;
}

static int make_dir(struct making *m, const char *name, struct err *e)
{
	/* the mode asked for, whatever the umask */
	if (mkdirat(m->dir_fd, name, 0755) < 0 ||
	    fchmodat(m->dir_fd, name, 0755, 0) < 0)
		return err_set(e, -errno, "create '%s/%s'", m->dir, name);
	return 0;
}

/* By its path: what was mounted is not seen by fds of before. */
static int open_tree(struct making *m, struct err *e)
{
	_cleanup_free_ char *path = path_join(m->dir, "tree");

	m->tree_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->tree_fd < 0 ? err_set(e, -errno, "open '%s'", path) : 0;
}

static int make_image(struct making *m, const char *size, struct err *e)
{
	_cleanup_free_ char *path = path_join(m->dir, STORAGE_IMAGE_FILE);
	_cleanup_close_ int fd = -1;
	uint64_t bytes;
	int r = storage_parse_size(size ? size : IMAGE_SIZE, &bytes, e);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return err_set(e, -errno, "create the image '%s'", path);
	/* no blocks kept for a root user who is not in need of them */
	r = proc_run((char *[]){ "mkfs.ext4", "-q", "-F", "-m", "0", "-E",
				 "lazy_itable_init=1,lazy_journal_init=1,nodiscard,"
				 "root_owner=0:0",
				 path, NULL },
		     NULL, NULL, 0, e);
	if (r == -ENOENT)
		err_hint(e, "install e2fsprogs");
	if (r < 0)
		return err_wrap(e, "make the image '%s'", path);
	m->root.storage.type = xstrdup("ext4");
	return 0;
}

static bool overlaps(const struct storage *a, const struct storage *b)
{
	return (!a->length || b->offset < a->offset + a->length) &&
	       (!b->length || a->offset < b->offset + b->length);
}

/* The image at @path of the root @name, if it is the file @want: whoever names it how. */
static bool is_file(const char *path, const struct stat *want)
{
	struct stat st;

	return path && !stat(path, &st) && st.st_dev == want->st_dev &&
	       st.st_ino == want->st_ino;
}

struct image_use {
	const struct storage *want;
	const char *file, *state;
	struct stat st;
};

static int check_not_image(const char *name, const struct storage *o, void *arg,
			   struct err *e)
{
	const struct image_use *u = arg;
	_cleanup_free_ char *own =
		xasprintf("%s/roots/%s/" STORAGE_IMAGE_FILE, u->state, name);
	bool reads = o->read_only || o->kind == STORAGE_OVERLAY;
	bool same = o->kind == STORAGE_OVERLAY ?
			    o->base_kind == BASE_FILE && is_file(o->base, &u->st) :
			    is_file(o->image ? o->image : own, &u->st);

	if (!same || !overlaps(u->want, o) || (reads && u->want->read_only))
		return 0;
	return err_set(e, -ERR_STATE, "the image '%s' is in use by root '%s'", u->file,
		       name);
}

/* Two roots may read one image, but neither may write to it then. */
static int check_image_unused(struct making *m, const char *file, struct err *e)
{
	struct image_use u = { .want = &m->root.storage,
			       .file = file,
			       .state = m->reg->state };

	if (stat(file, &u.st) < 0)
		return err_set(e, -errno, "open the image '%s'", file);
	return root_each_storage(m->reg, check_not_image, &u, e);
}

/* Take over what is known of an image that somebody else made. */
static int use_image(struct making *m, const char *spec, char **file, bool reads,
		     struct err *e)
{
	struct storage *s = &m->root.storage;
	struct partition p;
	int r = partition_find(spec, &p, e);

	if (r < 0)
		return r;
	free(*file);
	*file = TAKE_PTR(p.file);
	s->type = TAKE_PTR(p.type);
	s->offset = p.offset;
	s->length = p.length;
	s->read_only = p.read_only || reads;
	partition_free(&p);
	return check_image_unused(m, *file, e);
}

static int begin_image(struct making *m, const struct storage_spec *spec, struct err *e)
{
	int r = spec->image ? hold_outside(m, e) : 0;

	if (r < 0)
		return r;
	r = spec->image ?
			use_image(m, spec->image, &m->root.storage.image, false, e) :
			make_image(m, spec->size, e);

	m->filled = spec->image;
	if (!r)
		r = make_dir(m, "tree", e);
	if (!r)
		r = attach_new(m->reg, m->dir, &m->root, e);
	if (!r)
		r = open_tree(m, e);
	/* fsck makes it again when it needs it; a stage has none */
	if (!r && !m->filled)
		unlinkat(m->tree_fd, "lost+found", AT_REMOVEDIR);
	if (!r && !m->filled && fchmod(m->tree_fd, 0755) < 0)
		r = err_set(e, -errno, "create '%s/tree'", m->dir);
	return r;
}

static int check_no_root(const char *name, const struct storage *o, void *path,
			 struct err *e)
{
	if (o->kind != STORAGE_DIR || !o->base ||
	    (!path_beneath(path, o->base) && !path_beneath(o->base, path)))
		return 0;
	err_set(e, -ERR_STATE, "'%s' has the files of root '%s'", (char *)path, name);
	return err_hint(e, "--base %s", name);
}

/* Several may have one directory for their base, but nobody may write to it. */
static int check_base_dir(struct making *m, char *path, struct err *e)
{
	if (path_beneath(path, m->reg->state)) {
		err_set(e, -ERR_USAGE, "'%s' cannot be a base: crossroot's own files are "
			"in '%s'", path, m->reg->state);
		return err_hint(e, "a root is a base by its name: --base NAME");
	}
	return root_each_storage(m->reg, check_no_root, path, e);
}

/* What --base names: a root where there is one and it does not look like a path. */
static int find_base(struct making *m, const char *base, struct err *e)
{
	struct storage *s = &m->root.storage;
	struct stat st;
	int r;

	if (!strchr(base, '/') &&
	    !fstatat(m->reg->roots_fd, base, &st, AT_SYMLINK_NOFOLLOW) &&
	    !root_check_name(base, NULL)) {
		s->base_kind = BASE_ROOT;
		s->base = xstrdup(base);
		return 0;
	}
	r = hold_outside(m, e);
	if (r < 0)
		return r;
	s->base = realpath(base, NULL);
	if (s->base && !stat(s->base, &st) && S_ISDIR(st.st_mode)) {
		s->base_kind = BASE_DIR;
		return check_base_dir(m, s->base, e);
	}
	s->base_kind = BASE_FILE;
	r = use_image(m, base, &s->base, true, e);
	if (r == -ENOENT)
		err_hint(e, "--base takes a directory, an image or the name of a root");
	return r;
}

/*
 * Keep one of the roots upon @base from being destroyed: as long as it is there nobody
 * runs or destroys the base. False if there is none.
 */
static bool hold_user(struct making *m, const char *base)
{
	_cleanup_strv_ struct strv users = { 0 };
	bool held = false;

	root_users(m->reg, base, &users, NULL);
	for (size_t i = 0; !held && i < users.n; i++) {
		_cleanup_strv_ struct strv still = { 0 };
		_cleanup_close_ int fd =
			root_lock(m->reg, users.v[i], LOCK_SHARED, NULL);

		/* it may have gone before it was locked */
		held = fd >= 0 && !root_users(m->reg, base, &still, NULL) &&
		       strv_has(&still, users.v[i]);
		if (held)
			m->user_fd = TAKE_FD(fd);
	}
	return held;
}

/*
 * Nobody may run what is about to become a base: held alone until the root that needs
 * it has its name. One that is a base already is shared with those who run upon it.
 */
static int hold_base_root(struct making *m, struct err *e)
{
	const char *name = m->root.storage.base;
	bool shared = hold_user(m, name);
	struct root base;
	int r = root_open_closed(m->reg, name, shared ? LOCK_SHARED : LOCK_EXCLUSIVE,
				 &base, e);

	if (r < 0)
		return err_wrap(e, "the base");
	m->root.base_lock_fd = TAKE_FD(base.lock_fd);
	root_close(&base);
	return 0;
}

/* The top of an overlay is the upper layer's, so that one has to look like the base's. */
static int copy_top(struct making *m, struct err *e)
{
	const struct storage *s = &m->root.storage;
	_cleanup_free_ char *path =
		s->base_kind == BASE_ROOT ?
			xasprintf("%s/roots/%s/tree", m->reg->state, s->base) :
			path_join(m->dir, "base");
	_cleanup_close_ int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return base < 0 ? err_set(e, -errno, "open '%s'", path) :
			  stack_copy_top(base, m->tree_fd, e);
}

static int begin_on_base(struct making *m, const char *base, struct err *e)
{
	int r = find_base(m, base, e);

	if (!r && m->root.storage.base_kind == BASE_ROOT)
		r = hold_base_root(m, e);
	if (!r)
		r = stack_new(m->reg, -1, &m->upper, e);
	if (!r)
		r = make_dir(m, "base", e);
	if (!r)
		r = make_dir(m, "tree", e);
	if (r < 0)
		return r;
	m->filled = true;
	m->root.storage.upper = xstrdup(m->upper.id);
	snapshot_note(&m->root.storage);
	r = attach_new(m->reg, m->dir, &m->root, e);
	if (!r)
		r = open_tree(m, e);
	return r ? r : copy_top(m, e);
}

static int check_not_dir(const char *name, const struct storage *o, void *path,
			 struct err *e)
{
	if (o->base_kind != BASE_DIR ||
	    (!path_beneath(path, o->base) && !path_beneath(o->base, path)))
		return 0;
	return err_set(e, -ERR_STATE, "'%s' is in use by root '%s'", (char *)path, name);
}

/* One directory is one root's, and crossroot's own are none's. */
static int check_root_dir(struct making *m, char *path, struct err *e)
{
	if (path_beneath(path, m->reg->state) || path_beneath(m->reg->state, path))
		return err_set(e, -ERR_USAGE, "'%s' cannot be a root: crossroot's own files "
			       "are in '%s'", path, m->reg->state);
	return root_each_storage(m->reg, check_not_dir, path, e);
}

/* A directory outside, in which there may be something already. */
static int begin_in_dir(struct making *m, const char *dir, struct err *e)
{
	struct storage *s = &m->root.storage;
	int r = fdio_mkdirs(AT_FDCWD, dir, 0755, e);

	if (r < 0)
		return r;
	s->base_kind = BASE_DIR;
	s->base = realpath(dir, NULL);
	if (!s->base)
		return err_set(e, -errno, "open '%s'", dir);
	r = hold_outside(m, e);
	if (!r)
		r = check_root_dir(m, s->base, e);
	if (!r)
		r = make_dir(m, "tree", e);
	if (!r)
		r = attach_new(m->reg, m->dir, &m->root, e);
	return r ? r : open_tree(m, e);
}

/* A stage is unpacked to what becomes the lowest layer; nothing is mounted for that. */
static int begin_on_stage(struct making *m, struct err *e)
{
	int r = stack_new(m->reg, -1, &m->first, e);

	if (!r)
		r = make_dir(m, "tree", e);
	if (!r)
		r = m->tree_fd = stack_open_upper(m->reg, m->first.id, e);
	if (r < 0)
		return r;
	strv_add(&m->root.storage.layers, m->first.id);
	snapshot_note(&m->root.storage);
	return 0;
}

/*
 * The one kind that is mounted for everybody: it has to outlive the command. So it is
 * written down first: who finds the note takes the mount off.
 */
static int begin_tmpfs(struct making *m, const char *size, struct err *e)
{
	_cleanup_free_ char *path = path_join(m->dir, "tree");
	_cleanup_free_ char *opts =
		xasprintf("mode=755,size=%s", size ? size : TMPFS_SIZE);
	int r;

	m->root.storage.size = xstrdup(size ? size : TMPFS_SIZE);
	r = storage_write(m->dir_fd, &m->root.storage, e);
	if (!r)
		r = make_dir(m, "tree", e);
	if (!r)
		r = mount_tmpfs(opts, path, e);
	if (r == -EINVAL)
		err_hint(e, "--size takes what a tmpfs does: 2g, 512m, 50%%");
	return r ? r : open_tree(m, e);
}

int making_begin(const struct registry *reg, const struct storage_spec *spec,
		 const char *dir_name, int dir_fd, struct making *m, struct err *e)
{
	int r;

	*m = (struct making){ .reg = reg,
			      .dir = xasprintf("%s/roots/%s", reg->state, dir_name),
			      .dir_fd = dir_fd,
			      .root = ROOT_CLOSED,
			      .tree_fd = -1,
			      .outside_fd = -1,
			      .user_fd = -1,
			      .first = NEW_LAYER_NONE,
			      .upper = NEW_LAYER_NONE };
	m->root.storage.kind = spec->kind;
	switch (spec->kind) {
	case STORAGE_DIR:
		if (spec->root)
			return begin_in_dir(m, spec->root, e);
		r = make_dir(m, "tree", e);
		return r ? r : open_tree(m, e);
	case STORAGE_IMAGE:
		return begin_image(m, spec, e);
	case STORAGE_OVERLAY:
		return spec->base ? begin_on_base(m, spec->base, e) :
				    begin_on_stage(m, e);
	case STORAGE_TMPFS:
		return begin_tmpfs(m, spec->size, e);
	}
	return err_set(e, -EINVAL, "make storage");
}

/* A sparse image on a full disk says "I/O error". */
static int sync_err(struct making *m, int code, struct err *e)
{
	struct statvfs fs;

	if (code == -EIO && !fstatvfs(m->dir_fd, &fs) && fs.f_bavail < 1024)
		code = -ENOSPC;
	return err_set(e, code, "write '%s' to disk", m->dir);
}

int making_end(struct making *m, const struct arch *arch, struct err *e)
{
	struct storage *s = &m->root.storage;
	int r = 0;

	/* what was unpacked must be on disk before its name says that it is whole */
	if (!m->filled && s->kind != STORAGE_TMPFS && syncfs(m->tree_fd) < 0)
		return sync_err(m, -errno, e);
	if (m->first.id) {
		r = stack_new(m->reg, m->tree_fd, &m->upper, e);
		if (!r)
			s->upper = xstrdup(m->upper.id);
	}
	cleanup_closep(&m->tree_fd);
	m->tree_fd = -1;
	if (!r && s->kind != STORAGE_TMPFS)
		r = attach_undo(m->dir, e);
	if (r < 0 || (s->kind == STORAGE_DIR && !s->base))
		return r;
	s->arch = xstrdup(arch->name);
	return storage_write(m->dir_fd, s, e);
}

void making_free(struct making *m)
{
	/* after a failure; a mount that is left goes with the process */
	cleanup_closep(&m->tree_fd);
	m->tree_fd = -1;
	if (m->dir)
		attach_undo(m->dir, NULL);
	free(m->dir);
	m->dir = NULL;
	root_close(&m->root);
	cleanup_closep(&m->outside_fd);
	cleanup_closep(&m->user_fd);
	m->outside_fd = m->user_fd = -1;
	new_layer_free(&m->first);
	new_layer_free(&m->upper);
}

int making_take_off(const struct registry *reg, const char *dir_name, struct err *e)
{
	_cleanup_free_ char *tree = xasprintf("%s/roots/%s/tree", reg->state, dir_name);
	_cleanup_storage_ struct storage s = { 0 };
	_cleanup_close_ int fd =
		openat(reg->roots_fd, dir_name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;

	/* of what cannot be read nothing is taken off: deleting stops at a mount */
	if (fd >= 0 && !storage_read(fd, &s, NULL) && s.kind == STORAGE_TMPFS &&
	    attach_tmpfs_present(fd))
		r = mount_undo(tree, e);
	if (r == -EBUSY)
		err_hint(e, "a program has its directory or an open file in it");
	return r;
}

int making_discard(const struct registry *reg, const char *dir_name, struct err *e)
{
	int r = making_take_off(reg, dir_name, e);

	return r ? r : beneath_rmtree(reg->roots_fd, dir_name, e);
}

/* The name of the root that @dir_name was to be, or was; NULL: it is something else. */
static const char *leftover_of(const char *dir_name)
{
	static const char *const prefixes[] = { ".creating-", ".deleting-" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (!strncmp(dir_name, prefixes[i], n) &&
		    !root_check_name(dir_name + n, NULL))
			return dir_name + n;
	}
	return NULL;
}

void making_sweep(const struct registry *reg)
{
	_cleanup_strv_ struct strv all = { 0 };

	beneath_list(reg->roots_fd, "/", &all);
	for (size_t i = 0; i < all.n; i++) {
		const char *name = leftover_of(all.v[i]);
		_cleanup_close_ int lock =
			name ? root_lock(reg, name, LOCK_EXCLUSIVE, NULL) : -1;
		struct err why = { 0 };

		if (lock >= 0 && making_discard(reg, all.v[i], &why) < 0)
			log_warn("what a killed command left is left: %s", why.msg);
	}
}
