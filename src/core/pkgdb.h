// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"

/*
 * The packages installed in a root, read from its own package database (dpkg's).
 * Strings belong to the database.
 */
struct pkg {
	const char *name, *version, *arch;
};

struct pkgdb;

/* -ERR_UNSUPPORTED when the root has no package database that is known here. */
int pkgdb_open(int rootfd, struct pkgdb **out, struct err *e);
void pkgdb_close(struct pkgdb *db);

/* The package that owns the canonical path @path of the root, NULL: none does. */
const struct pkg *pkgdb_owner(struct pkgdb *db, const char *path);

/*
 * A word that changes whenever a package is installed, updated or removed; "-"
 * for a root without a package database.
 */
int pkgdb_fingerprint(int rootfd, char out[64], struct err *e);
