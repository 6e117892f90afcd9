// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/make.h"
#include "core/root.h"
#include "core/settings.h"
#include "mech/archive.h"

struct create_spec {
	const char *name;
	const char *stage; /* path of the tarball; NULL: the storage has its files */
	struct storage_spec storage;
	const struct settings *settings; /* become the root's own; a target is held to */
	/* NULL, or the name of the mark to leave for this maker: pristine.h */
	const char *maker;
	bool setup; /* where Portage is in the root, install its hooks: setup.h */
};

/*
 * Unpack a stage and register it as a root. Until the last step it is called
 * .creating-NAME; an error removes it, a killed create leaves it to the next one.
 */
int root_create(const struct registry *reg, const struct create_spec *spec,
		const struct archive_progress *progress, struct err *e);
