// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * Called in the caller's process some ten times a second. @done and @total are bytes,
 * @total 0 where it is not known, @rate bytes a second of late.
 */
struct fetch_progress {
	void (*fn)(void *arg, uint64_t done, uint64_t total, uint64_t rate);
	void *arg;
};

struct fetch {
	const char *url; /* https, http or file */
	uint64_t size;	 /* bytes it has to have, 0: not known */
	uint64_t max;	 /* more bytes are an error */
	unsigned tries;	 /* failures in a row, without anything gained, that end it */
	unsigned timeout; /* seconds without a connection, or next to no bytes */
	const struct fetch_progress *progress; /* may be NULL */
};

/*
 * Fetch into the file open at @fd for reading and writing. What it holds already is
 * taken for the beginning, of the same version, and only the rest is asked for; a
 * server that has no ranges, or another version than it had before in this call,
 * starts it anew. After an error what came stays in the file, for the next call.
 *
 * A connection that fails is tried again, with longer and longer pauses. Redirects are
 * followed, but not away from https. Proxies are those of the environment.
 *
 * Nothing is verified here: whoever answers at @url decides what is in the file.
 *
 * Returns 0; -ERR_MISSING when there is no such file; -ERR_FETCH for everything else
 * that is the server's or the network's doing; -errno when the file cannot be written.
 */
int fetch_into(const struct fetch *f, int fd, struct err *e);
