// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A file system in an image file. */
struct partition {
	char *file;	 /* absolute, without symlinks */
	uint64_t offset; /* bytes */
	uint64_t length; /* bytes, 0: to the end of the file */
	char *type;	 /* of the file system, in the kernel's words */
	bool read_only;	 /* a kind that is never written to */
};

/*
 * Find what @spec names: FILE, or a partition of a disk image, GPT or MBR:
 * FILE%N by its number, FILE%LABEL:x% by its name or its file system's label,
 * FILE%PARTUUID:x%. What is not there, or there twice, or no file system, is an error
 * that says what there is. The caller frees @out with partition_free.
 */
int partition_find(const char *spec, struct partition *out, struct err *e);
void partition_free(struct partition *p);
