// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * Called in the caller's process some ten times a second. @done and @total
 * count bytes of the compressed file; @total is 0 where the size is unknown.
 */
struct archive_progress {
	void (*fn)(void *arg, uint64_t done, uint64_t total, uint64_t entries);
	void *arg;
};

/*
 * Unpack the tar file open at @in (xz, zstd, gzip, bzip2 or plain; read from
 * its offset, which moves) below the directory @dirfd. @name is for messages,
 * @p may be NULL.
 *
 * Kept: modes with setuid, mtimes, hard and symbolic links, fifos, holes,
 * extended attributes with file capabilities, ACLs; and for root, numeric
 * owners and device nodes. Device nodes this process may not make are left out.
 *
 * Nothing outside @dirfd is written whatever the archive says: an absolute
 * name, a ".." or a way through a symlink is an error. After an error @dirfd
 * holds what was unpacked before it; the caller deletes it.
 *
 * Damage is found where the format has checksums and libarchive checks them:
 * all of xz and bzip2, zstd if written with them (as zstd(1) does); for gzip
 * and plain tar only damage to the structure. It is no substitute for a digest.
 *
 * Returns 0; -ERR_FORMAT for a damaged or evil archive; -errno, -ENOSPC among
 * them; -ERR_CHILD when the unpacking process was killed.
 */
int archive_unpack(int in, const char *name, int dirfd, const struct archive_progress *p,
		   struct err *e);

/*
 * Called for each entry of an archive, with its name as it is there. @data is the
 * content of a file that @fn asked for by returning 1 when called without it (NULL),
 * cut at 64 KiB. Returns 0 to go on, -1 to stop reading, without an error.
 */
typedef int (*archive_list_fn)(void *arg, const char *path, const char *data);

/*
 * Read the names in the tar file open at @in, and what files @fn wants to see, and
 * unpack nothing. Nothing in it is to be trusted; damage is found only as far as was
 * read. Errors are those of archive_unpack.
 */
int archive_list(int in, const char *name, archive_list_fn fn, void *arg, struct err *e);
