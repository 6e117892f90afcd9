// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "core/attach.h"
#include "core/stack.h"
#include "os/beneath.h"

size_t snapshot_layers(const struct storage *s, size_t n)
{
	size_t layers = strtoull(s->snapshots.v[n], NULL, 10);

	return layers < s->layers.n ? layers : s->layers.n;
}

long long snapshot_time(const struct storage *s, size_t n)
{
	const char *at = strchr(s->snapshots.v[n], '@');

	return at ? strtoll(at + 1, NULL, 10) : 0;
}

void snapshot_note(struct storage *s)
{
	strv_addf(&s->snapshots, "%zu@%lld", s->layers.n, (long long)time(NULL));
}

int snapshot_check(const struct root *root, struct err *e)
{
	if (root->storage.kind == STORAGE_OVERLAY)
		return 0;
	err_set(e, -ERR_UNSUPPORTED, "root '%s' is no overlay, but of storage %s",
		root->name, storage_name(root->storage.kind));
	return err_hint(e, "'crossroot create NEW --base %s' puts one upon it",
			root->name);
}

/* How many layers a snapshot leaves for clones, and for roots upon this one. */
#define SPARE 8

static int check_room(const struct storage *s, size_t more, struct err *e)
{
	if (attach_fits(s, more))
		return 0;
	err_set(e, -ERR_UNSUPPORTED, "%zu layers are as many as an overlay can have",
		s->layers.n);
	return err_hint(e, "one that is made of what 'crossroot export' writes has one; "
			   "or go back with 'crossroot rollback'");
}

int snapshot_freeze(const struct registry *reg, struct storage *s,
		    struct new_layer *upper, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_close_ int fd = stack_open_upper(reg, s->upper, e);
	int r;

	if (fd < 0)
		return fd;
	r = beneath_list(fd, "/", &names);
	if (r < 0)
		return err_set(e, r, "list layer '%s'", s->upper);
	/* owner and mode of its top are all there is, and the next one has them too */
	if (!names.n)
		return 0;
	r = check_room(s, 1, e);
	if (!r)
		r = stack_new(reg, fd, upper, e);
	if (r < 0)
		return r;
	strv_take(&s->layers, s->upper);
	s->upper = xstrdup(upper->id);
	return 0;
}

int root_snapshot(const struct registry *reg, const char *name, size_t *n,
		  struct err *e)
{
	_cleanup_new_layer_ struct new_layer upper = NEW_LAYER_NONE;
	_cleanup_close_ int hold = -1;
	struct root root;
	int r = root_open_closed(reg, name, LOCK_EXCLUSIVE, &root, e);

	if (r < 0)
		return r;
	r = snapshot_check(&root, e);
	if (!r) {
		stack_collect(reg);
		r = check_room(&root.storage, 1 + SPARE, e);
	}
	if (!r)
		r = snapshot_freeze(reg, &root.storage, &upper, e);
	if (!r)
		r = hold = stack_hold(reg, e);
	if (r >= 0) {
		snapshot_note(&root.storage);
		*n = root.storage.snapshots.n - 1;
		r = storage_write(root.dir_fd, &root.storage, e);
	}
	root_close(&root);
	return r;
}

/* A directory that looks like the root's top, without what was written since. */
static int open_top(const struct registry *reg, const struct storage *s, struct err *e)
{
	if (s->layers.n)
		return stack_open_upper(reg, s->layers.v[s->layers.n - 1], e);
	if (s->base_kind == BASE_DIR) {
		int fd = open(s->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		return fd < 0 ? err_set(e, -errno, "open the base '%s'", s->base) : fd;
	}
	/* the base is not seen from here; hardly anybody ever changes its top */
	return stack_open_upper(reg, s->upper, e);
}

static void truncate_list(struct strv *l, size_t n)
{
	while (l->n > n)
		free(l->v[--l->n]);
	if (l->v)
		l->v[l->n] = NULL;
}

static int go_back(const struct registry *reg, struct root *root, long *n,
		   struct err *e)
{
	_cleanup_new_layer_ struct new_layer upper = NEW_LAYER_NONE;
	_cleanup_close_ int hold = -1, top = -1;
	struct storage *s = &root->storage;
	int r;

	if (*n < 0)
		*n = (long)s->snapshots.n - 1;
	if (*n < 0 || (size_t)*n >= s->snapshots.n) {
		err_set(e, -ERR_STATE, "root '%s' has no snapshot %ld", root->name, *n);
		return err_hint(e, "'crossroot info %s' shows them", root->name);
	}
	truncate_list(&s->layers, snapshot_layers(s, (size_t)*n));
	truncate_list(&s->snapshots, (size_t)*n + 1);
	top = open_top(reg, s, e);
	r = top < 0 ? top : stack_new(reg, top, &upper, e);
	if (!r)
		r = hold = stack_hold(reg, e);
	if (r < 0)
		return r;
	free(s->upper);
	s->upper = xstrdup(upper.id);
	return storage_write(root->dir_fd, s, e);
}

int root_rollback(const struct registry *reg, const char *name, long *n, struct err *e)
{
	struct root root;
	int r = root_open_closed(reg, name, LOCK_EXCLUSIVE, &root, e);

	if (r < 0)
		return r;
	r = snapshot_check(&root, e);
	if (!r)
		r = go_back(reg, &root, n, e);
	root_close(&root);
	if (!r)
		stack_collect(reg);
	return r;
}
