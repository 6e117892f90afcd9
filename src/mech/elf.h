// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What a loader needs to know of an ELF file. */
struct elf_info {
	uint8_t class, data; /* ELFCLASS*, ELFDATA* */
	uint16_t machine, type;
	char *interp;	     /* PT_INTERP, NULL: none, so a static program or a library */
	char *soname;	     /* NULL: none */
	struct strv needed;  /* DT_NEEDED, in order */
	char *rpath, *runpath; /* colon-separated as in the file, NULL: none */
	bool nodeflib;	     /* DF_1_NODEFLIB: default directories are not searched */
};

/*
 * Read the headers of the ELF file @fd; @name is for messages. Whatever is no
 * whole ELF file is -ERR_FORMAT. The caller frees @out with elf_info_free.
 */
int elf_read(int fd, const char *name, struct elf_info *out, struct err *e);
/* The same for a file in memory, which libelf may write to: map it private. */
int elf_read_image(void *image, size_t n, const char *name, struct elf_info *out,
		   struct err *e);
void elf_info_free(struct elf_info *info);

/* Where two ELF files differ first; offsets are in the files, strings are copies. */
struct elf_difference {
	char *section; /* the first that differs */
	char *symbol;  /* "main+0x14", NULL: none is there */
	size_t a, b;   /* offset of the first differing byte in either */
	size_t more;   /* how many other sections differ */
};

/*
 * Compare two ELF files section by section. Returns false when one is no ELF file,
 * or no section differs. The caller frees the strings.
 */
bool elf_compare(const void *a, size_t na, const void *b, size_t nb,
		 struct elf_difference *out);
/* What tells files apart before anything else of them is known to be whole. */
struct elf_ident {
	uint8_t class, data;
	uint16_t machine, type;
};

/* Whether the @n bytes at @image begin as an ELF file does. */
bool elf_identify(const void *image, size_t n, struct elf_ident *out);

struct elf_section {
	const char *name;	/* "" where it has none */
	uint64_t offset, size;	/* of its bytes in the file */
	const void *unpacked;	/* SHF_COMPRESSED: its content, else NULL */
	size_t unpacked_size;
};

/*
 * Call @fn for each section of the ELF file in memory that has bytes in it; what
 * is passed is valid during the call. Sections come as the file has them: their
 * offsets may be anything. A compressed section that cannot be unpacked, or only
 * to more than 1 GiB, comes with .unpacked NULL and is counted: the count is
 * returned, or -ERR_FORMAT for a damaged file. libelf may write to @image: the
 * header of what was unpacked says so afterwards.
 */
int elf_sections(void *image, size_t n,
		 void (*fn)(void *arg, const struct elf_section *s), void *arg);
