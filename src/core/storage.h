// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Where a root's files are. STATE/roots/NAME/storage says it; a root without that file
 * is a directory. Whatever the kind, the files are seen at STATE/roots/NAME/tree:
 *
 *	dir	they are there; or in a directory outside, its base, bound there
 *	image	a file with a file system, mounted there for each command (attach.h)
 *	overlay	a stack of directories, likewise (stack.h)
 *	tmpfs	they are there, in memory: mounted for everybody until destroy or reboot
 *
 * Every change of a root's storage is one rename(2) of that file or of the root's
 * directory; there is no moment between, and so no journal.
 */
enum storage_kind { STORAGE_DIR, STORAGE_IMAGE, STORAGE_OVERLAY, STORAGE_TMPFS };

/* What the lowest layer of an overlay is. */
enum base_kind {
	BASE_NONE, /* an unpacked stage, which is the first of the layers */
	BASE_DIR,  /* a directory outside */
	BASE_FILE, /* an image outside, never written to */
	BASE_ROOT, /* another root, which has to stay as it is */
};

#define STORAGE_FILE "storage"
#define STORAGE_IMAGE_FILE "root.img"

struct storage {
	enum storage_kind kind;
	char *arch; /* name of the architecture, NULL: look at the files (dir) */

	/* image; and of a base that is one */
	char *image;	 /* absolute path, NULL: the root's own root.img */
	uint64_t offset; /* bytes: of a partition */
	uint64_t length; /* bytes, 0: to the end */
	char *type;	 /* of the file system, NULL: found out */
	bool read_only;

	char *size; /* tmpfs: as its option */

	/* overlay; a directory outside has BASE_DIR and the path */
	enum base_kind base_kind;
	char *base;	    /* absolute path, or the name of a root */
	struct strv layers; /* ids, the oldest first; never written to again */
	char *upper;	    /* id */
	struct strv snapshots; /* LAYERS@TIME, see snapshot.h; [0] is the creation */
};

/* Whether nothing can be written to the root. */
bool storage_is_read_only(const struct storage *s);

const char *storage_name(enum storage_kind kind);

/* -ERR_USAGE when @name is none. */
int storage_by_name(const char *name, enum storage_kind *kind, struct err *e);

/* The storage of the root whose directory is @dir_fd. The caller frees @s. */
int storage_read(int dir_fd, struct storage *s, struct err *e);
int storage_write(int dir_fd, const struct storage *s, struct err *e);
void storage_free(struct storage *s);

/* "dir:/srv/arm64" and the like, NULL where there is none; the caller frees it. */
char *storage_base_text(const struct storage *s);

/* @n with k, m, g or t (of 1024) behind, in bytes. -ERR_USAGE for anything else. */
int storage_parse_size(const char *text, uint64_t *bytes, struct err *e);

#define _cleanup_storage_ __attribute__((cleanup(storage_free)))
