// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/stat.h>

#include "base/err.h"

/* One file of a tree that is walked; all of it is the walk's. */
struct tree_file {
	const char *path; /* from the top, "" for the top itself */
	int dirfd;	  /* the directory it is in, and */
	const char *name; /* its name there ("." for the top) */
	struct stat st;	  /* of a symlink the link's own */
};

enum { TREE_NEXT, TREE_SKIP };

/*
 * Called for each file, a directory before what is in it. TREE_SKIP passes over what
 * is in a directory; a negative code ends the walk.
 */
typedef int tree_fn(void *arg, const struct tree_file *f, struct err *e);

/*
 * Walk the tree at @topfd, in the order of the names' bytes. Works on directory fds, two
 * of them whatever the depth, and follows no symlink. Another file system mounted in the
 * tree is -EXDEV. Nobody may change the tree meanwhile; -ESTALE where that is noticed.
 */
int tree_walk(int topfd, tree_fn *fn, void *arg, struct err *e);
