// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dpkg.h"

#include <string.h>
#include <strings.h>

#include "base/macro.h"

/* The value of the line from @s to @end, if its field is @key. */
static void take(const char *s, const char *end, const char *key, const char **value,
		 size_t *len)
{
	size_t n = strlen(key);

	if ((size_t)(end - s) <= n || strncasecmp(s, key, n) || s[n] != ':')
		return;
	s += n + 1;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*value = s;
	*len = (size_t)(end - s);
}

const char *dpkg_next(const char *at, const char *end, struct dpkg_stanza *out)
{
	*out = (struct dpkg_stanza){ .name = "", .version = "", .arch = "", .status = "",
				     .multi_arch = "" };
	while (at < end && *at == '\n')
		at++;
	if (at >= end)
		return NULL;
	while (at < end && *at != '\n') {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		if (!eol)
			eol = end;
		take(at, eol, "Package", &out->name, &out->name_len);
		take(at, eol, "Version", &out->version, &out->version_len);
		take(at, eol, "Architecture", &out->arch, &out->arch_len);
		take(at, eol, "Status", &out->status, &out->status_len);
		take(at, eol, "Multi-Arch", &out->multi_arch, &out->multi_arch_len);
		at = eol < end ? eol + 1 : end;
	}
	return at;
}
