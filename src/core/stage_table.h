// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Which of Gentoo's stages a tuple means. A tuple does not say all of it (the init
 * system, a hardened or desktop build), so what was unpacked is compared with this
 * afterwards: stage_check.h.
 */
#define STAGE_VARIANT_SIZE 96
#define STAGE_PROFILE_SIZE 64

struct stage_id {
	const char *archdir; /* directory below releases/ on a mirror */
	char variant[STAGE_VARIANT_SIZE]; /* "stage3-arm64-openrc" */
	/* Below default/linux/; what the profile of the stage begins with. */
	char profile[STAGE_PROFILE_SIZE];
	const char *part; /* a component that this profile has to have, NULL: none */
};

/*
 * The stage for @tuple with the init system @init ("openrc", "systemd", NULL: the
 * first). A @variant takes the place of both; only the architecture of @tuple has to
 * be its. -ERR_UNSUPPORTED for a tuple Gentoo makes no stages for, -ERR_USAGE for a
 * name that cannot be one.
 */
int stage_table_find(const char *tuple, const char *init, const char *variant,
		     struct stage_id *out, struct err *e);
