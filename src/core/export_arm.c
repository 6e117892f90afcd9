// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For what ARM a root is made: its programs say it in the attributes that the "ELF for
 * the Arm Architecture" and "Addenda to the ABI" documents of the ABI have.
 */
#include <string.h>

#include "base/cleanup.h"
#include "core/export_impl.h"
#include "mech/elf.h"
#include "os/beneath.h"

#define PROGRAM_LIMIT ((size_t)64 << 20)

enum { TAG_FILE = 1, TAG_CPU_RAW_NAME = 4, TAG_CPU_NAME, TAG_CPU_ARCH,
       TAG_COMPATIBILITY = 32 };

/* What is left to read; NULL: it ended too early. */
struct cursor {
	const unsigned char *p, *end;
};

static uint64_t get_number(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; c->p && shift < 64; shift += 7) {
		if (c->p == c->end)
			break;
		v |= (uint64_t)(*c->p & 0x7f) << shift;
		if (!(*c->p++ & 0x80))
			return v;
	}
	c->p = NULL;
	return 0;
}

static void skip_string(struct cursor *c)
{
	const unsigned char *z = c->p ? memchr(c->p, 0, (size_t)(c->end - c->p)) : NULL;

	c->p = z ? z + 1 : NULL;
}

/* The part that begins at @from, of which @c has the length next; @c goes behind it. */
static struct cursor get_part(struct cursor *c, const unsigned char *from)
{
	struct cursor part = { NULL, NULL };
	uint32_t n;

	if (!c->p || c->end - c->p < 4) {
		c->p = NULL;
		return part;
	}
	/* big-endian roots are not asked for it */
	n = c->p[0] | c->p[1] << 8 | c->p[2] << 16 | (uint32_t)c->p[3] << 24;
	c->p += 4;
	if (n < (size_t)(c->p - from) || n > (size_t)(c->end - from)) {
		c->p = NULL;
		return part;
	}
	part = (struct cursor){ c->p, from + n };
	c->p = from + n;
	return part;
}

static int cpu_arch(struct cursor c)
{
	while (c.p && c.p < c.end) {
		uint64_t tag = get_number(&c);

		if (tag == TAG_CPU_ARCH) {
			uint64_t v = get_number(&c);

			return c.p && v < 256 ? (int)v : -1;
		}
		if (tag == TAG_COMPATIBILITY)
			get_number(&c);
		if (tag == TAG_CPU_RAW_NAME || tag == TAG_CPU_NAME ||
		    tag == TAG_COMPATIBILITY || (tag > TAG_COMPATIBILITY && tag & 1))
			skip_string(&c);
		else
			get_number(&c);
	}
	return -1;
}

const char *export_arm_attributes(const void *data, size_t n)
{
	/* by the value of Tag_CPU_arch; those that have no user mode are left out */
	static const char *const names[] = {
		[3] = "v5", [4] = "v5", [5] = "v5", [6] = "v6", [7] = "v6",
		[8] = "v6", [9] = "v6", [10] = "v7", [14] = "v8",
	};
	struct cursor c = { data, (const unsigned char *)data + n };

	if (!n || *c.p++ != 'A')
		return NULL;
	while (c.p && c.p < c.end) {
		struct cursor vendor = get_part(&c, c.p);
		bool abi = vendor.p && vendor.end - vendor.p > 6 &&
			   !memcmp(vendor.p, "aeabi", 6);

		skip_string(&vendor);
		while (abi && vendor.p && vendor.p < vendor.end) {
			const unsigned char *from = vendor.p;
			uint64_t tag = get_number(&vendor);
			struct cursor part = get_part(&vendor, from);
			int v = tag == TAG_FILE ? cpu_arch(part) : -1;

			if (v >= 0)
				return v < (int)ARRAY_SIZE(names) ? names[v] : NULL;
		}
	}
	return NULL;
}

struct looking {
	const char *image;
	size_t size;
	const char *found;
};

static void look(void *arg, const struct elf_section *s)
{
	struct looking *l = arg;

	if (!strcmp(s->name, ".ARM.attributes") && s->offset <= l->size &&
	    s->size <= l->size - s->offset)
		l->found = export_arm_attributes(l->image + s->offset, s->size);
}

const char *export_arm_variant(int tree_fd)
{
	struct looking l = { 0 };

	for (size_t i = 0; !l.found && root_probes[i]; i++) {
		_cleanup_free_ char *image = NULL;

		if (beneath_read(tree_fd, root_probes[i], PROGRAM_LIMIT, &image, &l.size,
				 NULL) < 0)
			continue;
		l.image = image;
		elf_sections(image, l.size, look, &l);
	}
	return l.found;
}
