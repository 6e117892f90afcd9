// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
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
