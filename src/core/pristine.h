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
 * Whether nothing that somebody put into the root, or changed there, would be lost with
 * it: no file with something in it is younger than the mark, nor are the root's settings.
 * *@changed (may be NULL) becomes the path of one that is, the caller frees it. Not
 * counted are directories and empty files, which runs leave as mount points, and the
 * caches of Portage and Python.
 */
bool pristine_is(const struct root *root, const char *maker, char **changed);
