// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/root.h"
#include "core/settings.h"
#include "core/stage.h"
#include "mech/archive.h"

enum { EXIT_USAGE = 2, EXIT_RUN = 125 };

/* One option of a command. */
struct opt {
	char key;	  /* short letter, 0 for none */
	const char *name; /* long name */
	const char *arg;  /* NULL for a switch */
	const char *help;
};

struct cmd {
	const char *name, *args, *help;
	const struct opt *opts; /* ends with an empty name */
	int nargs_min, nargs_max; /* -1: any, after "--" or the first argument */
	int (*run)(const struct cmd *cmd, int argc, char **argv);
};

/* What was given, in order. */
struct given {
	struct {
		const struct opt *opt;
		const char *value;
	} *v;
	size_t n, cap;
	char **args; /* points into argv */
	int nargs;
	const char *state;
};

extern const struct cmd cmd_audit, cmd_clone, cmd_create, cmd_crossdev_args,
	cmd_crossdev_hook, cmd_destroy, cmd_diff, cmd_doctor, cmd_emerge, cmd_enter,
	cmd_export, cmd_info, cmd_list, cmd_plan, cmd_resize, cmd_rollback, cmd_run,
	cmd_setup, cmd_snapshot, cmd_stage, cmd_verify;
extern const struct cmd *const commands[];

/*
 * Parse @argv for @cmd. Returns -1 to go on, or an exit status: --help was
 * printed (0) or the usage is wrong (EXIT_USAGE, said on stderr).
 */
int opts_parse(const struct cmd *cmd, int argc, char **argv, struct given *g);
void given_free(struct given *g);

/* The last value of option @name, NULL if absent; whether a switch was given. */
const char *given_get(const struct given *g, const char *name);
bool given_has(const struct given *g, const char *name);

void usage_print(FILE *f, const struct cmd *cmd);

/* Print @e once, with its hint. Returns 1, or 2 for a usage error. */
int ui_error(const struct err *e);

/* Open the registry that the options or the environment name. */
int ui_registry(const struct given *g, struct registry *reg, struct err *e);

/* Add the options among @g that are settings to @s, by the names of their keys. */
int ui_options(const struct given *g, struct settings *s, struct err *e);

/* Read the machine's settings on top of @s; it need not have any. */
int ui_machine(struct settings *s, struct err *e);
const char *ui_machine_file(void); /* where they are */

/*
 * What a command on one root works with: the root g->args[0], locked, and its
 * settings as its runs have them: the machine's file, the root's, then the options.
 */
struct opened {
	struct registry reg;
	struct root root;
	struct settings settings;
};

int ui_open(const struct given *g, enum lock_mode mode, struct opened *o, struct err *e);
/* The same, exclusive, for what only reads: a root that is the base of others too. */
int ui_open_reading(const struct given *g, struct opened *o, struct err *e);
void ui_close(struct opened *o);

/* The number of a snapshot that may be given as the second argument; -1: none is. */
int ui_snapshot_number(const struct given *g, long *n, struct err *e);

/* Like ui_open, for what looks at a root and neither locks nor mounts it. */
struct status;
int ui_look(const struct given *g, struct registry *reg, struct status *st,
	    struct settings *s, struct err *e);

/* "3 d", "12 MiB", "running (17, 18)"; the caller frees them. */
char *ui_age(int64_t since);
char *ui_size(uint64_t bytes);
char *ui_state_text(const struct status *st);

/* What JSON says of a root's storage and state, and of its snapshots. */
struct json;
void ui_status_json(const struct status *st, struct json *o);
void ui_snapshots_json(const struct storage *s, struct json *o);
/* How --progress wants to be told what takes long. */
struct progress {
	bool bar, json;
	bool drawn;
};

int progress_init(struct progress *p, const struct given *g, struct err *e);
void progress_stage(void *arg, const char *what, uint64_t done, uint64_t total,
		    uint64_t rate);
void progress_unpack(void *arg, uint64_t done, uint64_t total, uint64_t entries);
void progress_end(struct progress *p);

/*
 * Where a command gets stages: the machine's settings, those of --config, the options
 * of OPT_STAGE. Points into itself: not to be copied.
 */
struct ui_stage {
	struct settings settings;
	struct progress progress;
	struct stage_watch watch;
	struct archive_progress unpack;
	struct stage_source source;
	const char *init; /* which init system, NULL: the first */
};

int ui_stage(const struct given *g, struct ui_stage *u, struct err *e);
void ui_stage_close(struct ui_stage *u);

/*
 * stage_get for @tuple, of @variant if that is not NULL, with @id filled for what it
 * is; loud where nothing proves it.
 */
int ui_fetch(struct ui_stage *u, const char *tuple, const char *variant, const char *date,
	     struct stage_id *id, struct stage *out, struct err *e);

/* Options of several commands. */
#define OPT_STAGE                                                                      \
	{ 0, "variant", "NAME", "the stage to fetch, as a mirror calls it" },           \
	{ 0, "init", "openrc|systemd", "the init system of the stage (openrc)" },      \
	{ 0, "mirror", "URL", "fetch from here (repeat for more)" },                   \
	{ 0, "insecure-stage", NULL, "take a stage that nobody signed for" },          \
	{ 0, "progress", "bar|json|none", "how to tell what is done" }

#define OPT_SETTINGS                                                                   \
	{ 0, "native", "TIER", "none, toolchain or tools: how much runs natively" },   \
	{ 0, "native-root", "DIR", "where the native programs come from (/)" },        \
	{ 0, "qemu", "PATH", "the static qemu-user program to use" },                  \
	{ 0, "qemu-arg", "ARG", "give qemu this argument (repeat for more)" },         \
	{ 0, "binfmt", "private|global", "whose binfmt_misc table to use" }

#define OPT_INSIDE                                                                     \
	{ 0, "bind", "SRC[:DST[:ro]]", "make a host path visible in the root" },       \
	{ 0, "tmpfs", "PATH[:SIZE]", "have a directory of the root in memory" },      \
	{ 0, "env", "K=V", "set a variable inside" },                                  \
	{ 0, "tmpfs-build", "SIZE", "let Portage build in memory, up to this much" }

#define OPT_COMMON                                                                     \
	{ 0, "state-dir", "DIR", "where roots are kept (/var/lib/crossroot)" },        \
	{ 'q', "quiet", NULL, "no warnings, no progress" },                            \
	{ 'v', "verbose", NULL, "say more" },                                          \
	{ 0, "debug", NULL, "say everything" },                                        \
	{ 'h', "help", NULL, "print this help" },                                      \
	{ 0, "version", NULL, "print the version" },                                   \
	{ 0, NULL, NULL, NULL }
