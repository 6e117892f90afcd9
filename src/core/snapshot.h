// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"

/*
 * Snapshots of an overlay root: how many of its layers there were at a time. Number 0 is
 * the root as it was created. Each function changes @s, not the file it is from.
 */

/* The number of layers that snapshot @n is made of. */
size_t snapshot_layers(const struct storage *s, size_t n);

/* When it was made, in seconds since 1970; 0 if that is not known. */
long long snapshot_time(const struct storage *s, size_t n);

/*
 * Make what was written a layer that no one writes to any more, and @upper, which is
 * taken, where writes go to from now on. Where nothing was written nothing is to be
 * done: then @upper stays the caller's.
 */
struct new_layer;
int snapshot_freeze(const struct registry *reg, struct storage *s,
		    struct new_layer *upper, struct err *e);

/* Remember the layers there are now. */
void snapshot_note(struct storage *s);

/* Take a snapshot of the root @name, which must not be in use; its number to *@n. */
int root_snapshot(const struct registry *reg, const char *name, size_t *n,
		  struct err *e);

/*
 * Have the root @name as it was at snapshot *@n (negative: the last one; set to the
 * number). What was written since is lost, and so are the snapshots since.
 */
int root_rollback(const struct registry *reg, const char *name, long *n, struct err *e);

/* -ERR_UNSUPPORTED for a root that has no layers. */
int snapshot_check(const struct root *root, struct err *e);
