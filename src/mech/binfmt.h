// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct arch;

/* One binfmt_misc entry: executables of @arch go to the program @interp. */
struct binfmt_entry {
	const char *name;
	const struct arch *arch;
	const char *interp; /* absolute host path; the kernel opens it at once (F) */
	const char *flags;  /* "F" is always added */
};

/*
 * Mount this user namespace's own binfmt_misc on the directory @dir and register
 * @ent there. -ERR_UNSUPPORTED on kernels before 6.7, which have one table for all.
 */
int binfmt_register_private(const char *dir, const struct binfmt_entry *ent,
			    struct err *e);

/*
 * The table of the initial user namespace as a detached mount: an fd that keeps it,
 * and so its entries, alive; or -errno. "/proc/self/fd/N" is its directory.
 */
int binfmt_open_table(void);

/* Register @ent in the table mounted at @dir ("/proc/sys/fs/binfmt_misc"). */
int binfmt_register(const char *dir, const struct binfmt_entry *ent, struct err *e);

/* Remove the entry @name from the table mounted at @dir. A missing one is no error. */
int binfmt_remove(const char *dir, const char *name, struct err *e);

/* An entry of a table, whoever made it. */
struct binfmt_found {
	char name[256];
	char interp[256];
	char flags[16];
	bool enabled;
	bool fixed; /* flag F: works in any root */
};

/*
 * The entries of the table mounted at @dir that take executables of @arch, sorted
 * by name, into *@out, which the caller frees; returns how many.
 */
int binfmt_list(const char *dir, const struct arch *arch, struct binfmt_found **out,
		struct err *e);
