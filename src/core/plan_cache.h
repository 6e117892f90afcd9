// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/plan.h"
#include "core/root.h"

/*
 * A plan on disk: the file "plan" of a root's directory. It holds for the same
 * @key (what it was made from, one line), as long as every program of it is the
 * very file that it was, and its layer is whole.
 *
 * plan_load returns 1 with @p filled, 0 when there is no plan that holds.
 */
int plan_load(const struct root *root, int native_fd, const char *key,
	      const char *layers_dir, struct plan *p);
int plan_save(const struct root *root, int native_fd, const char *key,
	      const struct plan *p, struct err *e);

/* Add to @keys the layers that the plans of the roots below @state name. */
int plan_layers(const char *state, struct strv *keys, struct err *e);
