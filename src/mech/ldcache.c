// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/ldcache.h"

#include <stdbool.h>
#include <string.h>

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"

/* As ldconfig of the same machine writes them: native byte order. */
struct old_header {
	char magic[sizeof(OLD_MAGIC) - 1];
	uint32_t nlibs; /* after a byte of padding */
};

struct old_entry {
	int32_t flags;
	uint32_t key, value;
};

struct new_header {
	char magic[sizeof(NEW_MAGIC) - 1];
	uint32_t nlibs, len_strings;
	uint8_t flags, padding[3];
	uint32_t extension_offset, unused[3];
};

struct new_entry {
	int32_t flags;
	uint32_t key, value; /* offsets of strings, from the new header on */
	uint32_t osversion;
	uint64_t hwcap;
};

_Static_assert(sizeof(struct new_header) == 48 && sizeof(struct new_entry) == 24 &&
		       sizeof(struct old_header) == 16 && sizeof(struct old_entry) == 12,
	       "the structures of ld.so.cache");

static const char *string_at(const char *data, size_t n, uint32_t off)
{
	return off < n && memchr(data + off, '\0', n - off) ? data + off : NULL;
}

int ldcache_parse(const void *bytes, size_t n,
		  int (*fn)(void *arg, const struct ldcache_entry *ent), void *arg,
		  struct err *e)
{
	const char *data = bytes;
	struct old_header old;
	struct new_header head;

	if (n >= sizeof(old) && !memcmp(data, OLD_MAGIC, sizeof(old.magic))) {
		uint64_t skip;

		memcpy(&old, data, sizeof(old));
		skip = sizeof(old) + (uint64_t)old.nlibs * sizeof(struct old_entry);
		skip = (skip + 7) & ~(uint64_t)7;
		if (skip > n)
			return err_set(e, -ERR_FORMAT, "the library cache is cut short");
		data += skip;
		n -= skip;
	}
	if (n < sizeof(head) || memcmp(data, NEW_MAGIC, sizeof(head.magic)))
		return err_set(e, -ERR_FORMAT, "no library cache of glibc");
	memcpy(&head, data, sizeof(head));
	if (head.nlibs > (n - sizeof(head)) / sizeof(struct new_entry))
		return err_set(e, -ERR_FORMAT, "the library cache is cut short");
	for (uint32_t i = 0; i < head.nlibs; i++) {
		struct ldcache_entry ent;
		struct new_entry raw;
		int r;

		memcpy(&raw, data + sizeof(head) + i * sizeof(raw), sizeof(raw));
		ent = (struct ldcache_entry){ .soname = string_at(data, n, raw.key),
					      .path = string_at(data, n, raw.value),
					      .flags = raw.flags,
					      .hwcap = raw.hwcap };
		if (!ent.soname || !ent.path)
			return err_set(e, -ERR_FORMAT,
				       "the library cache names a string outside of it");
		r = fn(arg, &ent);
		if (r < 0)
			return r;
	}
	return 0;
}
