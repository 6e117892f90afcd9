// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* One file in which two trees differ. */
struct difference {
	char *path;   /* below both trees */
	char *what;   /* "content", "mode", "type", "target of the link", "only in A" */
	char *detail; /* where and how; NULL where @what says all */
};

struct differences {
	struct difference *v;
	size_t n, cap;
	size_t files; /* how many were looked at */
};

/*
 * Compare the trees at the directory fds @a and @b, called @name_a and @name_b:
 * names, types, modes, link targets and every byte; not times and owners. Paths
 * that match one of the patterns @ignored (fnmatch on the path, and on its last
 * component) are left out.
 */
int compare_trees(int a, const char *name_a, int b, const char *name_b,
		  const struct strv *ignored, struct differences *out, struct err *e);
void differences_free(struct differences *d);
