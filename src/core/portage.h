// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/candidate.h"
#include "core/closure.h"
#include "mech/mplan.h"

/*
 * Portage's own Python. emerge, ebuild and their like are scripts, and Portage
 * starts its helpers by sys.executable; so a script with another first line is
 * enough to run all of Portage on the native root's interpreter, while a package
 * that asks for python3 gets the root's own.
 *
 * The interpreter is shown as a virtual environment at /run/crossroot/pythonX.Y,
 * whose site-packages are the root's, and whose os.uname() answers for the target.
 */

/* Add the scripts of the root's sys-apps/portage, those of Gentoo's python-exec. */
void portage_find(struct candidates *l, const struct side *root,
		  const struct side *native_root);

/* Add the libraries of @c's interpreter and of what it imports; see closure_add. */
int portage_closure(const struct candidate *c, int native_fd, struct closure *closure,
		    struct err *e);

/*
 * The interpreter of @c (a CANDIDATE_SCRIPT) inside a run. The caller frees it.
 */
char *portage_python(const struct candidate *c);

/* Append what mounts @c's interpreter; @machine is what uname -m answers. */
void portage_python_mounts(const struct candidate *c, const char *native_root,
			   const char *machine, struct mplan *m);
