// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/attach.h"
#include "os/beneath.h"
#include "os/proc.h"

#define CREATING ".creating-"

static const char *const states[] = { "creating", "ready",  "running",
				      "changing", "broken", "gone" };

const char *root_state_name(enum root_state state)
{
	return states[state];
}

/* A renamed directory keeps its birth; not every file system knows one. */
static int64_t birth(int fd)
{
	struct statx sx;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &sx) < 0)
		return 0;
	return sx.stx_mask & STATX_BTIME ? sx.stx_btime.tv_sec : sx.stx_mtime.tv_sec;
}

/* What the root needs and is outside of it. */
static void check_outside(const struct registry *reg, struct status *st)
{
	const struct storage *s = &st->root.storage;
	const char *what = s->base_kind == BASE_DIR || s->base_kind == BASE_FILE ?
				   s->base :
				   s->image;

	if (!st->problem && s->base_kind == BASE_ROOT) {
		struct err why = { 0 };
		struct root base;

		if (root_peek(reg, s->base, &base, &why) < 0) {
			st->state = ROOT_BROKEN;
			st->problem = xasprintf("the base: %s", why.msg);
		}
		root_close(&base);
		return;
	}
	if (st->problem || !what || !access(what, F_OK))
		return;
	st->state = ROOT_BROKEN;
	st->problem = xasprintf("'%s' is gone", what);
}

static void look_at_locks(const struct registry *reg, const char *name, struct status *st)
{
	st->npids = lock_holders(reg->locks_fd, name, &st->pids);
	for (size_t i = 0; i < st->npids && st->state != ROOT_CHANGING; i++)
		st->state = st->pids[i].mode == LOCK_EXCLUSIVE ? ROOT_CHANGING :
								 ROOT_RUNNING;
}

int status_get(const struct registry *reg, const char *name, struct status *st,
	       struct err *e)
{
	struct err why = { 0 };
	int r;

	*st = (struct status){ .root = ROOT_CLOSED, .state = ROOT_READY };
	r = root_peek(reg, name, &st->root, &why);
	if (r < 0 && st->root.dir_fd < 0) {
		if (e)
			*e = why;
		root_close(&st->root);
		return r;
	}
	st->created = birth(st->root.dir_fd);
	look_at_locks(reg, name, st);
	if (r < 0) {
		st->problem = xstrdup(why.msg);
		st->state = st->root.storage.kind == STORAGE_TMPFS && st->root.arch ?
				    ROOT_GONE :
				    ROOT_BROKEN;
	}
	check_outside(reg, st);
	return 0;
}

int status_get_creating(const struct registry *reg, const char *name, struct status *st,
			struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(CREATING "%s", name);

	*st = (struct status){ .root = ROOT_CLOSED };
	look_at_locks(reg, name, st);
	st->state = ROOT_CREATING;
	st->root.dir_fd = openat(reg->roots_fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!st->npids || st->root.dir_fd < 0) {
		status_free(st);
		return err_set(e, -ERR_STATE, "nobody is creating root '%s'", name);
	}
	st->root.name = xstrdup(name);
	st->created = birth(st->root.dir_fd);
	/* written last, but for a tmpfs */
	storage_read(st->root.dir_fd, &st->root.storage, NULL);
	return 0;
}

void status_free(struct status *st)
{
	root_close(&st->root);
	free(st->pids);
	free(st->problem);
	*st = (struct status){ .root = ROOT_CLOSED };
}

void status_list_creating(const struct registry *reg, struct strv *names)
{
	_cleanup_strv_ struct strv all = { 0 };

	beneath_list(reg->roots_fd, "/", &all);
	for (size_t i = 0; i < all.n; i++)
		if (!strncmp(all.v[i], CREATING, strlen(CREATING)))
			strv_add(names, all.v[i] + strlen(CREATING));
}

/* What du says of the directories @dirs; it knows of hard links and holes. */
static int usage(const struct strv *dirs, uint64_t *bytes, struct err *e)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_free_ char *out = NULL;
	int r;

	strv_add(&argv, "du");
	strv_add(&argv, "-sxB1");
	strv_add(&argv, "--");
	for (size_t i = 0; i < dirs->n; i++)
		strv_add(&argv, dirs->v[i]);
	r = proc_run(argv.v, NULL, &out, 1 << 20, e);
	for (char *line = out; !r && line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		*bytes += strtoull(line, NULL, 10);
	}
	return r < 0 ? err_wrap(e, "measure a root") : 0;
}

int status_size(const struct registry *reg, const struct root *root, uint64_t *bytes,
		struct err *e)
{
	const struct storage *s = &root->storage;
	_cleanup_free_ char *own = path_join(root->dir, STORAGE_IMAGE_FILE);
	_cleanup_strv_ struct strv dirs = { 0 };
	struct statvfs fs;
	struct stat st;

	*bytes = 0;
	switch (s->kind) {
	case STORAGE_IMAGE:
		if (stat(s->image ? s->image : own, &st) < 0)
			return err_set(e, -errno, "measure the image '%s'",
				       s->image ? s->image : own);
		*bytes = (uint64_t)st.st_blocks * 512;
		return 0;
	case STORAGE_TMPFS:
		if (!attach_tmpfs_present(root->dir_fd))
			return 0;
		if (statvfs(root->tree, &fs) < 0)
			return err_set(e, -errno, "measure '%s'", root->tree);
		*bytes = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
		return 0;
	case STORAGE_OVERLAY:
		for (size_t i = 0; i < s->layers.n; i++)
			strv_addf(&dirs, "%s/overlays/%s/upper", reg->state,
				  s->layers.v[i]);
		strv_addf(&dirs, "%s/overlays/%s/upper", reg->state, s->upper);
		break;
	case STORAGE_DIR:
		if (s->base)
			return 0;
		strv_add(&dirs, root->tree);
		break;
	}
	return usage(&dirs, bytes, e);
}
