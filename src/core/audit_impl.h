// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/audit.h"

/* Between audit.c (the walk and the verdict) and audit_file.c (one file). */

/* What must not be named. */
struct needle {
	char *text;
	bool host; /* one of the host's tuples: fine if the host is the target */
};

/* An ELF file or member; whether it is foreign is known only at the end. */
struct elf_seen {
	char *path, *member;
	uint16_t machine;
	const struct arch *arch; /* NULL: none that we know */
};

struct auditing {
	struct audit *out;
	struct needle *needles;
	size_t n, cap;
	struct elf_seen *elves;
	size_t elves_n, elves_cap;
};

/* Takes over @where; copies the rest. @text is made printable and cut. */
struct finding *audit_add(struct audit *a, const char *path, const char *member,
			  const char *what, char *where, const char *text, size_t n);

/* The first needle in the @n bytes at @s, NULL if there is none. */
const struct needle *audit_names(const struct auditing *a, const char *s, size_t n);

/* Look at the content of a file; libelf may write to @image. */
void audit_content(struct auditing *a, const char *path, char *image, size_t n);
