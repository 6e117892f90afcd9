// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"

/*
 * The layers of overlay roots. STATE/overlays/ID has upper/, what was written, and
 * work/, the kernel's. A root's storage file names the one it writes to, and those
 * below, which nobody writes to any more, so several roots may name them. A layer that
 * no root names is garbage, whoever left it: the next command that makes or drops one
 * deletes it. So a killed command needs no record of what it was about to do.
 */
struct new_layer {
	char *id;
	int lock_fd; /* on its directory: no garbage while this is open */
};

#define NEW_LAYER_NONE ((struct new_layer){ .lock_fd = -1 })

/*
 * Make a layer. Its upper/ gets owner, mode and extended attributes of the directory
 * @like_fd, since an overlay's top is the upper's; -1: root's, 0755. The caller closes
 * @out with new_layer_free, after a root names it.
 */
int stack_new(const struct registry *reg, int like_fd, struct new_layer *out,
	      struct err *e);
void new_layer_free(struct new_layer *l);

/* Give the directory @fd owner, mode and extended attributes of @like_fd. */
int stack_copy_top(int like_fd, int fd, struct err *e);

/* The upper/ of the layer @id, opened. */
int stack_open_upper(const struct registry *reg, const char *id, struct err *e);

/*
 * Around a change of what roots name: until the returned fd is closed no layer is taken
 * for garbage.
 */
int stack_hold(const struct registry *reg, struct err *e);

/*
 * Delete garbage, unless somebody is changing what roots name; that one will. What
 * cannot be deleted is in nobody's way: it is warned of, and tried again next time.
 */
void stack_collect(const struct registry *reg);

#define _cleanup_new_layer_ __attribute__((cleanup(new_layer_free)))
