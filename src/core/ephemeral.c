// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/ephemeral.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/clone.h"
#include "core/make.h"
#include "mech/mount.h"

/* Over @root's tree and not on it: who joins a run of the root must not see this. */
static int put_over(const struct registry *reg, struct root *root, const char *id,
		    struct err *e)
{
	_cleanup_free_ char *overlays = path_join(reg->state, "overlays");
	_cleanup_free_ char *at = xasprintf("%s/%s/tree", overlays, id);
	_cleanup_free_ char *opts = xasprintf("redirect_dir=on,index=off,metacopy=off,"
					      "lowerdir=../roots/%s/tree,"
					      "upperdir=%s/upper,workdir=%s/work",
					      root->name, id, id);
	int r = mount_private(e);

	if (!r)
		r = mount_overlay(overlays, opts, at, e);
	if (r < 0)
		return r;
	cleanup_closep(&root->tree_fd);
	root->tree_fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->tree_fd < 0)
		return err_set(e, -errno, "open '%s'", at);
	free(root->tree);
	root->tree = TAKE_PTR(at);
	return 0;
}

int ephemeral_begin(const struct registry *reg, struct root *root, const char *keep,
		    struct ephemeral *out, struct err *e)
{
	int r = 0;

	*out = (struct ephemeral){ .reg = reg,
				   .upper = NEW_LAYER_NONE,
				   .keep = keep,
				   .keep_lock_fd = -1 };
	if (keep)
		r = clone_reserve(reg, keep, &out->keep_lock_fd, e);
	else
		stack_collect(reg);
	if (!r)
		r = stack_new(reg, root->tree_fd, &out->upper, e);
	if (!r && mkdirat(out->upper.lock_fd, "tree", 0755) < 0)
		r = err_set(e, -errno, "create a layer");
	if (!r)
		r = put_over(reg, root, out->upper.id, e);
	out->mounted = !r;
	return r;
}

static int take_off(struct ephemeral *eph, struct root *root, struct err *e)
{
	int r = 0;

	if (!eph->mounted)
		return 0;
	cleanup_closep(&root->tree_fd);
	root->tree_fd = -1;
	r = mount_undo(root->tree, e);
	if (!r && unlinkat(eph->upper.lock_fd, "tree", AT_REMOVEDIR) < 0)
		r = err_set(e, -errno, "remove '%s'", root->tree);
	eph->mounted = r < 0;
	return r;
}

int ephemeral_keep(struct ephemeral *eph, struct root *root, struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(".creating-%s", eph->keep);
	int r;

	r = take_off(eph, root, e);
	if (!r)
		r = root->storage.kind == STORAGE_OVERLAY ?
			    clone_layers(eph->reg, root, eph->keep, &eph->upper, NULL,
					 e) :
			    clone_upon(eph->reg, root, eph->keep, &eph->upper, e);
	if (r < 0)
		making_discard(eph->reg, tmp, NULL);
	return r < 0 ? err_wrap(e, "keep the changes as root '%s'", eph->keep) : 0;
}

void ephemeral_end(struct ephemeral *eph, struct root *root)
{
	/* not to delete under a mount; if that fails it goes with this process */
	take_off(eph, root, NULL);
	new_layer_free(&eph->upper);
	cleanup_closep(&eph->keep_lock_fd);
	eph->keep_lock_fd = -1;
	stack_collect(eph->reg);
}
