// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"

/*
 * Let the image of the root @name, one that crossroot made, hold @size ("32g"). The
 * kernel does it, in its journal, while the image is mounted here; where it may not, a
 * copy of the image gets the size and then takes its place. Killed at any moment, the
 * root is whole, and the same command finishes what was begun.
 */
int root_resize(const struct registry *reg, const char *name, const char *size,
		struct err *e);
