// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/qemu.h"
#include "core/root.h"
#include "core/settings.h"
#include "mech/mplan.h"

/* Everything one run needs, as data; run_exec carries it out. */
struct run {
	const struct root *root;
	struct qemu qemu;
	struct mplan mounts; /* in order */
	struct strv env;     /* K=V, the whole environment inside */
	const char *cwd;     /* inside, NULL: "/" */
	const char *user;    /* a name or uid of the root's passwd, NULL: root */
	bool terminal;	     /* give the program a terminal of its own */
	bool global_binfmt;  /* use the machine's binfmt_misc table */

	/*
	 * The program: argv (NULL: the user's login shell), or a function called in
	 * its place, whose result is the status.
	 */
	char *const *argv;
	int (*task)(void *arg, struct err *e);
	void *task_arg;
};

/*
 * Begin a run of @root: its interpreter, the environment without what names the
 * host, and the mounts of every run: /dev, /proc, /sys, /run, /tmp, the host's
 * resolv.conf, the binds of @s, and at /run/crossroot/emulated the root as it is so
 * far, without swaps. The caller frees @run with run_free, also after a failure.
 */
int run_prepare(struct run *run, const struct root *root, const struct settings *s,
		struct err *e);
void run_free(struct run *run);

/*
 * Carry out @run and wait for it. Returns the program's exit status (128+N for
 * a signal), 126 or 127 with @e filled when it cannot be started, or a negative
 * code when the run could not be set up: then nothing of the program was executed.
 */
int run_exec(struct run *run, struct err *e);
