// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"
#include "core/settings.h"

/*
 * What a failed build teaches. The hook in Portage leaves a record of each package
 * whose build died, in a directory of the host's that a run shows at
 * /run/crossroot/failed. A package that died at a higher tier than none is to be built
 * one tier lower from then on: that is written, for its very version, to RETRY_LEARNT,
 * which Portage reads like every file of that directory.
 */
#define RETRY_LEARNT "/etc/portage/package.env/crossroot-learnt"

/* One package version that failed. */
struct failure {
	char *cpv;	 /* CATEGORY/PF */
	char *phase;	 /* "compile" */
	enum tier tier;	 /* where it failed */
	bool final;	 /* nothing lower is left, or it is no phase of a build */
};

struct failures {
	struct failure *v;
	size_t n, cap;
};

/* Have runs with @s report failures; forgets those of before. */
int retry_begin(const struct root *root, struct settings *s, struct err *e);

/* Take what was reported since, into @out, which failures_free frees. */
int retry_collect(const struct root *root, struct failures *out, struct err *e);

/*
 * Write the next lower tier for every failure that is not final. Of a final one what was
 * learnt before is dropped: it was not the tier's fault.
 */
int retry_learn(const struct root *root, const struct failures *failed, struct err *e);

void failures_free(struct failures *f);
