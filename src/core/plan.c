// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/plan.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"

bool plan_swaps(const struct candidate *c, enum tier tier)
{
	return !c->reason && c->tier <= tier;
}

size_t plan_count(const struct plan *p, enum tier tier)
{
	size_t n = 0;

	for (size_t i = 0; i < p->swaps.n; i++)
		n += plan_swaps(&p->swaps.v[i], tier);
	return n;
}

void plan_free(struct plan *p)
{
	free(p->native_root);
	candidates_free(&p->swaps);
	if (p->has_layer)
		layer_close(&p->layer);
	strv_free(&p->env);
	*p = (struct plan){ 0 };
}

static void mount_swap(const struct plan *p, const struct candidate *c, const char *driver,
		       struct mplan *m)
{
	_cleanup_free_ char *native = path_join(p->native_root, c->native);
	_cleanup_free_ char *twin = xasprintf("/run/crossroot/driver%s", c->path);
	_cleanup_free_ char *conf = xasprintf("/run/crossroot/conf%s", c->path);

	if (c->kind != CANDIDATE_WRAPPED) {
		mplan_add(m, MOP_BIND_RO, native, c->path);
		return;
	}
	mplan_add(m, MOP_BIND_RO, native, twin);
	mplan_add(m, MOP_FILE, c->conf, conf);
	mplan_add(m, MOP_BIND_RO, driver, c->path);
}

/* Where the binds of @s end up in the root at @rootfd: /usr/bin/sed for /bin/sed. */
static void bound_paths(const struct settings *s, int rootfd, struct strv *out)
{
	for (size_t i = 0; i < s->binds.n; i++) {
		_cleanup_free_ char *src = NULL, *dst = NULL;
		char *real;
		bool ro;

		if (bind_parse(s->binds.v[i], &src, &dst, &ro, NULL) < 0)
			continue;
		if (beneath_realpath(rootfd, dst, &real) < 0)
			real = path_clean(dst);
		strv_take(out, real);
	}
}

/* What the user bound there is what the user wants there. */
static bool is_bound(const struct strv *bound, const char *path)
{
	for (size_t i = 0; i < bound->n; i++)
		if (path_beneath(path, bound->v[i]))
			return true;
	return false;
}

void plan_mounts(const struct plan *p, const struct settings *s, int rootfd,
		 const char *driver, struct mplan *m)
{
	_cleanup_strv_ struct strv bound = { 0 };

	bound_paths(s, rootfd, &bound);
	if (p->has_layer)
		layer_mounts(&p->layer, m);
	for (size_t i = 0; i < p->swaps.n; i++)
		if (plan_swaps(&p->swaps.v[i], s->native) &&
		    !is_bound(&bound, p->swaps.v[i].path))
			mount_swap(p, &p->swaps.v[i], driver, m);
}
