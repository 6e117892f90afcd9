// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expose.h"

#include <string.h>

#include "base/cleanup.h"
#include "core/libexec.h"

#define DIR "/run/crossroot"
#define TIER_FILE DIR "/tier"

/* One file for each tier, so that a view can have another one bound over its own. */
static void expose_tiers(enum tier tier, struct mplan *m)
{
	static const char *const views[] = { EMULATED_VIEW TIER_FILE,
					     TOOLCHAIN_VIEW TIER_FILE };
	_cleanup_free_ char *here = xasprintf("%s\n", tier_name(tier));

	mplan_add(m, MOP_FILE, here, TIER_FILE);
	for (int t = TIER_NONE; t < (int)tier; t++) {
		_cleanup_free_ char *line = xasprintf("%s\n", tier_name((enum tier)t));
		_cleanup_free_ char *path = xasprintf(DIR "/tiers/%s", tier_name((enum tier)t));

		mplan_add(m, MOP_FILE, line, path);
		mplan_add(m, MOP_ROOT_BIND_RO, path, views[t]);
	}
}

/* Several programs of a package say the same. */
static char *drift(const struct plan *p)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv said = { 0 };

	buf_adds(&text, "");
	for (size_t i = 0; i < p->swaps.n; i++) {
		const struct candidate *c = &p->swaps.v[i];

		if (!c->package || !c->reason || strncmp(c->reason, "version ", 8) ||
		    strv_has(&said, c->package))
			continue;
		strv_add(&said, c->package);
		buf_addf(&text, "%s: %s\n", c->package, c->reason);
	}
	return TAKE_PTR(text.data);
}

int expose(const struct plan *p, const struct settings *s, enum tier tier,
	   struct run *run, struct err *e)
{
	static const struct {
		const char *helper, *dst;
	} helpers[] = {
		{ "crossroot-lift", DIR "/lift" },
		{ "crossroot-view", DIR "/enter-view" },
		{ "crossroot-view", DIR "/emulate" },
	};
	_cleanup_free_ char *swaps = plan_swapped(p, s, run->root->tree_fd);
	_cleanup_free_ char *drifted = drift(p);

	expose_tiers(tier, &run->mounts);
	mplan_add(&run->mounts, MOP_FILE, swaps, DIR "/swaps");
	mplan_add(&run->mounts, MOP_FILE, drifted, DIR "/drift");
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
		_cleanup_free_ char *path = NULL;
		int r = libexec_find(helpers[i].helper, &path, e);

		if (r < 0)
			return r;
		mplan_add(&run->mounts, MOP_BIND_RO, path, helpers[i].dst);
	}
	return 0;
}
