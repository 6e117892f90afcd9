// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/mirror.h"
#include "core/signature.h"
#include "core/stage_table.h"

/* Called some ten times a second; @what is "fetch" or "verify". */
struct stage_watch {
	void (*fn)(void *arg, const char *what, uint64_t done, uint64_t total,
		   uint64_t rate);
	void *arg;
};

/* Where stages come from and how far they are believed. */
struct stage_source {
	const struct strv *mirrors; /* URLs, tried in this order */
	const char *keyring;
	const char *cache;
	unsigned timeout, tries; /* of each transfer: fetch.h */
	bool insecure;		 /* signatures are not asked for */
	const struct stage_watch *watch; /* may be NULL */
};

/* A stage in the cache, open for reading. */
struct stage {
	int fd;
	struct mirror_file file;
	char variant[STAGE_VARIANT_SIZE];
	char *path; /* in the cache */
	char *url;  /* the mirror's; NULL: it was in the cache */
	char key[SIGNATURE_KEY_SIZE]; /* who signed it; "" if nobody was asked */
};

/*
 * Get the stage @id from the cache or a mirror: of @date where there is one of it, the
 * newest else and where @date is NULL. Nothing is given that is not verified, and the
 * file is as it was verified when it is read through the fd of @out:
 *
 * 1. the index that names the newest one has a good signature, and names none older
 *    than an index did before;
 * 2. so has the file with the digests, or the file itself;
 * 3. BLAKE2B and SHA512 are what the digests say of a file of this very name.
 *
 * With @insecure the signatures are not asked for, and the stage goes to a cache of its
 * own, so that it is never taken for a verified one.
 *
 * A mirror that fails in any of this is warned of, and the next one is tried. Errors
 * are those of the last: -ERR_VERIFY, -ERR_FETCH, -ERR_MISSING, -ERR_FORMAT,
 * -ERR_MISMATCH; what is this machine's (-errno) ends it at once.
 */
int stage_get(const struct stage_source *src, const struct stage_id *id, const char *date,
	      struct stage *out, struct err *e);
void stage_close(struct stage *s);

/* Verify the file @name of the cache @path anew, with what the cache has to prove it. */
int stage_verify(const struct stage_source *src, const char *name, struct err *e);

/* The cache of @src: the caller frees it. */
char *stage_cache_path(const struct stage_source *src);
