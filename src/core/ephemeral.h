// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"
#include "core/stack.h"

/*
 * A run whose changes go to a layer of its own, over whatever the root is. Dropped, the
 * layer is garbage like any that no root names; kept, it is the upper of a new root.
 */
struct ephemeral {
	const struct registry *reg;
	struct new_layer upper;
	const char *keep; /* the new root's name, NULL: drop the changes */
	int keep_lock_fd;
	bool mounted;
};

/*
 * Put a layer over the files of the opened @root, which from then on has its tree there.
 * With @keep, a name that is free and is held from now on, @root has to be open
 * exclusively. The caller ends it with ephemeral_end, also after a failure.
 */
int ephemeral_begin(const struct registry *reg, struct root *root, const char *keep,
		    struct ephemeral *out, struct err *e);

/* Make the new root of what was changed. Nothing may run in it any more. */
int ephemeral_keep(struct ephemeral *eph, struct root *root, struct err *e);
void ephemeral_end(struct ephemeral *eph, struct root *root);
