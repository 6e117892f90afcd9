// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/root.h"

enum export_format {
	EXPORT_TAR,
	EXPORT_TAR_XZ,
	EXPORT_TAR_ZST,
	EXPORT_TAR_GZ,
	EXPORT_SQUASHFS,
	EXPORT_EROFS,
	EXPORT_EXT4,
	EXPORT_OCI,	/* a directory: an OCI image layout */
	EXPORT_OCI_TAR, /* a tar file of one */
};

/*
 * Called some ten times a second: entries and bytes of files read so far, or, where
 * another program makes an image, how many it is given and the bytes it has written.
 */
struct export_progress {
	void (*fn)(void *arg, uint64_t entries, uint64_t bytes);
	void *arg;
};

struct export_spec {
	enum export_format format;
	const char *file; /* "-": standard output */
	bool force;	  /* replace what is there, if it is of the same kind */
	bool has_epoch;	  /* no time in what is written is later than @epoch */
	int64_t epoch;
	struct export_progress progress;
};

/* The format called @name ("tar.xz"), or -ERR_USAGE. */
int export_format_named(const char *name, enum export_format *out, struct err *e);

/* The format that the name of @file ends in; "-" is a tar file. */
int export_format_of(const char *file, enum export_format *out, struct err *e);

/*
 * Write the tree of @root, which is open exclusively, to @spec->file: whole, or not at
 * all. Left out are sockets, and the empty files that runs made as mount points (see
 * leftover.h). The same tree gives the same bytes where @spec has an epoch.
 *
 * Returns 0; -EEXIST; -ENOENT with a hint where a format's tool is missing; -EXDEV where
 * something is mounted in the tree; -errno.
 */
int export_root(const struct root *root, const struct export_spec *spec, struct err *e);
