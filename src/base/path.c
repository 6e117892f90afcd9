// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n && a[n - 1] == '/')
		n--;
	b += strspn(b, "/");
	return xasprintf("%.*s/%s", (int)n, a, b);
}

char *path_clean(const char *p)
{
	bool abs = *p == '/';
	struct strv parts = { 0 };
	struct buf out = { 0 };

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2)) {
			if (parts.n && strcmp(parts.v[parts.n - 1], ".."))
				free(parts.v[--parts.n]);
			else if (!abs)
				strv_add(&parts, "..");
		} else if (n && !(n == 1 && *p == '.')) {
			strv_take(&parts, xstrndup(p, n));
		}
		p += n;
		p += strspn(p, "/");
	}
	buf_adds(&out, abs ? "/" : "");
	for (size_t i = 0; i < parts.n; i++)
		buf_addf(&out, "%s%s", i ? "/" : "", parts.v[i]);
	if (!out.len)
		buf_adds(&out, ".");
	strv_free(&parts);
	return out.data;
}

bool path_beneath(const char *p, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1 && *dir == '/')
		return *p == '/';
	return !strncmp(p, dir, n) && (p[n] == '\0' || p[n] == '/');
}

const char *path_base(const char *p)
{
	const char *s = strrchr(p, '/');

	return s ? s + 1 : p;
}

char *path_dir(const char *p)
{
	const char *s = strrchr(p, '/');

	if (!s)
		return xstrdup(".");
	if (s == p)
		return xstrdup("/");
	return xstrndup(p, (size_t)(s - p));
}
