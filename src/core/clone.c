// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/attach.h"
#include "core/make.h"
#include "core/settings.h"
#include "core/snapshot.h"
#include "core/stack.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/proc.h"

int clone_reserve(const struct registry *reg, const char *name, int *lock_fd,
		  struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", name);
	_cleanup_free_ char *doomed = xasprintf(".deleting-%s", name);
	int r = root_check_name(name, e);

	if (!r)
		r = *lock_fd = root_lock(reg, name, LOCK_EXCLUSIVE, e);
	if (r < 0)
		return r;
	r = root_check_free(reg, name, e);
	if (r < 0)
		return r;
	r = making_discard(reg, tmp, e);
	if (!r)
		r = making_discard(reg, doomed, e);
	if (!r) {
		making_sweep(reg);
		stack_collect(reg);
	}
	return r;
}

static int open_new(const struct registry *reg, const char *name, struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", name);
	int fd = -1;

	if (!mkdirat(reg->roots_fd, tmp, 0755))
		fd = openat(reg->roots_fd, tmp,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "create root '%s'", name) : fd;
}

/* Under the lock of stack_hold, where layers are shared. */
static int publish(const struct registry *reg, const char *name, struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", name);

	if (renameat(reg->roots_fd, tmp, reg->roots_fd, name) < 0)
		return err_set(e, -errno, "register root '%s'", name);
	fsync(reg->roots_fd);
	return 0;
}

/* What is beside the files: settings, what setup installed, plan, where it came from. */
static int copy_notes(int from, int to, struct err *e)
{
	static const char *const notes[] = { "root.conf", "setup", "plan",
					     "origin" };

	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		_cleanup_close_ int in = openat(from, notes[i], O_RDONLY | O_CLOEXEC);
		_cleanup_close_ int out = -1;
		int r;

		if (in < 0 && errno == ENOENT)
			continue;
		out = openat(to, notes[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			     0644);
		r = in < 0 || out < 0 ? -errno : fdio_copy(in, out);
		if (r < 0)
			return err_set(e, r, "copy '%s'", notes[i]);
	}
	return 0;
}

