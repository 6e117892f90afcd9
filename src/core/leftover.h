// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/buf.h"

/*
 * What runs left in a root's tree and is nothing of the root's own: the empty file that
 * the native loader was mounted on, with the directory that holds nothing else, and
 * /run/crossroot. And what the file system itself has in it: an empty lost+found. Adds
 * the paths, from the top and without a slash in front, to @paths; what is in one of
 * them is left too.
 */
void leftover_find(int tree_fd, struct strv *paths);
