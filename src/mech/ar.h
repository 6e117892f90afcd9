// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Members of an ar archive in memory: GNU's and BSD's long names, thin archives.
 * libarchive does not know thin ones, and gives no place in the file.
 */
struct ar {
	const char *data; /* the caller's */
	size_t n, at;
	bool thin;	     /* its members are files of their own, only named here */
	const char *names;   /* GNU's table of long names */
	size_t names_len;
};

/* Points into the archive. */
struct ar_member {
	const char *name;
	size_t name_len;
	const char *data; /* NULL in a thin archive */
	size_t n;
};

/* Start reading; false when the bytes are no ar archive. */
bool ar_open(struct ar *a, const void *data, size_t n);

/* The next member, symbol and name tables left out: 1, 0 at the end, -ERR_FORMAT. */
int ar_next(struct ar *a, struct ar_member *m);
