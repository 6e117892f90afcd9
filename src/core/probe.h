// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/plan.h"
#include "core/root.h"

/*
 * Start every swap of @p once, in a run of its own that mounts what a build's run
 * would mount, and refuse those that do not start. Asks the emulated originals
 * on the way what machine they name, for p->env.
 */
int probe_plan(const struct root *root, const struct settings *s, struct plan *p,
	       struct err *e);
