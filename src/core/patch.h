// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>

#include "base/err.h"

enum patch_mode {
	PATCH_ONCE,   /* the whole NUL-terminated string, exactly once */
	PATCH_PREFIX, /* every string that is it or a path beneath it */
};

/*
 * Replace the string @from in the binary file @name below @dirfd by @to, which
 * has the same length. -ENOENT: it does not occur; -ERR_FORMAT: too often.
 */
int patch_file(int dirfd, const char *name, const char *from, const char *to,
	       enum patch_mode mode, struct err *e);

/*
 * The path @path spelled with @len bytes, by more slashes before its last
 * component: NULL if it is longer. The caller frees it.
 */
char *patch_pad(const char *path, size_t len);
