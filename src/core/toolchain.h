// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/candidate.h"

/*
 * Add the root's compilers and binutils with the native root's cross programs for
 * the same target. Each layout of a root has a driver of its own; the first that
 * knows the root is asked. -ERR_UNSUPPORTED or -ERR_MISMATCH: the native root has
 * no cross compiler that fits; the message and hint say what to install. One of the
 * same major version fits; where it is not the very same that is logged.
 */
int toolchain_find(struct candidates *l, const struct side *root,
		   const struct side *native_root, struct err *e);

/* One layout. @find returns 1 when it added what there is, 0: not this layout. */
struct toolchain_driver {
	const char *name;
	int (*find)(struct candidates *l, const struct side *root,
		    const struct side *native_root, struct err *e);
};

extern const struct toolchain_driver toolchain_gentoo, toolchain_debian;
