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
