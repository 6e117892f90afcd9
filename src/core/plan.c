// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/portage.h"
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

/* Append what swaps @c in the view @below, where all of /run/crossroot may be there. */
static void mount_swap(const struct plan *p, const struct candidate *c, const char *driver,
		       const char *below, struct mplan *m)
{
	_cleanup_free_ char *native = path_join(p->native_root, c->native);
	_cleanup_free_ char *twin = xasprintf("%s/run/crossroot/driver%s", below, c->path);
	_cleanup_free_ char *path = xasprintf("%s%s", below, c->path);
	_cleanup_free_ char *conf = NULL;

	switch (c->kind) {
	case CANDIDATE_PROGRAM:
	case CANDIDATE_LIBRARY:
		mplan_add(m, MOP_BIND_RO, native, path);
		break;
	case CANDIDATE_WRAPPED:
		conf = xasprintf("/run/crossroot/conf%s", c->path);
		/* every view has the same /run */
		if (!*below)
			mplan_add(m, MOP_FILE, c->conf, conf);
		mplan_add(m, MOP_BIND_RO, native, twin);
		mplan_add(m, MOP_BIND_RO, driver, path);
		break;
	case CANDIDATE_SCRIPT:
		conf = xasprintf("/run/crossroot/scripts%s", c->path);
		mplan_add(m, MOP_SCRIPT, c->conf, conf);
		mplan_add(m, MOP_ROOT_BIND_RO, conf, path);
		break;
	}
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

static void mount_tier(const struct plan *p, enum tier tier, const struct strv *bound,
		       const char *driver, const char *below, struct mplan *m)
{
	const struct candidate *script = NULL;

	if (p->has_layer)
		layer_mounts(&p->layer, below, m);
	for (size_t i = 0; i < p->swaps.n; i++) {
		const struct candidate *c = &p->swaps.v[i];

		if (!plan_swaps(c, tier) || is_bound(bound, c->path))
			continue;
		mount_swap(p, c, driver, below, m);
		/* one interpreter for all its scripts, which come together */
		if (c->kind == CANDIDATE_SCRIPT &&
		    (!script || strcmp(script->native, c->native)))
			portage_python_mounts(c, p->native_root, p->machine, m);
		if (c->kind == CANDIDATE_SCRIPT)
			script = c;
	}
}

void plan_mounts(const struct plan *p, const struct settings *s, int rootfd,
		 const char *driver, struct mplan *m)
{
	_cleanup_strv_ struct strv bound = { 0 };

	bound_paths(s, rootfd, &bound);
	mount_tier(p, s->native, &bound, driver, "", m);
}

void plan_view_mounts(const struct plan *p, const struct settings *s, int rootfd,
		      const char *driver, struct mplan *m)
{
	_cleanup_strv_ struct strv bound = { 0 };

	if (s->native <= TIER_TOOLCHAIN)
		return;
	bound_paths(s, rootfd, &bound);
	mplan_add(m, MOP_ROOT_BIND, EMULATED_VIEW, TOOLCHAIN_VIEW);
	mount_tier(p, TIER_TOOLCHAIN, &bound, driver, TOOLCHAIN_VIEW, m);
	/* where the compilers' questions are answered */
	mplan_add(m, MOP_ROOT_BIND, EMULATED_VIEW, TOOLCHAIN_VIEW EMULATED_VIEW);
}

char *plan_swapped(const struct plan *p, const struct settings *s, int rootfd,
		   enum tier tier)
{
	_cleanup_strv_ struct strv bound = { 0 };
	_cleanup_buf_ struct buf paths = { 0 };

	bound_paths(s, rootfd, &bound);
	buf_adds(&paths, "");
	for (size_t i = 0; i < p->swaps.n; i++)
		if (plan_swaps(&p->swaps.v[i], tier) && !is_bound(&bound, p->swaps.v[i].path))
			buf_addf(&paths, "%s\n", p->swaps.v[i].path);
	return TAKE_PTR(paths.data);
}
