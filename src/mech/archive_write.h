// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

enum archive_pack { PACK_NONE, PACK_GZIP, PACK_XZ, PACK_ZSTD };

/* Where an archive goes. Both are called in a thread of the archive's own, in order. */
struct archive_sink {
	/* the bytes of the file; returns 0 or a negative code with @e filled */
	int (*write)(void *arg, const void *data, size_t n, struct err *e);
	/* the bytes before they were compressed; may be NULL */
	void (*plain)(void *arg, const void *data, size_t n);
	void *arg;
};

struct archive_attr {
	const char *name;
	const void *value;
	size_t size;
};

struct archive_extent {
	uint64_t offset, length;
};

/* One entry to be; all it points to stays the caller's. */
struct archive_file {
	const char *path;
	const struct stat *st;	 /* type, mode, owner, size, device and mtime count */
	const char *symlink;	 /* what a symlink holds */
	const char *hardlink;	 /* the entry that this is another name of */
	const struct archive_attr *attrs;
	size_t nattrs;
	const struct archive_extent *data; /* what is no hole; with @sparse */
	size_t ndata;
	bool sparse;
};

/*
 * A tar file (pax) in the making. The same entries make the same bytes, on a machine
 * of any number of CPUs. Owners are numbers, there are no times but mtime.
 */
struct archive_out;

/* Begin one; the caller owns *@out. */
int archive_out_new(struct archive_out **out, enum archive_pack pack,
		    const struct archive_sink *sink, struct err *e);

/* Add an entry. A regular file's bytes have to follow, unless it is a hard link. */
int archive_out_file(struct archive_out *o, const struct archive_file *f, struct err *e);

/* Some of an entry's bytes; those of its holes too, which are not looked at. */
int archive_out_data(struct archive_out *o, const void *data, size_t n, struct err *e);

/* Write the end. After it, all has been given to the sink. */
int archive_out_end(struct archive_out *o, struct err *e);

/* Before archive_out_end: give up; the sink sees no more. */
void archive_out_free(struct archive_out *o);
void archive_out_freep(struct archive_out **o);

#define _cleanup_archive_out_ __attribute__((cleanup(archive_out_freep)))
