// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Where the files of a root or a native root came from: the file "origin" beside its
 * tree, written when it was made. A stage that the user gave has none.
 */
struct origin {
	char *stage;   /* the stage's file name */
	char *variant, *date;
	char *url;     /* NULL: it was in the cache */
	char *key;     /* the fingerprint of who signed it; NULL: nobody was asked */
	bool verified;
};

/* -ENOENT where there is none. */
int origin_read(struct origin *o, int dirfd, struct err *e);
int origin_write(const struct origin *o, int dirfd, struct err *e);
void origin_free(struct origin *o);
