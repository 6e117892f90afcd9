// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/root.h"

enum { EXIT_USAGE = 2, EXIT_RUN = 125 };

/* One option of a command; @set stores it and may refuse its value. */
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

extern const struct cmd cmd_create, cmd_destroy, cmd_list, cmd_run;
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

#define OPT_COMMON                                                                     \
	{ 0, "state-dir", "DIR", "where roots are kept (/var/lib/crossroot)" },        \
	{ 'q', "quiet", NULL, "no warnings, no progress" },                            \
	{ 'v', "verbose", NULL, "say more" },                                          \
	{ 0, "debug", NULL, "say everything" },                                        \
	{ 'h', "help", NULL, "print this help" },                                      \
	{ 0, "version", NULL, "print the version" },                                   \
	{ 0, NULL, NULL, NULL }
