// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/plan.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/path.h"

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

/* What the user bound there is what the user wants there. */
static bool is_bound(const struct settings *s, const char *path)
{
	bool bound = false;

	for (size_t i = 0; i < s->binds.n && !bound; i++) {
		_cleanup_free_ char *src = NULL, *dst = NULL;
		bool ro;

		bound = !bind_parse(s->binds.v[i], &src, &dst, &ro, NULL) &&
			path_beneath(path, dst);
	}
	return bound;
}

void plan_mounts(const struct plan *p, const struct settings *s, const char *driver,
		 struct mplan *m)
{
	if (p->has_layer)
		layer_mounts(&p->layer, m);
	for (size_t i = 0; i < p->swaps.n; i++)
		if (plan_swaps(&p->swaps.v[i], s->native) && !is_bound(s, p->swaps.v[i].path))
			mount_swap(p, &p->swaps.v[i], driver, m);
}
