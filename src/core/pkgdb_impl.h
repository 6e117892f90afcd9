// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "core/pathmap.h"
#include "core/pkgdb.h"

/* Between pkgdb.c and the package managers it knows; nobody else's business. */

struct pkg_entry {
	struct pkg pkg; /* strings owned */
	bool same;	/* several architectures of it can be installed */
	bool detailed;	/* the backend's details() was called */
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
	/* Read what only an owner is asked for (.use); NULL: nothing. */
	void (*details)(struct pkgdb *db, size_t i);
	/* -ENOENT: this root has no such database. */
	int (*fingerprint)(int rootfd, char out[PKGDB_FINGERPRINT], struct err *e);
};

extern const struct pkgdb_backend pkgdb_dpkg, pkgdb_vdb;

/* Fold @v, or what tells that a file changed, into the hash @h. */
uint64_t pkgdb_mix(uint64_t h, uint64_t v);
uint64_t pkgdb_mix_stat(uint64_t h, const struct stat *st);

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

/*
 * Split "gcc-12.2.0-r1" into the name and the version with its revision, by the
 * rules of Gentoo's PMS. False for what is no package with a version. Both are
 * safe as part of a file name.
 */
bool vdb_split(const char *pf, struct span *name, struct span *version);

/*
 * Append the paths that the CONTENTS file @text lists to @paths, one a line,
 * without the directories. -ERR_FORMAT with "FILE:LINE: ..." for a line that
 * Portage would not read either.
 */
int vdb_parse_contents(const char *file, const char *text, size_t n, struct buf *paths,
		       struct err *e);

/*
 * What of the enabled flags @use makes the programs of a package other programs,
 * sorted: those of @iuse, without the ones that name the machine or only add
 * documentation or tests. The caller frees it.
 */
char *vdb_relevant_use(const char *use, const char *iuse);
