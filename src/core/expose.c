// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expose.h"

#include <string.h>

#include "base/cleanup.h"
#include "core/libexec.h"

#define DIR "/run/crossroot"

/* The file @name with @text; in a @view, that of @tier, another one. */
static void expose_file(struct mplan *m, const char *name, const char *text,
			const char *view, enum tier tier)
{
	_cleanup_free_ char *path = NULL, *dst = xasprintf("%s" DIR "/%s", view, name);

	if (!*view) {
		mplan_add(m, MOP_FILE, text, dst);
		return;
	}
	/* every view has the same /run: another file is bound over */
	path = xasprintf(DIR "/views/%s/%s", tier_name(tier), name);
	mplan_add(m, MOP_FILE, text, path);
	mplan_add(m, MOP_ROOT_BIND_RO, path, dst);
}

static void expose_tier(const struct plan *p, const struct settings *s, int rootfd,
			enum tier tier, const char *view, struct mplan *m)
{
	_cleanup_free_ char *swaps = plan_swapped(p, s, rootfd, tier);
	_cleanup_free_ char *name = xasprintf("%s\n", tier_name(tier));

	expose_file(m, "tier", name, view, tier);
	expose_file(m, "swaps", swaps, view, tier);
}

/* Several programs of a package say the same. */
static char *drift(const struct plan *p)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv said = { 0 };

	buf_adds(&text, "");
	for (size_t i = 0; i < p->swaps.n; i++) {
		const struct candidate *c = &p->swaps.v[i];

		const char *why = c->reason ? c->reason : c->note;

		if (!c->package || !why || strncmp(why, "version ", 8) ||
		    strv_has(&said, c->package))
			continue;
		strv_add(&said, c->package);
		buf_addf(&text, "%s: %s\n", c->package, why);
	}
	return TAKE_PTR(text.data);
}

int expose_helpers(struct mplan *m, struct err *e)
{
	static const struct {
		const char *helper, *dst;
	} helpers[] = {
		{ "crossroot-lift", DIR "/lift" },
		{ "crossroot-lift", DIR "/originals" },
		{ "crossroot-view", DIR "/enter-view" },
		{ "crossroot-view", DIR "/emulate" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
		_cleanup_free_ char *path = NULL;
		int r = libexec_find(helpers[i].helper, &path, e);

		if (r < 0)
			return r;
		mplan_add(m, MOP_BIND_RO, path, helpers[i].dst);
	}
	return 0;
}

void expose_plan(const struct plan *p, const struct settings *s, int rootfd, enum tier tier,
		 struct mplan *m)
{
	static const char *const views[] = { EMULATED_VIEW, TOOLCHAIN_VIEW };
	_cleanup_free_ char *drifted = drift(p);

	expose_tier(p, s, rootfd, tier, "", m);
	for (int t = TIER_NONE; t < (int)tier; t++)
		expose_tier(p, s, rootfd, (enum tier)t, views[t], m);
	expose_file(m, "drift", drifted, "", tier);
}
