// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/pkgdb.h"
#include "core/settings.h"
#include "mech/arch.h"

/*
 * A program of the root that could be swapped for its twin: found by tools.c
 * and toolchain.c, judged in one place (candidate_check), listed by a plan.
 */
enum candidate_kind {
	CANDIDATE_PROGRAM, /* bound directly */
	CANDIDATE_WRAPPED, /* started by the driver wrapper, see src/wrapper/driver.c */
	CANDIDATE_LIBRARY, /* a plugin that swapped programs load */
	CANDIDATE_SCRIPT,  /* the same script, on a native interpreter: portage.h */
};

struct candidate {
	enum candidate_kind kind;
	enum tier tier;	 /* the lowest tier that swaps it */
	char *path;	 /* canonical, in the root */
	char *native;	 /* canonical, in the native root; NULL: there is none */
	char *package;	 /* "sed 4.9-1": who owns it in the root; NULL: nobody */
	char *conf;	 /* WRAPPED: what the wrapper reads; SCRIPT: its new text */
	char *ask;	 /* an argument to which twin and original have to answer alike */
	char *reason;	 /* why it stays emulated; NULL: it is swapped */
	char *note;	 /* what differs all the same; mostly NULL */
};

struct candidates {
	struct candidate *v;
	size_t n, cap;
};

/* One of the two sides of a hybrid: a root file system and what is known of it. */
struct side {
	int fd;
	const struct arch *arch;
	struct pkgdb *db; /* NULL: no package database */
};

/*
 * Append a candidate at @path (any spelling; the canonical one is kept) with the
 * native program at @native. A @path that the root lacks, or that is there
 * already, adds nothing and returns NULL. The result is valid until the next add.
 */
struct candidate *candidate_add(struct candidates *l, const struct side *root,
				const struct side *native_root, const char *path,
				const char *native, enum tier tier);

/* How much of two packages has to be the same for their programs to be twins. */
enum match {
	MATCH_EXACT,   /* name and version */
	MATCH_RELEASE, /* the upstream release; another packaging becomes the note */
	MATCH_ANY,     /* nothing: another version becomes the note */
};

/*
 * Give the candidate a reason unless both files are what they have to be: programs
 * of the root's and the native root's architecture, of packages that @match, built
 * with the same USE flags (MATCH_EXACT; else other flags become the note).
 */
void candidate_check(struct candidate *c, const struct side *root,
		     const struct side *native_root, enum match match);

/* Say once why @c is not swapped; a reason it has already stays. */
void candidate_refuse(struct candidate *c, const char *fmt, ...) _printf_(2, 3);

void candidates_free(struct candidates *l);