static void copy_list(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

static char *copy_text(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static struct storage copy_storage(const struct storage *s)
{
	struct storage c = *s;

	c.arch = copy_text(s->arch);
	c.image = copy_text(s->image);
	c.type = copy_text(s->type);
	c.size = copy_text(s->size);
	c.base = copy_text(s->base);
	c.upper = copy_text(s->upper);
	c.layers = c.snapshots = (struct strv){ 0 };
	copy_list(&c.layers, &s->layers);
	copy_list(&c.snapshots, &s->snapshots);
	return c;
}

/* The storage of a root that has the layers of @s, and writes to @upper. */
static int write_new(int dir, const struct storage *s, const struct new_layer *upper,
		     struct err *e)
{
	_cleanup_storage_ struct storage n = copy_storage(s);

	free(n.upper);
	n.upper = xstrdup(upper->id);
	strv_free(&n.snapshots);
	snapshot_note(&n);
	if (mkdirat(dir, "tree", 0755) < 0 || mkdirat(dir, "base", 0755) < 0)
		return err_set(e, -errno, "create a root");
	return storage_write(dir, &n, e);
}

int clone_layers(const struct registry *reg, struct root *from, const char *to,
		 struct new_layer *upper, const struct settings *settings,
		 struct err *e)
{
	_cleanup_new_layer_ struct new_layer next = NEW_LAYER_NONE;
	_cleanup_close_ int dir = open_new(reg, to, e), hold = -1, top = -1;
	int r = dir < 0 ? dir : snapshot_freeze(reg, &from->storage, &next, e);

	if (!r && !upper->id) {
		r = top = stack_open_upper(reg, from->storage.upper, e);
		if (r >= 0)
			r = stack_new(reg, top, upper, e);
	}
	if (!r)
		r = copy_notes(from->dir_fd, dir, e);
	if (!r && settings)
		r = settings_write(settings, dir, "root.conf", e);
	if (!r)
		r = write_new(dir, &from->storage, upper, e);
	if (!r)
		r = hold = stack_hold(reg, e);
	/*
	 * First the old root stops writing to what is shared, then there is somebody to
	 * share it with. Between the two it just has one more layer.
	 */
	if (r >= 0)
		r = next.id ? storage_write(from->dir_fd, &from->storage, e) : 0;
	return r ? r : publish(reg, to, e);
}

int clone_upon(const struct registry *reg, const struct root *base, const char *to,
	       const struct new_layer *upper, struct err *e)
{
	_cleanup_close_ int dir = open_new(reg, to, e), hold = -1;
	/* owned by nobody: only written down */
	const struct storage s = { .kind = STORAGE_OVERLAY,
				   .arch = (char *)base->arch->name,
				   .base_kind = BASE_ROOT,
				   .base = base->name };
	int r = dir < 0 ? dir : copy_notes(base->dir_fd, dir, e);

	if (!r)
		r = write_new(dir, &s, upper, e);
	if (!r)
		r = hold = stack_hold(reg, e);
	return r < 0 ? r : publish(reg, to, e);
}

static int copy_files(const struct root *from, struct making *m, struct err *e)
{
	_cleanup_free_ char *in = path_join(from->tree, ".");
	_cleanup_free_ char *out = path_join(m->dir, "tree");
	/* -x: what somebody mounted in it is not the root's */
	int r = proc_run((char *[]){ "cp", "-ax", "--reflink=auto", "--sparse=auto", "--",
				     in, out, NULL },
			 NULL, NULL, 0, e);
	struct statvfs fs;

	/* cp says it once for every file, the disk says it in a word */
	if (r == -ERR_CHILD && !fstatvfs(m->tree_fd, &fs) && fs.f_bavail < 64)
		return err_set(e, -ENOSPC, "copy root '%s'", from->name);
	return r < 0 ? err_wrap(e, "copy root '%s'", from->name) : 0;
}

/* Directories and memory: the same, with what they hold copied. */
static int clone_files(const struct registry *reg, const struct root *from,
		       const char *to, struct err *e)
{
	const struct storage_spec spec = { .kind = from->storage.kind,
					   .size = from->storage.size };
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", to);
	_cleanup_close_ int dir = open_new(reg, to, e), tree = -1;
	const struct arch *arch;
	struct making m;
	int r;

	if (dir < 0)
		return dir;
	r = making_begin(reg, &spec, tmp, dir, &m, e);
	if (!r)
		r = copy_files(from, &m, e);
	if (!r)
		r = root_detect_arch(m.tree_fd, &arch, e);
	if (!r)
		r = making_end(&m, arch, e);
	if (!r)
		r = copy_notes(from->dir_fd, dir, e);
	if (!r)
		r = publish(reg, to, e);
	making_free(&m);
	return r;
}

static int clone_image(const struct registry *reg, struct root *from, const char *to,
		       struct err *e)
{
	_cleanup_close_ int dir = open_new(reg, to, e), in = -1, out = -1;
	_cleanup_storage_ struct storage s = copy_storage(&from->storage);
	struct stat st;
	int r = 0;

	if (dir < 0)
		return dir;
	if (!s.read_only || !s.image) {
		r = attach_settle(reg, from, e);
		if (r < 0)
			return r;
		in = s.image ? open(s.image, O_RDONLY | O_CLOEXEC) :
			       openat(from->dir_fd, STORAGE_IMAGE_FILE,
				      O_RDONLY | O_CLOEXEC);
		out = openat(dir, STORAGE_IMAGE_FILE,
			     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (in < 0 || out < 0 || fstat(in, &st) < 0)
			return err_set(e, -errno, "copy the image of root '%s'",
				       from->name);
		if (!s.length)
			s.length = (uint64_t)st.st_size - s.offset;
		r = fdio_copy_sparse(in, (off_t)s.offset, (off_t)s.length, out);
		if (!r && fsync(out) < 0)
			r = -errno;
		if (r < 0)
			return err_set(e, r, "copy the image of root '%s'", from->name);
		/* a partition becomes a file of its own */
		s.offset = s.length = 0;
		free(s.image);
		s.image = NULL;
	}
	if (mkdirat(dir, "tree", 0755) < 0)
		return err_set(e, -errno, "create root '%s'", to);
	r = storage_write(dir, &s, e);
	if (!r)
		r = copy_notes(from->dir_fd, dir, e);
	return r ? r : publish(reg, to, e);
}

static int clone(const struct registry *reg, struct root *from, const char *to,
		 struct err *e)
{
	_cleanup_new_layer_ struct new_layer upper = NEW_LAYER_NONE;

	switch (from->storage.kind) {
	case STORAGE_IMAGE:
		return clone_image(reg, from, to, e);
	case STORAGE_OVERLAY:
		return clone_layers(reg, from, to, &upper, NULL, e);
	case STORAGE_DIR:
	case STORAGE_TMPFS:
		break;
	}
	/* says so if it is gone */
	int r = attach_root(reg, from, e);

	return r ? r : clone_files(reg, from, to, e);
}

int root_clone(const struct registry *reg, const char *from, const char *to,
	       struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", to);
	_cleanup_close_ int lock = -1;
	struct root root;
	int r = clone_reserve(reg, to, &lock, e);

	if (r < 0)
		return r;
	r = root_open_closed(reg, from, LOCK_EXCLUSIVE, &root, e);
	if (r < 0)
		return r;
	r = clone(reg, &root, to, e);
	if (r < 0) {
		making_discard(reg, tmp, NULL);
		stack_collect(reg);
	}
	root_close(&root);
	return r;
}
