// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"

/* One path that is not what it was. */
struct change {
	char *path; /* absolute, in the root */
	char what;  /* 'A' added, 'D' deleted, 'M' modified: type, owner, mode, content */
};

struct changes {
	struct change *v; /* sorted by path */
	size_t n, cap;
};

void changes_free(struct changes *c);

/*
 * What is different in the opened overlay root @root from its snapshot @n (negative:
 * the last one). A file counts as modified when its size or time of modification is
 * another; a directory not for what is in it. Looks only where layers say that
 * something was written, so it takes as long as there are changes.
 */
int root_diff(const struct registry *reg, const struct root *root, long n,
	      struct changes *out, struct err *e);
