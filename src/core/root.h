// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/storage.h"
#include "mech/arch.h"
#include "os/lock.h"

/*
 * The registry: STATE/roots/NAME holds a root that is whole, with its tree in
 * tree/ and its settings in root.conf. A name with a dot in front is never a
 * root: .creating-NAME and .deleting-NAME are what a killed command left, and
 * the next create, clone or destroy, of whatever name, removes them. So
 * rename(2) is the only moment at which a root appears or goes, and no journal
 * is needed.
 */
struct registry {
	char *state;  /* absolute path of the state directory */
	int roots_fd; /* STATE/roots */
	int locks_fd; /* STATE/locks: one per root; those of other things have a dot */
	int overlays_fd; /* STATE/overlays */
};

/*
 * Open the registry at @state, made where missing. STATE/roots, STATE/locks and
 * STATE/overlays are 0700 then, also where they were not: no local user reaches a
 * root's files.
 */
int registry_open(struct registry *reg, const char *state, struct err *e);
void registry_close(struct registry *reg);

/* An opened root, locked as long as it is open. */
struct root {
	char *name;
	char *dir;  /* STATE/roots/NAME */
	char *tree; /* STATE/roots/NAME/tree */
	int dir_fd, tree_fd, lock_fd;
	const struct arch *arch;
	struct storage storage;
	int base_lock_fd; /* of a base that is a root, shared; -1: none */
	int image_fd;	  /* of an image that is mounted, with a lock on it; -1: none */
	int upper_fd;	  /* of an upper layer, the same */
};

#define ROOT_CLOSED                                                                  \
	(struct root)                                                                \
	{                                                                            \
		.dir_fd = -1, .tree_fd = -1, .lock_fd = -1, .base_lock_fd = -1,      \
		.image_fd = -1, .upper_fd = -1                                       \
	}

/* ".deleting-NAME" must still be a file name */
#define ROOT_NAME_MAX 200

/* Whether @name may name a root; the error says what is wrong with it. */
int root_check_name(const char *name, struct err *e);

/* Lock @name, which need not exist. Never waits; a held lock is -ERR_STATE. */
int root_lock(const struct registry *reg, const char *name, enum lock_mode mode,
	      struct err *e);

/*
 * Open the root @name; shared for a run, exclusive for what changes it. Never waits for
 * who uses it. Its files are at out->tree then, in a mount namespace of this process
 * where its storage needs one. A root that others have for their base is -ERR_STATE.
 */
int root_open(const struct registry *reg, const char *name, enum lock_mode mode,
	      struct root *out, struct err *e);

/*
 * The same, exclusive, for what changes nothing in it: a root that others have for their
 * base can be opened so while none of them is.
 */
int root_open_reading(const struct registry *reg, const char *name, struct root *out,
		      struct err *e);

/* The same with its files where they are: tree_fd is -1. For what works on storage. */
int root_open_closed(const struct registry *reg, const char *name, enum lock_mode mode,
		     struct root *out, struct err *e);

/*
 * What is known of a root without opening or locking it: tree_fd and lock_fd are -1. It
 * may be gone a moment later. After an error @out has what could be found out; the
 * caller closes it then too.
 */
int root_peek(const struct registry *reg, const char *name, struct root *out,
	      struct err *e);
void root_close(struct root *r);

/* -EROFS, with what to do, for a root whose files nothing can be written to. */
int root_check_writable(const struct root *root, struct err *e);

/*
 * Call @fn for the storage of each root, until one returns another thing than 0, which
 * is returned then. Of a root whose storage cannot be read nobody knows what it needs:
 * that is an error which names it.
 */
typedef int root_storage_fn(const char *name, const struct storage *s, void *arg,
			    struct err *e);
int root_each_storage(const struct registry *reg, root_storage_fn *fn, void *arg,
		      struct err *e);

/*
 * The roots that have the root @name for their base, into @names. It need not be
 * readable itself.
 */
int root_users(const struct registry *reg, const char *name, struct strv *names,
	       struct err *e);

/*
 * -ERR_STATE, naming them, if there are any. Unless @strict, a root that cannot be read
 * is none as long as what is left of its storage does not name this one.
 */
int root_check_unused(const struct registry *reg, const char *name, bool strict,
		      struct err *e);

/* The names of all roots, sorted, into @names. */
int root_list(const struct registry *reg, struct strv *names, struct err *e);

/* Programs of which every root has one, whatever its layout; NULL at the end. */
extern const char *const root_probes[];

/*
 * The architecture of the tree at @tree_fd, from the ELF files it starts with
 * (the shell, env, init). -ERR_FORMAT when there is none: no root file system.
 */
int root_detect_arch(int tree_fd, const struct arch **out, struct err *e);

/* Whether there is a root @name; it may be gone again without its lock. */
bool root_exists(const struct registry *reg, const char *name);

/* -ERR_STATE where there is one. */
int root_check_free(const struct registry *reg, const char *name, struct err *e);

/* Delete the root @name, or what a killed create or destroy left of it. */
int root_destroy(const struct registry *reg, const char *name, struct err *e);

/* Delete @root, which this process has open for itself, and close it, always. */
int root_destroy_open(const struct registry *reg, struct root *root, struct err *e);
