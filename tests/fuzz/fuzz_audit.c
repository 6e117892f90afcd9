// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/audit_impl.h"
#include "mech/ar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Members lie inside the archive, one after the other. */
static void check_ar(const char *data, size_t n)
{
	const char *last = data;
	struct ar ar;
	struct ar_member m;

	if (!ar_open(&ar, data, n))
		return;
	while (ar_next(&ar, &m) > 0) {
		if (m.name < data || m.name_len > (size_t)(data + n - m.name))
			abort();
		if (!m.data)
			continue;
		if (m.data < last || m.n > (size_t)(data + n - m.data))
			abort();
		last = m.data + m.n;
	}
}

/* A finding says what and where; a needle that is there as bytes is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct needle needle = { (char *)"/run", false };
	struct audit out = { 0 };
	struct auditing a = { .out = &out, .needles = &needle, .n = 1 };
	struct ar ar;
	char *image = malloc(n ? n : 1);

	if (!image)
		abort();
	log_set_level(LOG_QUIET);
	if (n)
		memcpy(image, data, n);
	check_ar(image, n);
	audit_content(&a, "/f", image, n);
	for (size_t i = 0; i < out.n; i++)
		if (!out.v[i].what || !out.v[i].text || strlen(out.v[i].text) > 400)
			if (strcmp(out.v[i].what, AUDIT_NAME) &&
			    strcmp(out.v[i].what, AUDIT_INTERP))
				abort();
	if (n && !ar_open(&ar, data, n) && memmem(data, n, "/run", 4) && !out.n)
		abort();
	for (size_t i = 0; i < a.elves_n; i++) {
		free(a.elves[i].path);
		free(a.elves[i].member);
	}
	free(a.elves);
	audit_free(&out);
	free(image);
	return 0;
}
