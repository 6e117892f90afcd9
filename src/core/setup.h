// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"
#include "core/root.h"

/*
 * What Portage in a root has to know of crossroot: files of crossroot's own, copied
 * from where "make install" places them. "root" holds them at their paths in the root,
 * "repo" becomes the ebuild repository /var/db/repos/crossroot. No file
 * that crossroot did not put there is changed or removed, and none that was changed
 * since. What was put is listed in the file "setup" of the root's directory.
 *
 * All take a root that is locked exclusively, so that no run sees half of it.
 */

/*
 * Install, or bring up to date. -ERR_STATE, before anything is written, when the
 * root has another file in the way.
 */
int setup_install(const struct root *root, struct err *e);

/* Take out what setup_install put in; a root without is no error. */
int setup_undo(const struct root *root, struct err *e);

/* Whether the root has Portage, so that setup is of use. */
bool setup_wanted(const struct root *root);
