// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/mirror.h"
#include "core/stage.h"
#include "core/stage_cache.h"

/*
 * What proves a stage: the digests of its file, and a signature over them or over the
 * file itself. Mirrors have had three forms, all of which are taken: a clearsigned
 * .DIGESTS, a clearsigned .DIGESTS.asc, or a plain .DIGESTS with a detached .asc.
 */
struct proof {
	struct mirror_digests digests; /* of the file; "" with --insecure-stage only */
	char *text;	    /* the file with the digests, as it came; NULL: there is none */
	size_t len;
	const char *suffix; /* of that file's name */
	char *sig;	    /* the detached signature; NULL: the text is signed itself */
	size_t sig_len;
	bool differs; /* proof_check: the file is not the one that the digests are of */
	char key[SIGNATURE_KEY_SIZE];
};

/*
 * Where the files of a stage come from. Gives the content of the stage's file name with
 * @suffix behind, which the caller frees; -ERR_MISSING when there is none.
 */
typedef int (*proof_get_fn)(void *arg, const char *suffix, char **data, size_t *len,
			    struct err *e);

/*
 * Load the proof of the file @name, and verify the signature of its digests unless the
 * source is insecure. A detached signature is left to proof_check.
 */
int proof_load(const struct stage_source *src, const struct stage_cache *cache,
	       const char *name, proof_get_fn get, void *arg, struct proof *p,
	       struct err *e);

/* Verify by @p the file @name, which is @file in the cache and open at @fd. */
int proof_check(const struct stage_source *src, const struct stage_cache *cache,
		const char *name, const char *file, int fd, struct proof *p,
		struct err *e);

/* Put what @p was made from into the cache, for proof_load from there. */
int proof_keep(const struct stage_cache *cache, const char *name, const struct proof *p,
	       struct err *e);

/* proof_get_fn of what proof_keep kept. */
struct proof_cached {
	const struct stage_cache *cache;
	const char *name;
};
int proof_get_cached(void *arg, const char *suffix, char **data, size_t *len,
		     struct err *e);

void proof_free(struct proof *p);

#define _cleanup_proof_ __attribute__((cleanup(proof_free)))
