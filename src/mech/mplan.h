// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A mount plan is data: what the inside of a run will look like, in order.
 * Building one makes no system call; mapply carries it out.
 */
enum mop_kind {
	MOP_BIND,	 /* the file or directory src, with what is mounted beneath */
	MOP_BIND_RO,	 /* the same, read-only */
	MOP_ROOT_BIND,	 /* src is a path inside the new root, as it is at that step */
	MOP_ROOT_BIND_RO, /* the same, read-only */
	MOP_TMPFS,	 /* src holds mount options ("mode=1777") */
	MOP_PROC,	 /* the proc of the run's own pid namespace */
	MOP_DEVPTS,	 /* a private devpts instance */
	MOP_MQUEUE,	 /* the mqueue of the run's own ipc namespace */
	MOP_DIR,	 /* mkdir -p; src holds the octal mode */
	MOP_SYMLINK,	 /* a link at dst naming src */
	MOP_FILE,	 /* a new file whose bytes are src, on a tmpfs made before */
	MOP_SCRIPT,	 /* the same, executable */
};

struct mop {
	enum mop_kind kind;
	char *src;
	char *dst; /* absolute, in the new root's view */
	bool optional; /* a missing src, or no place for it in a read-only root, is no error */
};

struct mplan {
	struct mop *ops;
	size_t n, cap;
};

/* Append one step; strings are copied. */
void mplan_add(struct mplan *p, enum mop_kind kind, const char *src, const char *dst);
void mplan_add_optional(struct mplan *p, enum mop_kind kind, const char *src,
			const char *dst);
void mplan_free(struct mplan *p);

/* The step's name, for messages. */
const char *mop_name(enum mop_kind kind);
