// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"
#include "core/settings.h"

/*
 * What a failed build teaches. The hook in Portage leaves a record of each phase that a
 * package begins, and takes them away when the package is built; the directory is the
 * host's, shown at /run/crossroot/failed. A package that failed at a higher tier than none
 * is to be built one tier lower from then on: that is written, for its very version, to
 * RETRY_LEARNT, which Portage reads like every file of that directory.
 */
#define RETRY_LEARNT "/etc/portage/package.env/crossroot-learnt"

/* One package version that failed. */
struct failure {
	char *cpv;	 /* CATEGORY/PF */
	char *phase;	 /* "compile" */
	enum tier tier;	 /* where it failed */
	bool final;	 /* trying again will not help */
};

struct failures {
	struct failure *v;
	size_t n, cap;
};

/* Where one "crossroot emerge" has its failures told. */
struct retry {
	const struct root *root;
	char *name; /* a directory of root->dir */
	struct strv seen; /* "CATEGORY/PF TIER" that failed before */
};

/* Have runs with @s report failures. The caller ends it with retry_end. */
int retry_begin(struct retry *r, const struct root *root, struct settings *s,
		struct err *e);
void retry_end(struct retry *r);

/*
 * Take what was reported since, into @out, which failures_free frees. One that fails
 * where it failed before is final: something else than what was learnt says its tier.
 */
int retry_collect(struct retry *r, struct failures *out, struct err *e);

/*
 * Write the next lower tier for every failure that is not final. Of a final one what was
 * learnt before is dropped: it was not the tier's fault.
 */
int retry_learn(const struct root *root, const struct failures *failed, struct err *e);

void failures_free(struct failures *f);
