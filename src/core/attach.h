// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/root.h"

/*
 * Make the files of @root, which is locked, visible at root->tree: where something has
 * to be mounted for that, in a mount namespace of this process, so that the host sees
 * none of it and nothing is left whatever ends the process. Only what is opened by its
 * path afterwards is the root's.
 *
 * One image has one loop device, and one upper layer one overlay, ever: whoever comes
 * while another command has the root open takes part in what that one mounted.
 */
int attach_root(const struct registry *reg, struct root *root, struct err *e);

/*
 * The same for a storage that no root has yet, of the directory @dir (absolute path),
 * which nobody else uses: mount it on DIR/tree. @root takes the locks that go with it.
 */
int attach_new(const struct registry *reg, const char *dir, struct root *root,
	       struct err *e);

/*
 * Whether a root of the storage @s could be mounted, whatever its name, if it had @more
 * layers more: the kernel takes a page that names them all.
 */
bool attach_fits(const struct storage *s, size_t more);

/* Take off what is at DIR/tree and DIR/base; written data is on disk then. */
int attach_undo(const char *dir, struct err *e);

/*
 * For who copies the image of @root, which is locked exclusively: mount it and take it
 * off, so that its journal is replayed, and wait until nothing of what a killed command
 * left still writes to it. Until @root is closed nobody else may write to it.
 */
int attach_settle(const struct registry *reg, struct root *root, struct err *e);

/*
 * Whether the files of a root in memory, whose directory is @dir_fd, are still there.
 */
bool attach_tmpfs_present(int dir_fd);
