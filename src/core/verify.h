// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/compare.h"
#include "core/root.h"
#include "core/settings.h"

/* Where the tree is built inside the root, at every tier. */
#define VERIFY_DIR "/tmp/build"

struct verify_spec {
	const char *tree;	  /* host path of the directory to build copies of */
	enum tier a, b;
	char *const *argv;	  /* run in VERIFY_DIR */
	const char *user;	  /* as for a run */
	const struct strv *ignored; /* see compare_trees */
};

struct verify_result {
	int status[2];	  /* exit status at both tiers */
	double seconds[2];
	struct differences differences;
};

/*
 * Run a build in two fresh copies of a tree, at two tiers, under the same path and
 * with the same SOURCE_DATE_EPOCH (the environment's, else the time of the tree), and
 * compare what is in the copies then. The copies are below @state while it takes, and
 * deleted; what a killed one left the next one deletes. A command that fails is no
 * error of this function: its statuses say so; one that is stopped (SIGINT, SIGTERM,
 * SIGHUP, SIGQUIT) is -ERR_CHILD at once.
 */
int verify(const struct root *root, const struct settings *s, const char *state,
	   const struct verify_spec *spec, struct verify_result *out, struct err *e);
