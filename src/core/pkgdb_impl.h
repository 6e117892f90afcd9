// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pathmap.h"
#include "core/pkgdb.h"

/* Between pkgdb.c and the package managers it knows; nobody else's business. */

struct pkg_entry {
	struct pkg pkg; /* strings owned */
	bool same;	/* several architectures of it can be installed */
};

struct pkgdb {
	int rootfd;
	const struct pkgdb_backend *backend;
	char *native;	     /* the database's own architecture, NULL unknown */
	struct pkg_entry *v; /* sorted by name, the native architecture first */
	size_t n, cap;
	struct pathmap *files; /* NULL until an owner was asked for */
};

struct pkgdb_backend {
	/* Fill .native and .v in any order. -ENOENT: this root has no such database. */
	int (*load)(struct pkgdb *db, struct err *e);
	/* Add each package's files to @m; an owner is an index into .v. */
	void (*add_files)(struct pkgdb *db, struct pathmap *m);
	/* -ENOENT: this root has no such database. */
	int (*fingerprint)(int rootfd, char out[PKGDB_FINGERPRINT], struct err *e);
};

extern const struct pkgdb_backend pkgdb_dpkg;

/* Take over the entry's strings. */
void pkgdb_add(struct pkgdb *db, const struct pkg_entry *ent);
void pkgdb_drop(struct pkgdb *db, size_t i);

/* A piece of a text; not NUL-terminated. */
struct span {
	const char *s;
	size_t n;
};

/* One paragraph of dpkg's status file; points into the text. */
struct dpkg_stanza {
	struct span name, version, arch;
	bool present; /* its files are there, configured or not */
	bool same;    /* Multi-Arch: same */
};

typedef void (*dpkg_stanza_fn)(void *arg, const struct dpkg_stanza *st);

/*
 * Call @fn for each paragraph of the status text; @file stands in messages.
 * -ERR_FORMAT with "FILE:LINE: ..." for what dpkg would not read either. The
 * names of a present package are safe as part of a file name.
 */
int dpkg_parse_status(const char *file, const char *text, size_t n, dpkg_stanza_fn fn,
		      void *arg, struct err *e);
