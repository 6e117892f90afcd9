// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Configuration files: one section [crossroot] of "key = value" lines, with
 * comments after # or ; (a value with one of these, or with spaces at its
 * ends, is quoted). Whatever would be ignored or cut is an error
 * (-ERR_CONFIG, "FILE:LINE: ..."), so a typo never silently changes a run.
 */
struct config_key {
	const char *name; /* lower case; the file may spell it in any case */
	/*
	 * The key may be repeated, and each unquoted value is split at commas
	 * and blanks; a quoted value is one element.
	 */
	bool list;
};

/*
 * Called for every value, in the order of the file: once for each element of
 * a list key. FILE:LINE is put before the message of its error.
 */
typedef int (*config_set_fn)(void *arg, const struct config_key *key, const char *value,
			     struct err *e);

/* Read @path below @dirfd. -ENOENT when it is missing. */
int config_read(int dirfd, const char *path, const struct config_key *keys, size_t nkeys,
		config_set_fn set, void *arg, struct err *e);

/* The same for the @n bytes at @text; @name stands for FILE in messages. */
int config_parse(const char *name, const char *text, size_t n,
		 const struct config_key *keys, size_t nkeys, config_set_fn set,
		 void *arg, struct err *e);

/*
 * Append "@key = @value" to the text of a file, quoted where the reader would split it
 * or drop a part. What no file can hold (a newline, both kinds of quotes, more than
 * fits in a line) is -ERR_CONFIG.
 */
int config_put(struct buf *b, const char *key, const char *value, struct err *e);
