// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * A file or directory that gets its name when it is whole. Until then it is called
 * .NAME.crossroot-partial, beside the place where it will be. What a killed process
 * left under that name the next one to write NAME removes: what nobody has locked, and
 * is marked as made here by an attribute (where the file system has those) or is empty.
 */
struct partial {
	int dirfd;  /* of the directory it is in */
	char *path; /* as given, for messages */
	char *name; /* what it will be called there */
	char *temp; /* what it is called until then */
	int fd;	    /* its own, locked; read-write for a file; -1: not begun */
	bool dir;
};

/*
 * Find where @path will be, which is to be a directory with @dir. Changes nothing: the
 * caller can look at p->dirfd and p->name first. The caller ends it with partial_free.
 */
int partial_place(struct partial *p, const char *path, bool dir, struct err *e);

/*
 * Begin it. Where another process is at it, that is -ERR_STATE; where what has its name
 * may not be of this making, -EEXIST. What is at @path is not looked at.
 */
int partial_begin(struct partial *p, struct err *e);

/* Delete what was left of it; what is in use, or not surely of this making, stays. */
int partial_clean(const struct partial *p, struct err *e);

/*
 * On disk and whole: give it its name. What is there already is -EEXIST, with @replace
 * it is deleted. A file's mode becomes 0666 as the umask allows, a directory's 0777.
 */
int partial_finish(struct partial *p, bool replace, struct err *e);

/* Without partial_finish: delete it. */
void partial_free(struct partial *p);

#define _cleanup_partial_ __attribute__((cleanup(partial_free)))
/* What has not begun yet can be freed. */
#define PARTIAL_NONE { .dirfd = -1, .fd = -1 }
