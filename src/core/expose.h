// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/plan.h"
#include "core/run.h"
#include "core/settings.h"

/*
 * What programs inside a run can know of it, and do about it, at /run/crossroot:
 *
 *	tier		how much is native here; in a view, how much is in that view
 *	swaps		the paths that are swapped (in that view), canonical, one a line
 *	drift		why programs stay emulated whose package is of another version
 *			in the native root: "PACKAGE: REASON", one a line
 *	lift		takes swaps off, see src/wrapper/lift.c
 *	enter-view	runs a command at a lower tier, and
 *	emulate		with nothing native, see src/wrapper/view.c
 *	emulated/	the root without swaps
 *	toolchain/	the root with those of the toolchain tier, in runs of a higher one
 *
 * Append what puts it there, after all other mounts; @tier is what is swapped, of an
 * empty plan none. -ENOENT: a helper is missing.
 */
int expose(const struct plan *p, const struct settings *s, enum tier tier,
	   struct run *run, struct err *e);
