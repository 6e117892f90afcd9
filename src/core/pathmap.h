// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Paths to the number of the package that owns them. A merged-/usr root lists
 * one file under two names; aliases bring both to the canonical one.
 */
struct pathmap;

#define PATHMAP_NONE ((size_t)-1)

struct pathmap *pathmap_new(void);
void pathmap_free(struct pathmap *m);

/* From now on "@from/..." means "@to/...". */
void pathmap_alias(struct pathmap *m, const char *from, const char *to);

/*
 * From now on the path @from of any package but @owner is at @to. An empty
 * @owner is that of no package. Diversions come after the aliases.
 */
void pathmap_divert(struct pathmap *m, const char *from, const char *to,
		    const char *owner);

/*
 * Take over @text, one path a line: the files of package @pkg called @name. A
 * path that is there already keeps its owner unless @preferred.
 */
void pathmap_add_lines(struct pathmap *m, char *text, size_t n, size_t pkg,
		       const char *name, bool preferred);

/* The owner of @path, or PATHMAP_NONE. */
size_t pathmap_find(struct pathmap *m, const char *path);

/* The package called so diverts @path, NULL if none. Points into the map. */
const char *pathmap_diverted_by(struct pathmap *m, const char *path);
