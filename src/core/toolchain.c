// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/toolchain.h"

static const struct toolchain_driver *const drivers[] = { &toolchain_debian };

int toolchain_find(struct candidates *l, const struct side *root,
		   const struct side *native_root, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		int r = drivers[i]->find(l, root, native_root, e);

		if (r)
			return r < 0 ? r : 0;
	}
	return err_set(e, -ERR_UNSUPPORTED,
		       "the root has no compiler in a place that crossroot knows");
}
