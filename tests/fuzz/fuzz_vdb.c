// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/pkgdb_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The name of a package: both parts are safe in a path and make the whole again. */
static void split(const char *pf)
{
	struct span name, version;

	if (!vdb_split(pf, &name, &version))
		return;
	if (name.s != pf || version.s != pf + name.n + 1 || !name.n || !version.n ||
	    pf[name.n] != '-' || version.s[version.n] || strchr(pf, '/') || *pf == '.' ||
	    *version.s < '0' || *version.s > '9')
		abort();
}

/* Paths are absolute, one a line, and none is longer than what listed it. */
static void contents(const char *text, size_t n)
{
	struct buf paths = { 0 };
	struct err e = { 0 };
	int r = vdb_parse_contents("F", text, n, &paths, &e);

	if (r && (r != -ERR_FORMAT || strncmp(e.msg, "F:", 2)))
		abort();
	if (paths.len > n || (paths.len && paths.data[paths.len - 1] != '\n') ||
	    (paths.len && memchr(paths.data, '\0', paths.len)))
		abort();
	for (size_t i = 0; i < paths.len; i++)
		if ((!i || paths.data[i - 1] == '\n') && paths.data[i] != '/')
			abort();
	buf_free(&paths);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* an allocation of exactly this size: a byte too far is noticed */
	char *text = malloc(n + 1), *nl;
	char *use;

	if (!text)
		abort();
	if (n)
		memcpy(text, data, n);
	text[n] = '\0';
	contents((const char *)data, n);
	nl = strchr(text, '\n');
	if (nl)
		*nl = '\0';
	split(text);
	use = vdb_relevant_use(text, nl ? nl + 1 : text);
	if (strlen(use) > n)
		abort();
	free(use);
	free(text);
	return 0;
}
