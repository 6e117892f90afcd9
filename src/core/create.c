// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/clone.h"
#include "core/pristine.h"
#include "core/setup.h"
#include "core/stack.h"
#include "core/stage_check.h"
#include "os/beneath.h"

static int check_target(const char *target, const struct arch *found, struct err *e)
{
	const struct arch *want = target ? arch_by_tuple(target) : NULL;

	if (!target || want == found)
		return 0;
	err_set(e, -ERR_MISMATCH, "the stage holds %s programs, not what %s needs",
		found->name, target);
	return err_hint(e, "take a stage for %s, or --target %s", target, found->tuple);
}

static int open_stage(const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open the stage '%s'", path);
	if (!S_ISREG(st.st_mode)) {
		err_set(e, -ERR_USAGE, "the stage '%s' is %s", path,
			S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
		return err_hint(e, "--stage takes a tarball of a root file system");
	}
	return TAKE_FD(fd);
}

/* Portage's hooks; a stage that has files in their way is a root without them. */
static int set_up(const char *name, int tree, int dir, struct err *e)
{
	const struct root root = { .name = (char *)name, .tree_fd = tree, .dir_fd = dir };
	int r = setup_wanted(&root) ? setup_install(&root, e) : 0;

	if (r != -ERR_STATE)
		return r;
	log_warn("%s; %s, then 'crossroot setup %s'", e->msg, e->hint, name);
	*e = (struct err){ 0 };
	return 0;
}

/* A stage would replace what is in a directory of the user's. */
static int check_empty(const struct create_spec *spec, int tree, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = beneath_list(tree, "/", &names);

	if (r < 0)
		return err_set(e, r, "read '%s'", spec->storage.root);
	if (!names.n)
		return 0;
	err_set(e, -ERR_USAGE, "the directory '%s' is not empty: it has '%s'",
		spec->storage.root, names.v[0]);
	return err_hint(e, "without --stage it is taken for the root as it is");
}

/* The files of a root upon the root @base came from where that one's did. */
static int copy_origin(const struct registry *reg, const char *base, int dir_fd,
		       struct err *e)
{
	_cleanup_close_ int fd =
		openat(reg->roots_fd, base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct origin o = { 0 };
	struct err why = { 0 };
	int r;

	if (fd < 0)
		return err_set(e, -errno, "open root '%s'", base);
	r = origin_read(&o, fd, &why);
	/* of a stage that the user gave nothing is known */
	if (r == -ENOENT)
		return 0;
	if (r < 0 && e)
		*e = why;
	if (!r)
		r = origin_write(&o, dir_fd, e);
	origin_free(&o);
	return r;
}

/* Have the root's files in @m, and look at what they are. */
static int fill(int stage, const struct create_spec *spec, struct making *m,
		const struct archive_progress *progress, const struct arch **arch,
		struct err *e)
{
	int r = 0;

	if (spec->stage && spec->storage.root && !spec->storage.over)
		r = check_empty(spec, m->tree_fd, e);
	if (!r && !m->filled && spec->stage)
		r = archive_unpack(stage, spec->stage, m->tree_fd, progress, e);
	if (!r && (r = root_detect_arch(m->tree_fd, arch, e)))
		err_wrap(e, "%s '%s'",
			 spec->stage ? "stage" : storage_name(spec->storage.kind),
			 spec->stage ? spec->stage : spec->name);
	if (!r)
		r = check_target(spec->settings->target, *arch, e);
	if (!r && spec->want)
		r = stage_check(m->tree_fd, spec->settings->target, spec->want, e);
	if (!r && spec->origin)
		r = origin_write(spec->origin, m->dir_fd, e);
	if (!r && m->root.storage.base_kind == BASE_ROOT)
		r = copy_origin(m->reg, m->root.storage.base, m->dir_fd, e);
	if (!r)
		r = settings_write(spec->settings, m->dir_fd, "root.conf", e);
	if (!r && spec->setup && !storage_is_read_only(&m->root.storage))
		r = set_up(spec->name, m->tree_fd, m->dir_fd, e);
	if (!r && spec->maker)
		r = pristine_mark(m->dir_fd, spec->maker, e);
	return r;
}

static int make(const struct registry *reg, int stage, const struct create_spec *spec,
		const char *tmp, const struct archive_progress *progress, struct err *e)
{
	_cleanup_close_ int dir = -1, hold = -1;
	const struct arch *arch = NULL;
	struct making m;
	int r;

	if (mkdirat(reg->roots_fd, tmp, 0755) < 0)
		return err_set(e, -errno, "create root '%s'", spec->name);
	dir = openat(reg->roots_fd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, -errno, "create root '%s'", spec->name);
	r = making_begin(reg, &spec->storage, tmp, dir, &m, e);
	if (!r)
		r = fill(stage, spec, &m, progress, &arch, e);
	if (!r)
		r = making_end(&m, arch, e);
	if (!r)
		r = hold = stack_hold(reg, e);
	if (r >= 0 && (r = renameat(reg->roots_fd, tmp, reg->roots_fd, spec->name)) < 0)
		r = err_set(e, -errno, "register root '%s'", spec->name);
	making_free(&m);
	return r;
}

/*
 * A root that is an overlay lends its layers instead of itself: an overlay over an
 * overlay is as deep as the kernel goes, and this way both can be used.
 */
static int make_on_layers(const struct registry *reg, const struct create_spec *spec,
			  struct root *base, struct err *e)
{
	_cleanup_new_layer_ struct new_layer upper = NEW_LAYER_NONE;
	const struct arch *arch = arch_by_name(base->storage.arch);
	int r = arch ? check_target(spec->settings->target, arch, e) : 0;

	return r ? r : clone_layers(reg, base, spec->name, &upper, spec->settings, e);
}

/* Make the root, whose name is locked and free. */
static int make_any(const struct registry *reg, int stage, const struct create_spec *spec,
		    const char *tmp, const struct archive_progress *progress,
		    struct err *e)
{
	const char *base = spec->storage.base;
	bool layers = false;
	struct root root;
	int r;

	/* what names no root is looked at as a path */
	if (base && !strchr(base, '/')) {
		layers = !root_peek(reg, base, &root, NULL) &&
			 root.storage.kind == STORAGE_OVERLAY;
		root_close(&root);
	}
	if (!layers)
		return make(reg, stage, spec, tmp, progress, e);
	r = root_open_closed(reg, base, LOCK_EXCLUSIVE, &root, e);
	if (!r)
		r = make_on_layers(reg, spec, &root, e);
	root_close(&root);
	return r;
}

void create_from_stage(struct create_spec *spec, const struct stage *stage,
		       const struct stage_id *id, struct origin *origin)
{
	*origin = (struct origin){
		.stage = (char *)stage->file.name,
		.variant = (char *)stage->variant,
		.date = (char *)stage->file.date,
		.url = stage->url,
		.key = *stage->key ? (char *)stage->key : NULL,
		.verified = *stage->key,
	};
	spec->stage = stage->path;
	spec->stage_fd = stage->fd;
	spec->want = id;
	spec->origin = origin;
}

int root_create(const struct registry *reg, const struct create_spec *spec,
		const struct archive_progress *progress, struct err *e)
{
	_cleanup_close_ int lock = -1, stage = -1;
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", spec->name);
	int r = root_check_name(spec->name, e);

	if (!r)
		r = making_check(&spec->storage, spec->stage, e);
	if (r < 0)
		return r;
	if (access(spec->settings->native_root, X_OK) < 0)
		return err_set(e, -errno, "open the native root '%s'",
			       spec->settings->native_root);
	if (spec->stage_fd >= 0)
		stage = fcntl(spec->stage_fd, F_DUPFD_CLOEXEC, 3);
	else if (spec->stage)
		stage = open_stage(spec->stage, e);
	if (stage < 0 && spec->stage)
		return spec->stage_fd < 0 ? stage :
			       err_set(e, -errno, "open the stage '%s'", spec->stage);
	r = clone_reserve(reg, spec->name, &lock, e);
	if (r < 0)
		return r;
	r = make_any(reg, stage, spec, tmp, progress, e);
	if (r < 0) {
		making_discard(reg, tmp, NULL);
		stack_collect(reg);
	} else {
		fsync(reg->roots_fd);
	}
	return r;
}
