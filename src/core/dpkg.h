// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>

/* One stanza of dpkg's status file: pieces of its text, not NUL-terminated. */
struct dpkg_stanza {
	const char *name, *version, *arch, *status, *multi_arch;
	size_t name_len, version_len, arch_len, status_len, multi_arch_len;
};

/*
 * The next stanza of the text from @at to @end, into @out. Returns where the one
 * after it begins, NULL at the end. Fields that are missing are of length 0.
 */
const char *dpkg_next(const char *at, const char *end, struct dpkg_stanza *out);
