// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/root.h"
#include "mech/mplan.h"

/* Everything one run needs; filled by plan and cli, carried out by run_exec. */
struct run {
	const struct root *root;
	const char *qemu;	/* host path of the static interpreter, NULL: native root */
	struct mplan mounts;	/* on top of the standard ones */
	struct strv env;	/* K=V, the whole environment inside */
	const char *cwd;	/* inside, NULL: "/" */
	const char *user;	/* a name or uid of the root's passwd, NULL: root */
	char *const *argv;
};

/*
 * Carry out @run and wait for it. Returns the program's exit status (128+N for
 * a signal), 126 or 127 when it cannot be started, or a negative code when the
 * run could not be set up: then nothing of the program was executed.
 */
int run_exec(const struct run *run, struct err *e);

/* The environment a run starts with: ours, without what names the host. */
void run_env_default(struct strv *env);

/* Set or replace K in @env by the string "K=V". */
void run_env_set(struct strv *env, const char *kv);
