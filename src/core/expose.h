// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/plan.h"
#include "core/settings.h"

/*
 * What programs inside a run can know of it, and do about it, at /run/crossroot:
 *
 *	tier		how much is native here; in a view, how much is in that view
 *	swaps		the paths that are swapped (in that view), canonical, one a line
 *	drift		the packages of which the native root has another version: their
 *			programs stay emulated, and compilers may differ; "PACKAGE: HOW"
 *	lift		takes swaps off, and
 *	originals	runs a command without them, see src/wrapper/lift.c
 *	enter-view	runs a command at a lower tier, and
 *	emulate		with nothing native, see src/wrapper/view.c
 *	emulated/	the root without swaps
 *	toolchain/	the root with those of the toolchain tier, in runs of a higher one
 */

/* Append the helpers, before the views are made. -ENOENT: one is missing. */
int expose_helpers(struct mplan *m, struct err *e);

/*
 * Append the rest, after all other mounts. @tier is what is swapped, of an empty plan
 * none; @rootfd is the root's tree.
 */
void expose_plan(const struct plan *p, const struct settings *s, int rootfd, enum tier tier,
		 struct mplan *m);
