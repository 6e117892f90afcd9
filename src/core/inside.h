// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <signal.h>

#include "core/run.h"

/* The signals that the front process and the run's init hand on to the program. */
#define INSIDE_SIGNALS 10
extern const int inside_signals[INSIDE_SIGNALS];

struct inside {
	const struct run *run;
	int report;	  /* end of a socket pair: a terminal's master, then errors */
	sigset_t signals; /* the program's own signal mask */
};

/*
 * The run's pid 1, for ns_start: carry out the mounts, start the program, reap
 * what it leaves, end with its status. What fails before the program runs is
 * written to report as one struct err whose code is the exit status or negative.
 */
int inside_main(void *inside);
