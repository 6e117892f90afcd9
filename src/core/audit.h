// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "mech/arch.h"

/*
 * Look through an installed image for what must not leave a hybrid root: files
 * of another architecture, and places and options that only exist in there.
 * Every byte of every file is read; only what is compressed as a whole (a man
 * page, a tarball) stays closed. Nothing may write to the image meanwhile: a
 * file cut short while it is read ends the process (SIGBUS).
 */
struct audit_options {
	const struct arch *target; /* NULL: what most ELF files of the image are for */
	const char *native_root;   /* a path that must not be named either, or NULL */
	struct strv allow;	   /* fnmatch patterns of paths that are passed over */
};

struct finding {
	char *path;	  /* in the image: "/usr/bin/sed" */
	char *member;	  /* of an archive, or NULL */
	const char *what; /* see below */
	char *where;	  /* ".rodata+0x1f", "line 3", "offset 0x40", or NULL */
	char *text;	  /* what is there, cut to a readable length */
	size_t more;	  /* further places of the same in this file or member */
	bool host;	  /* the only thing wrong with it is that it names the host */
	const void *needle, *run; /* core/audit_file.c's, to tell places apart */
};

struct audit {
	struct finding *v; /* by name, those of a foreign architecture last */
	size_t n, cap;
	const struct arch *target; /* what the ELF files were held against; NULL: none */
	size_t files, elves;	   /* regular files read; ELF files and members in them */
	size_t allowed;		   /* passed over */
};

/* The values of finding.what. */
#define AUDIT_FOREIGN "foreign architecture"
#define AUDIT_INTERP "interpreter"
#define AUDIT_RPATH "RPATH"
#define AUDIT_RUNPATH "RUNPATH"
#define AUDIT_STRING "string"
#define AUDIT_LINK "symlink target"
#define AUDIT_NAME "file name"
#define AUDIT_CLOSED "not searched" /* packed so that it cannot be unpacked */

/*
 * Audit the directory or the regular file at @path. No symlink below it is
 * followed. What cannot be read is an error; then @out is empty. The caller
 * frees @out with audit_free.
 */
int audit_run(const char *path, const struct audit_options *o, struct audit *out,
	      struct err *e);
void audit_free(struct audit *a);
