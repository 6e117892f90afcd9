// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "core/candidate.h"
#include "core/layer.h"
#include "core/settings.h"
#include "mech/mplan.h"

/*
 * The swap plan of one root: every candidate with its twin or the reason why it
 * stays emulated, the native layer the swaps need, and what the environment has
 * to say for the target. It covers all tiers, and is kept in the root's
 * directory until a package, a program or a setting changes.
 */
struct plan {
	char *native_root;
	const char *machine; /* what uname -m answers; static */
	struct candidates swaps;
	struct layer layer;
	bool has_layer;
	struct strv env; /* K=V, for swapped programs that would name their own machine */
};

void plan_free(struct plan *p);

/* Whether @tier swaps @c. */
bool plan_swaps(const struct candidate *c, enum tier tier);
size_t plan_count(const struct plan *p, enum tier tier);

/*
 * Append what the tier of @s mounts to @m, but for programs that a bind of @s
 * covers in the root at @rootfd. @driver is the host path of the wrapper. The mounts
 * of run_prepare come before these.
 */
void plan_mounts(const struct plan *p, const struct settings *s, int rootfd,
		 const char *driver, struct mplan *m);

/*
 * Append what makes TOOLCHAIN_VIEW, a view of the root where only the swaps of the
 * toolchain tier are; nothing if the tier of @s is no higher. After plan_mounts.
 */
#define EMULATED_VIEW "/run/crossroot/emulated"
#define TOOLCHAIN_VIEW "/run/crossroot/toolchain"
void plan_view_mounts(const struct plan *p, const struct settings *s, int rootfd,
		      const char *driver, struct mplan *m);

/* The paths that @tier swaps in a run with @s, one a line. The caller frees it. */
char *plan_swapped(const struct plan *p, const struct settings *s, int rootfd,
		   enum tier tier);
