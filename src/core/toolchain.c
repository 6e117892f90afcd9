// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/toolchain.h"

static const struct toolchain_driver *const drivers[] = { &toolchain_gentoo,
							&toolchain_debian };

int toolchain_find(struct candidates *l, const struct side *root,
		   const struct side *native_root, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		int r = drivers[i]->find(l, root, native_root, e);

		if (r)
			return r < 0 ? r : 0;
	}
	/* a root without a compiler has tools to swap all the same */
	return 0;
}
