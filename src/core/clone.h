// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"

/*
 * Make the root @to with the files and settings of @from. An overlay's are shared: what
 * it has written becomes a layer of both, in the same short time whatever there is.
 * Everything else is copied. Neither root may be in use meanwhile.
 */
int root_clone(const struct registry *reg, const char *from, const char *to,
	       struct err *e);

/*
 * Freeze what the opened overlay root @from has written, and make the root @to of its
 * layers: @upper, which the caller made, is written to in @to; @settings, NULL: those
 * of @from. @to is locked, and its name free.
 */
struct new_layer;
struct settings;
int clone_layers(const struct registry *reg, struct root *from, const char *to,
		 struct new_layer *upper, const struct settings *settings,
		 struct err *e);

/* Make the root @to of the layer @upper, which was written to over the files of @base. */
int clone_upon(const struct registry *reg, const struct root *base, const char *to,
	       const struct new_layer *upper, struct err *e);

/* Lock @name for a root that is about to be; what a killed command left of it goes. */
int clone_reserve(const struct registry *reg, const char *name, int *lock_fd,
		  struct err *e);
