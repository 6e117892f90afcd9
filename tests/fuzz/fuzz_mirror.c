// SPDX-License-Identifier: GPL-2.0-or-later
/* What a mirror says: an index, a DIGESTS file, a clearsigned message. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mirror.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char name[] = "stage3-arm64-openrc-20260601T170000Z.tar.xz";
	const char *text = (const char *)data;
	struct mirror_file file;
	struct mirror_digests digests;
	size_t len;
	const char *inside = mirror_unsigned_text(text, n, &len);

	if (inside < text || inside + len > text + n)
		abort();
	/* what is taken for a name is one, and leads nowhere else */
	if (!mirror_parse_index(inside, len, "stage3-arm64-openrc", &file, NULL) &&
	    (strchr(file.name, '/') || *file.name == '.' || !mirror_date_ok(file.date) ||
	     !file.size))
		abort();
	if (!mirror_parse_digests(inside, len, name, &digests, NULL) &&
	    (strlen(digests.blake2b) != 128 || strlen(digests.sha512) != 128))
		abort();
	return 0;
}
