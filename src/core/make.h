// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"
#include "core/stack.h"

/* What storage a new root is to have. */
struct storage_spec {
	enum storage_kind kind;
	const char *size;  /* image, tmpfs; NULL: 16 GiB, half of the memory */
	const char *image; /* image: an existing one, with a partition or without; NULL */
	const char *base;  /* overlay: a path or the name of a root; NULL: a stage */
	const char *root;  /* dir: where the files are, or go to; NULL: beside the rest */
	bool over;	   /* root: a stage goes there over what there is already */
};

/* The storage of a root that is being created in STATE/roots/.creating-NAME. */
struct making {
	const struct registry *reg;
	char *dir;	  /* absolute path */
	int dir_fd;	  /* not owned */
	int outside_fd;	  /* while it is to have something outside, which others may
			     want too: a lock of the registry; -1: none */
	struct root root; /* its storage, and the locks that go with it */
	int user_fd;	  /* lock of a root upon the same base, which keeps it one */
	int tree_fd;	  /* where the files are, or go to */
	bool filled;	  /* they are there: an image, a base */
	struct new_layer first, upper;
};

/* -ERR_USAGE where @spec makes no sense; @stage says whether a stage was given. */
int making_check(const struct storage_spec *spec, bool stage, struct err *e);

/*
 * Make the storage in the directory @dir_fd, which is STATE/roots/@dir_name. What a
 * killed command leaves of it, making_discard of that directory takes away.
 */
int making_begin(const struct registry *reg, const struct storage_spec *spec,
		 const char *dir_name, int dir_fd, struct making *m, struct err *e);

/* Write everything to disk, take off what was mounted, and say in a file what it is. */
int making_end(struct making *m, const struct arch *arch, struct err *e);

/* Always, and after the root has its name; what no root names then is garbage. */
void making_free(struct making *m);

/* Take off what is mounted for everybody in STATE/roots/@dir_name: a root's memory. */
int making_take_off(const struct registry *reg, const char *dir_name, struct err *e);

/*
 * Delete the directory STATE/roots/@dir_name and what is its own: not a file outside,
 * nor a layer of others. A missing one is success.
 */
int making_discard(const struct registry *reg, const char *dir_name, struct err *e);

/* Discard what killed commands left, of all names that nobody has locked. */
void making_sweep(const struct registry *reg);
