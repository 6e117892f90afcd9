// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel, qemu and a tuple say about one architecture. */
struct arch {
	const char *name;      /* qemu's name: qemu-NAME */
	const char *tuple_cpu; /* fnmatch pattern of a tuple's first field */
	const char *tuple;     /* the usual GNU tuple */
	const char *uname;     /* what uname -m answers */
	const char *debian;    /* dpkg's architecture name */
	uint16_t machine;      /* e_machine */
	uint8_t class, data;   /* ELFCLASS*, ELFDATA* */
};

/* The architecture of an ELF file, NULL if unknown. */
const struct arch *arch_by_elf(uint8_t class, uint8_t data, uint16_t machine);

/* The architecture a tuple ("aarch64-unknown-linux-gnu") names, NULL if unknown. */
const struct arch *arch_by_tuple(const char *tuple);

/* The architecture that qemu calls @name, NULL if unknown. */
const struct arch *arch_by_name(const char *name);

/* This machine's own, NULL if unknown. */
const struct arch *arch_host(void);

/* The table, for doctor: entry @i, NULL past the end. */
const struct arch *arch_at(size_t i);

/* The kernel's magic and mask for executables of @a: 20 bytes each. */
#define ARCH_MAGIC_LEN 20
void arch_magic(const struct arch *a, uint8_t magic[ARCH_MAGIC_LEN],
		uint8_t mask[ARCH_MAGIC_LEN]);
