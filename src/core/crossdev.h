// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "core/root.h"
#include "core/settings.h"
#include "core/stage.h"
#include "mech/archive.h"

/* What crossdev(1) tells its hook: an event of one target. */
struct crossdev_event {
	const char *target;   /* the tuple; the root has its name too */
	const char *stage;    /* path of the tarball, NULL: none was given */
	/* the stage that was fetched in its place, with what it is; NULL: none was */
	const struct stage *fetched;
	const struct stage_id *id;
	const char *crossdev; /* the program to ask about the target */
	const char *native_root; /* where the toolchain is looked for */
	const char *root;     /* the directory its files go to, NULL: the usual place */
	const char *eprefix;  /* "" or the path of a Gentoo Prefix: before /usr/bin */
	const char *state;    /* the state directory where it is not the usual one, or NULL */
	bool llvm;	      /* the toolchain is LLVM's */
	bool init_only;	      /* the target was configured, no toolchain built */
	bool force;	      /* uninstall: a root that was changed too */
};

/* Whether crossdev_install makes a root, so that a stage is needed. */
bool crossdev_makes_root(const struct registry *reg, const struct crossdev_event *ev);

/*
 * The toolchain for a target was built: have the root of the same name, ready for
 * emerge, and the commands TARGET-container-emerge and TARGET-container-run. Done again
 * it brings up to date what is there. @s become the settings of a root that is made.
 * -ERR_MISMATCH when the stage needs another compiler.
 */
int crossdev_install(const struct registry *reg, const struct crossdev_event *ev,
		     const struct settings *s, const struct archive_progress *progress,
		     struct err *e);

/*
 * The toolchain goes: delete the commands, and the root if crossdev_install made it. A
 * root in which something was changed since stays, with a warning, but for ->force; it is
 * -ERR_STATE where its files are in what crossdev deletes.
 */
int crossdev_uninstall(const struct registry *reg, const struct crossdev_event *ev,
		       struct err *e);
