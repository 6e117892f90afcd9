// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mech/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int take(void *arg, const struct ldcache_entry *ent)
{
	size_t *left = arg;

	if (strlen(ent->soname) > *left || strlen(ent->path) > *left)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	int r = ldcache_parse(data, n, take, &n, &e);

	if (r && r != -ERR_FORMAT)
		abort();
	return 0;
}
