// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* One library of a cache; the strings point into the data. */
struct ldcache_entry {
	const char *soname, *path;
	int32_t flags;
	uint64_t hwcap; /* not 0: for some processors only */
};

/*
 * Call @fn for each library of the glibc ld.so.cache in the @n bytes at @data
 * (format 1.1, alone or behind the old format). A negative result of @fn ends it
 * and is returned. Damaged data is -ERR_FORMAT.
 */
int ldcache_parse(const void *data, size_t n,
		  int (*fn)(void *arg, const struct ldcache_entry *ent), void *arg,
		  struct err *e);
