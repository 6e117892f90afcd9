// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * What this machine can do for crossroot. Everything is looked at or tried, and
 * nothing is changed: what has to be tried is tried in namespaces that end with
 * the trial.
 */

enum check_status {
	CHECK_OK,
	CHECK_WARNING, /* something is limited, or could not be tried */
	CHECK_MISSING, /* a run needs it */
};

struct check {
	char *name;
	enum check_status status;
	char *detail; /* what was found */
	char *mend;   /* what to do about it, NULL where nothing is wrong */
};

struct doctor {
	struct check *v;
	size_t n, cap;
};

const char *check_status_name(enum check_status status);

/* Examine this machine; never fails, and works for any user. */
void doctor_examine(struct doctor *d);
void doctor_free(struct doctor *d);

#define _cleanup_doctor_ __attribute__((cleanup(doctor_free)))
