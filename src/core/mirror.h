// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/stage_table.h"

/*
 * How a mirror of Gentoo's is laid out, and what its text files say:
 *
 *   BASE/releases/ARCHDIR/autobuilds/latest-VARIANT.txt
 *   BASE/releases/ARCHDIR/autobuilds/DATE/VARIANT-DATE.tar.xz{,.DIGESTS,.asc}
 *
 * Pure: nothing here fetches, or believes a signature.
 */
#define MIRROR_DATE_SIZE 17 /* "20260601T170000Z" and its NUL */
#define MIRROR_FILE_SIZE (STAGE_VARIANT_SIZE + MIRROR_DATE_SIZE + 16)

struct mirror_file {
	char name[MIRROR_FILE_SIZE]; /* "stage3-arm64-openrc-20260601T170000Z.tar.xz" */
	char date[MIRROR_DATE_SIZE];
	uint64_t size; /* 0: not known */
};

/* A file's digests, lower-case hexadecimal. */
struct mirror_digests {
	char blake2b[129], sha512[129];
};

/* The caller frees these URLs. @base may end with a slash. */
char *mirror_index_url(const char *base, const struct stage_id *id);
char *mirror_file_url(const char *base, const struct stage_id *id,
		      const struct mirror_file *file, const char *suffix);

/* Whether @date is of the form 20260601T170000Z; such compare as strings. */
bool mirror_date_ok(const char *date);

/*
 * Name the file of @variant from @date, as the mirror packs them now. -ERR_USAGE for
 * a date that is none.
 */
int mirror_name(const char *variant, const char *date, struct mirror_file *out,
		struct err *e);

/* Take the name of a stage's file apart. -ERR_FORMAT when it is no such name. */
int mirror_split(const char *name, char variant[STAGE_VARIANT_SIZE],
		 char date[MIRROR_DATE_SIZE], struct err *e);

/*
 * What the @n bytes of an index say is the newest file of @variant. The lines are
 * those the signature covers. -ERR_FORMAT for a line that is not understood or an
 * index without one, -ERR_MISMATCH when it is about another stage.
 */
int mirror_parse_index(const char *text, size_t n, const char *variant,
		       struct mirror_file *out, struct err *e);

/*
 * The digests that a DIGESTS file has for the file @name. -ERR_FORMAT when it is
 * damaged or lacks one of the two, -ERR_MISMATCH when it is about other files.
 */
int mirror_parse_digests(const char *text, size_t n, const char *name,
			 struct mirror_digests *out, struct err *e);

/*
 * Without looking at the signature, the text that a clearsigned message says it is
 * about: for --insecure-stage. Returns @text itself, and *@len, where it is not
 * clearsigned. Points into @text.
 */
const char *mirror_unsigned_text(const char *text, size_t n, size_t *len);
bool mirror_is_clearsigned(const char *text, size_t n);
