// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "core/root.h"

/*
 * Whether a root is still as some program made it. The mark is a file in the root's
 * directory that is younger than all that was made, older than all that came after.
 */

/* Write the mark @maker, a file name, or bring it up to date. */
int pristine_mark(int dir_fd, const char *maker, struct err *e);
bool pristine_marked(int dir_fd, const char *maker);

/*
 * Whether no file of the root is younger than its mark. *@changed (may be NULL) becomes
 * the path of one that is, the caller frees it. What every run may leave does not count:
 * directories, empty files (mount points), Python's caches, and temporary files.
 */
bool pristine_is(const struct root *root, const char *maker, char **changed);
