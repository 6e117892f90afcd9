// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"

/*
 * The versions, with their revisions, of what makes a toolchain, by Gentoo's database
 * of installed packages. NULL: not installed. Of several slots, the highest.
 */
struct versions {
	char *chost; /* the tuple its packages are for */
	char *gcc, *binutils, *libc, *kernel; /* kernel: the headers' */
};

void versions_free(struct versions *v);

#define _cleanup_versions_ __attribute__((cleanup(versions_free)))

/*
 * Of the stage, a tarball at @path, open at @in: read as far as its package database
 * reaches, and not unpacked. -ERR_UNSUPPORTED when there is no such database in it.
 */
int versions_of_stage(int in, const char *path, struct versions *v, struct err *e);

/* Where a package of a toolchain is in a database: "sys-devel/gcc". NULL: nowhere. */
struct version_names {
	const char *gcc, *binutils, *libc, *kernel;
};

/*
 * Of the root at @rootfd, whose packages have the names @names, or their usual ones
 * (NULL). Without a database all are NULL. It does not fill chost.
 */
int versions_of_root(int rootfd, const struct version_names *names, struct versions *v,
		     struct err *e);

/*
 * Whether a toolchain of the versions @have can be the native one of a root with those
 * of @want. -ERR_MISMATCH when the compiler is of another major version, or there is
 * none; what only costs speed is warned of.
 */
int versions_check(const struct versions *have, const struct versions *want,
		   struct err *e);
