// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/plan.h"
#include "core/run.h"

/*
 * A run as the user means it: what run_prepare begins, with the plan's swaps of
 * the tier in @s and the environment of @s. The plan (which holds the
 * native layer) has to outlive the run; both are freed by the caller, with
 * run_free and plan_free, also after a failure.
 */
int hybrid_prepare(const struct root *root, const struct settings *s, const char *state,
		   struct run *run, struct plan *plan, struct err *e);
