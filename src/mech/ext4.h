// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/*
 * What mkfs.ext4 -d leaves to be done on the image of a tree that it made: it takes over
 * times of no use (and whole seconds only), nothing of the top directory, all files, and
 * extended attributes in whatever order they come.
 * Paths are from the top, "" is the top.
 */
struct ext4;

/*
 * Open the image @path; the caller ends it with ext4_close or ext4_free. With @fixed all
 * times of the image's own are @now.
 */
int ext4_open(struct ext4 **out, const char *path, bool fixed, int64_t now, struct err *e);

/* Delete @path with all it holds. */
int ext4_remove(struct ext4 *x, const char *path, struct err *e);

/* Give @path the owner, mode and mtime of @st; of other times it then has none but that. */
int ext4_settle(struct ext4 *x, const char *path, const struct stat *st, struct err *e);

/* Begin to give @path its extended attributes: until ext4_attr, it has those it had. */
int ext4_attrs_begin(struct ext4 *x, const char *path, struct err *e);

/* One more of them. */
int ext4_attr(struct ext4 *x, const char *name, const void *value, size_t size,
	      struct err *e);

/* Write all of it; frees @x either way. */
int ext4_close(struct ext4 *x, struct err *e);

/* Without ext4_close: the image is good for nothing then. */
void ext4_free(struct ext4 *x);
