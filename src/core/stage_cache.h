// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/mirror.h"

/*
 * The directory of fetched stages. A file has its name there only when it was
 * verified; NAME.part is one on the way, NAME.DIGESTS and NAME.asc are what proves it.
 * .seen-VARIANT has the newest date that a mirror's signed index ever named, .lock-NAME
 * is held by who fetches NAME.
 */
struct stage_cache {
	char *path; /* absolute */
	int fd;
};

/*
 * Open the cache, made where missing. -ERR_STATE where others may write to it or to a
 * directory above it (a sticky one is fine there): what was verified could be replaced.
 */
int stage_cache_open(struct stage_cache *c, const char *path, struct err *e);
void stage_cache_close(struct stage_cache *c);

#define _cleanup_stage_cache_ __attribute__((cleanup(stage_cache_close)))

/*
 * Lock the file @name, or what was seen of the variant @name, for changing it. Waits
 * for another process if @wait, else a held lock is -EWOULDBLOCK. Returns an fd that
 * keeps the lock.
 */
int stage_cache_lock(const struct stage_cache *c, const char *name, bool wait,
		     struct err *e);

/* The newest date seen of @variant, with its lock held; "" when there is none. */
int stage_cache_seen(const struct stage_cache *c, const char *variant,
		     char date[MIRROR_DATE_SIZE], struct err *e);
int stage_cache_see(const struct stage_cache *c, const char *variant, const char *date,
		    struct err *e);

/* Delete @name and what belongs to it, with its lock held. */
void stage_cache_remove(const struct stage_cache *c, const char *name);

/* The names of the stages, sorted, into @names. */
int stage_cache_list(const struct stage_cache *c, struct strv *names, struct err *e);

/*
 * Delete all but the @keep newest of each variant, and what cut downloads and killed
 * commands left; what another process works on stays. @removed gets the names.
 */
int stage_cache_prune(const struct stage_cache *c, unsigned keep, struct strv *removed,
		      struct err *e);
