// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/pkgdb_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What becomes part of a file name, or is compared, is whole and harmless. */
static void check(void *arg, const struct dpkg_stanza *st)
{
	struct span all[] = { st->name, st->version, st->arch };

	(*(size_t *)arg)++;
	if (!st->name.n || memchr(st->name.s, '/', st->name.n) || *st->name.s == '.')
		abort();
	if (!st->present)
		return;
	for (int i = 0; i < 3; i++) {
		if (!all[i].n || memchr(all[i].s, '\n', all[i].n) ||
		    memchr(all[i].s, '/', all[i].n) || memchr(all[i].s, '\0', all[i].n))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	size_t seen = 0;
	int r = dpkg_parse_status("F", (const char *)data, n, check, &seen, &e);

	if (r && (r != -ERR_FORMAT || strncmp(e.msg, "F:", 2)))
		abort();
	return 0;
}
