// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"

/*
 * What a root's own package manager says is installed in it. Only read, and
 * only through the root's directory fd. This knows Gentoo's database (the VDB) and
 * dpkg's; where a root has both, Gentoo's counts.
 */

/*
 * Strings and struct belong to the database. In Gentoo's the name is
 * "CATEGORY/PN" and the version has its revision ("12.2.0-r1"). Several slots
 * are several packages of one name.
 */
struct pkg {
	const char *name, *version, *arch;
	/*
	 * Gentoo: the enabled USE flags that can make two builds of this version
	 * differ in what their programs do, sorted, "" for none. Only of a
	 * package that pkgdb_owner returned; otherwise and elsewhere NULL.
	 */
	const char *use;
};

struct pkgdb;

#define PKGDB_FINGERPRINT 64

/*
 * Read the package database of the root at @rootfd (which stays the caller's).
 * -ERR_UNSUPPORTED when there is none this code knows; a database without a
 * single package is none (Gentoo's dpkg package makes such a one).
 */
int pkgdb_open(int rootfd, struct pkgdb **out, struct err *e);

/*
 * The installed package @name, NULL if there is none. Where several
 * architectures of it are installed, the native one of that database wins; of
 * several slots, the highest version as strverscmp orders them.
 */
const struct pkg *pkgdb_find(const struct pkgdb *db, const char *name);

/*
 * The package that owns the absolute canonical path @path of the root, NULL if
 * none does. Of a path several packages share, one of the native architecture.
 * The first call reads the file lists; one that cannot be read is warned of.
 */
const struct pkg *pkgdb_owner(struct pkgdb *db, const char *path);

void pkgdb_close(struct pkgdb *db);
void pkgdb_closep(struct pkgdb **db);

#define _cleanup_pkgdb_ __attribute__((cleanup(pkgdb_closep)))

/*
 * A string that changes whenever a package is installed, removed or updated;
 * "-" where there is no database. Costs a few stats.
 */
int pkgdb_fingerprint(int rootfd, char out[PKGDB_FINGERPRINT], struct err *e);
