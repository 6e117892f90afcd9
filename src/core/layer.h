// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "core/closure.h"
#include "mech/mplan.h"

/*
 * The native layer: copies of the libraries that swapped programs need, and a
 * loader that finds them and nothing else. A native program asks the kernel for
 * its loader by an absolute path, where a foreign root may have libraries of its
 * own beside it. So what is mounted there is a copy that reads another cache than
 * /etc/ld.so.cache; no environment variable is involved, so none leaks into the
 * emulated children of a native program.
 *
 * A layer is a directory LAYERS/KEY, complete from the moment it has that name,
 * and never changed:
 *
 *	manifest			what it was made from
 *	loader				mounted at the programs' PT_INTERP
 *	cache				mounted at /run/crossroot/c
 *	run/crossroot/native/lib/	mounted there
 *	gconv/				mounted at /run/crossroot/g
 */
struct layer {
	char *dir;    /* LAYERS/KEY */
	char *key;
	char *loader; /* the PT_INTERP path, in the root */
	int lock_fd;  /* shared: keeps layer_prune away */
};

/*
 * Build the layer for @c, or take the one there is. @layers_dir is an absolute
 * path, created 0700. The caller closes @out with layer_close.
 */
int layer_ensure(const char *layers_dir, const char *native_root, struct closure *c,
		 struct layer *out, struct err *e);

/* Open the layer @key if all it was made from is still the same, else -ERR_STATE. */
int layer_open(const char *layers_dir, const char *key, struct layer *out, struct err *e);
void layer_close(struct layer *l);

/*
 * Append what mounts the layer in the view @below of the root ("" is the root itself),
 * where /run has to be a tmpfs of the run by then.
 */
void layer_mounts(const struct layer *l, const char *below, struct mplan *p);

/* Delete all layers that no process holds open and whose keys are not in @keep. */
int layer_prune(const char *layers_dir, const struct strv *keep, struct err *e);
