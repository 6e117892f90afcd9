// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"
#include "mech/mplan.h"

/*
 * Both functions run in the run's own mount namespace, in its pid 1.
 *
 * mapply_root: make every mount private and put the tree at @root, an absolute
 * host path, on itself so that it can become "/". Returns an O_PATH fd of it.
 */
int mapply_root(const char *root, struct err *e);

/*
 * Carry out @p below @rootfd (from mapply_root). Sources are host paths.
 * Destinations are resolved inside the root and created where they are missing
 * and their parent is writable. The first failure ends it.
 */
int mapply_run(int rootfd, const struct mplan *p, struct err *e);

/* Make @rootfd "/" and detach the host's tree for good. */
int mapply_pivot(int rootfd, struct err *e);
