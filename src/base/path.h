// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

/* Pure path algebra: nothing here looks at the file system. */

/* "@a/@b" with exactly one slash between. The caller frees the result. */
char *path_join(const char *a, const char *b);

/*
 * Lexically clean @p: "//", "/./" and a trailing slash go, ".." climbs (and
 * stays at the top of an absolute path). The caller frees the result.
 */
char *path_clean(const char *p);

/* Whether clean path @p is @dir or lies beneath it, component by component. */
bool path_beneath(const char *p, const char *dir);

/* The part of @p after its last slash; points into @p. */
const char *path_base(const char *p);

/* Everything before the last slash of @p ("/" or "." where none). Freed by caller. */
char *path_dir(const char *p);
