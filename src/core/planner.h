// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"
#include "core/plan.h"
#include "core/root.h"
#include "core/settings.h"

/*
 * The plan of @root as @s wants it: the kept one if it still holds, else a new
 * one, for which each swap was started once in a run of its own. @state is the
 * state directory. The caller frees it with plan_free.
 */
int planner_get(const struct root *root, const struct settings *s, const char *state,
	     struct plan *out, struct err *e);

/*
 * The kept plan if it still holds: 1 with @out filled, else 0. Nothing is planned,
 * started or written.
 */
int planner_kept(const struct root *root, const struct settings *s, const char *state,
		 struct plan *out);

/* Delete the native layers that no root's plan names any more. */
int planner_prune(const char *state, struct err *e);
