// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdint.h>

#include "core/root.h"

enum root_state {
	ROOT_CREATING, /* a command is at it */
	ROOT_READY,
	ROOT_RUNNING,  /* who uses it is in pids, users of overlays upon it among them */
	ROOT_CHANGING, /* the same, by one that needs it alone */
	ROOT_BROKEN,   /* problem says why */
	ROOT_GONE,     /* it was in memory */
};

const char *root_state_name(enum root_state state);

/* What can be said of a root by looking, without opening or locking it. */
struct status {
	struct root root; /* from root_peek */
	enum root_state state;
	struct lock_holder *pids;
	size_t npids;
	int64_t created; /* seconds since 1970, 0: not known */
	char *problem;	 /* NULL where there is none */
};

/* Look at the root @name. Fails only where there is none. */
int status_get(const struct registry *reg, const char *name, struct status *st,
	       struct err *e);

/* The same for one that is being created, if it is. */
int status_get_creating(const struct registry *reg, const char *name, struct status *st,
			struct err *e);
void status_free(struct status *st);

/* The names of all roots that commands are creating right now, sorted, into @names. */
void status_list_creating(const struct registry *reg, struct strv *names);

/*
 * How many bytes of disk, or of memory, the root takes; layers that it shares count
 * whole, and what is outside (a base, not an image) not at all. Looks at every file.
 */
int status_size(const struct registry *reg, const struct root *root, uint64_t *bytes,
		struct err *e);
