// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/candidate.h"

/*
 * Add the shell and build tools of the root: programs whose output does not
 * depend on the architecture they run on, and @extra paths of the user's.
 */
void tools_find(struct candidates *l, const struct side *root,
	       const struct side *native_root, const struct strv *extra);
