// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/make.h"
#include "core/origin.h"
#include "core/root.h"
#include "core/settings.h"
#include "core/stage.h"
#include "mech/archive.h"

struct create_spec {
	const char *name;
	const char *stage; /* path of the tarball; NULL: the storage has its files */
	int stage_fd;	   /* the tarball, open; -1: the file at @stage */
	/* NULL: not compared; else what the stage has to be, with the settings' target */
	const struct stage_id *want;
	const struct origin *origin; /* NULL: the user gave the tarball */
	struct storage_spec storage;
	const struct settings *settings; /* become the root's own; a target is held to */
	/* NULL, or the name of the mark to leave for this maker: pristine.h */
	const char *maker;
	bool setup; /* where Portage is in the root, install its hooks: setup.h */
};

/*
 * Have @spec unpack @stage, which stage_get gave with @id, and record it. All stay the
 * caller's, @origin is filled.
 */
void create_from_stage(struct create_spec *spec, const struct stage *stage,
		       const struct stage_id *id, struct origin *origin);

/*
 * Unpack a stage and register it as a root. Until the last step it is called
 * .creating-NAME; an error removes it, a killed create leaves it to the next one.
 */
int root_create(const struct registry *reg, const struct create_spec *spec,
		const struct archive_progress *progress, struct err *e);
