// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/hybrid.h"

#include <sys/stat.h>

#include "base/cleanup.h"
#include "core/environ.h"
#include "core/expose.h"
#include "core/libexec.h"
#include "core/planner.h"
#include "core/sandbox.h"
#include "os/beneath.h"

#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

/* Fetches inside need certificates; a root without its own borrows the host's. */
static void lend_certificates(const struct root *root, struct run *run)
{
	static const char *const vars[] = { "SSL_CERT_FILE", "CURL_CA_BUNDLE",
					    "GIT_SSL_CAINFO" };
	static const char lent[] = "/run/crossroot/ca-certificates.crt";
	struct stat st;

	if (!beneath_stat(root->tree_fd, CA_BUNDLE, &st) && st.st_size > 0)
		return;
	if (stat(CA_BUNDLE, &st) < 0)
		return;
	mplan_add_optional(&run->mounts, MOP_BIND_RO, CA_BUNDLE, lent);
	for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
		environ_put(&run->env, vars[i], lent);
}

static int add_swaps(const struct root *root, const struct settings *s, const char *state,
		     struct run *run, struct plan *plan, struct err *e)
{
	_cleanup_free_ char *driver = NULL;
	int r = libexec_find("crossroot-driver", &driver, e);

	if (!r)
		r = planner_get(root, s, state, plan, e);
	if (r < 0)
		return r;
	plan_mounts(plan, s, root->tree_fd, driver, &run->mounts);
	plan_view_mounts(plan, s, root->tree_fd, driver, &run->mounts);
	for (size_t i = 0; i < plan->env.n; i++)
		environ_set(&run->env, plan->env.v[i]);
	return 0;
}

int hybrid_prepare(const struct root *root, const struct settings *s, const char *state,
		   struct run *run, struct plan *plan, struct err *e)
{
	enum tier tier;
	int r;

	*plan = (struct plan){ 0 };
	r = run_prepare(run, root, s, e);
	/* a root of this machine's own architecture is native as it is */
	tier = run->qemu.arch ? s->native : TIER_NONE;
	if (!r && tier != TIER_NONE)
		r = add_swaps(root, s, state, run, plan, e);
	if (r < 0)
		return r;
	expose_plan(plan, s, root->tree_fd, tier, &run->mounts);
	lend_certificates(root, run);
	for (size_t i = 0; i < s->env.n; i++)
		environ_set(&run->env, s->env.v[i]);
	if (tier != TIER_NONE)
		sandbox_adapt(root, plan, &run->env);
	return 0;
}
