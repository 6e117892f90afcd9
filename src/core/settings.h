// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* How much of a run is native. */
enum tier { TIER_NONE, TIER_TOOLCHAIN, TIER_TOOLS };

const char *tier_name(enum tier tier);

/* What configuration files and options can say; every key of the files is here. */
struct settings {
	char *target;		    /* tuple, NULL: what the root's programs are for */
	char *native_root;	    /* absolute, "/" by default */
	char *qemu;		    /* absolute host path, NULL: found by its name */
	struct strv qemu_args;	    /* for qemu itself, before the program */
	enum tier native;	    /* TIER_TOOLS by default */
	struct strv extra_swaps;    /* absolute paths in the root */
	struct strv excluded_swaps; /* absolute paths, or names of programs */
	struct strv binds;	    /* SRC[:DST[:ro]] */
	struct strv tmpfs;	    /* PATH[:SIZE] */
	struct strv env;	    /* K=V */
	bool global_binfmt;	    /* use the machine's binfmt_misc table */
	char *tmpfs_build;	    /* size of a tmpfs for Portage's builds, NULL: none */
	/* Of the machine, where stages are fetched; settings_write leaves them out. */
	struct strv mirrors;	    /* URLs; none: Gentoo's own */
	char *keyring;		    /* absolute; who may sign stages */
	char *stage_cache;	    /* absolute */
	unsigned mirror_timeout;    /* seconds */
	unsigned mirror_tries;
};

/* What native_root says where "create" is to fetch it. */
#define NATIVE_ROOT_STAGE "stage"

void settings_init(struct settings *s);
void settings_free(struct settings *s);

/*
 * Set @key as a file would: scalars are replaced, lists appended to, an
 * environment variable replaced by name. A bad value is -ERR_CONFIG.
 */
int settings_set(struct settings *s, const char *key, const char *value, struct err *e);

/* Read the file @path below @dirfd on top of @s. -ENOENT when it is missing. */
int settings_read(struct settings *s, int dirfd, const char *path, struct err *e);

/*
 * Publish a file that settings_read turns back into @s. A value that no file can
 * hold (a newline, both kinds of quotes) is -ERR_CONFIG.
 */
int settings_write(const struct settings *s, int dirfd, const char *path, struct err *e);

/*
 * Take a bind apart; "\:" is a colon of a path. The caller frees *@src and *@dst,
 * which are absolute.
 */
int bind_parse(const char *spec, char **src, char **dst, bool *ro, struct err *e);

/* The other way round: what bind_parse takes for these two. The caller frees it. */
char *bind_format(const char *src, const char *dst);

/*
 * Take PATH[:SIZE] apart; *@path is absolute and not "/", *@size NULL or what a tmpfs
 * takes. The caller frees both.
 */
int tmpfs_parse(const char *spec, char **path, char **size, struct err *e);
