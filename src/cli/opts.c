// SPDX-License-Identifier: GPL-2.0-or-later
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"

void usage_print(FILE *f, const struct cmd *cmd)
{
	fprintf(f, "usage: crossroot %s%s%s\n\n%s\n\n", cmd->name, *cmd->args ? " " : "",
		cmd->args, cmd->help);
	for (const struct opt *o = cmd->opts; o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->key ? '-' : ' ',
			 o->key ? o->key : ' ', o->key ? "," : " ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		fprintf(f, "  %-30s %s\n", left, o->help);
	}
}

static void add_given(struct given *g, const struct opt *opt, const char *value)
{
	xgrow(&g->v, &g->cap, g->n, sizeof(*g->v));
	g->v[g->n].opt = opt;
	g->v[g->n++].value = value;
}

static int common(const struct cmd *cmd, const struct opt *o)
{
	if (!strcmp(o->name, "help")) {
		usage_print(stdout, cmd);
		return 0;
	}
	if (!strcmp(o->name, "version")) {
		puts("crossroot " VERSION);
		return 0;
	}
	if (!strcmp(o->name, "quiet"))
		log_set_level(LOG_QUIET);
	else if (!strcmp(o->name, "verbose"))
		log_set_level(LOG_VERBOSE);
	else if (!strcmp(o->name, "debug"))
		log_set_level(LOG_DEBUG);
	return -1;
}

int opts_parse(const struct cmd *cmd, int argc, char **argv, struct given *g)
{
	/* '+': what follows the first argument belongs to the program that is run */
	char shorts[64] = "+";
	struct option longs[32] = { 0 };
	size_t n = 0, s = 1;

	*g = (struct given){ 0 };
	for (const struct opt *o = cmd->opts; o->name; o++, n++) {
		longs[n] = (struct option){ o->name,
					    o->arg ? required_argument : no_argument,
					    NULL, 256 + (int)n };
		if (o->key)
			shorts[s++] = o->key;
		if (o->key && o->arg)
			shorts[s++] = ':';
	}
	if (cmd->nargs_max >= 0)
		memmove(shorts, shorts + 1, strlen(shorts));
	optind = 0;
	for (;;) {
		int c = getopt_long(argc, argv, shorts, longs, NULL);
		const struct opt *o = cmd->opts;
		int r;

		if (c == -1 && cmd->nargs_max < 0 && !g->args && optind < argc &&
		    strcmp(argv[optind - 1], "--")) {
			/* "run NAME --native none -- CMD": options may follow the name */
			g->args = argv + optind;
			optind++;
			continue;
		}
		if (c == -1)
			break;
		if (c == '?') {
			fprintf(stderr,
				"crossroot: 'crossroot %s --help' lists the options\n",
				cmd->name);
			return EXIT_USAGE;
		}
		if (c >= 256)
			o = &cmd->opts[c - 256];
		else
			while (o->key != c)
				o++;
		r = common(cmd, o);
		if (r >= 0)
			return r;
		add_given(g, o, optarg);
	}
	if (g->args) {
		/* NAME, then the command: put the name right before it */
		char *name = g->args[0];

		argv[optind - 1] = name;
		g->args = argv + optind - 1;
		g->nargs = argc - optind + 1;
	} else {
		g->args = argv + optind;
		g->nargs = argc - optind;
	}
	if (g->nargs < cmd->nargs_min ||
	    (cmd->nargs_max >= 0 && g->nargs > cmd->nargs_max)) {
		fprintf(stderr, "crossroot: error: usage: crossroot %s %s\n", cmd->name,
			cmd->args);
		return EXIT_USAGE;
	}
	return -1;
}

void given_free(struct given *g)
{
	free(g->v);
	*g = (struct given){ 0 };
}

const char *given_get(const struct given *g, const char *name)
{
	for (size_t i = g->n; i-- > 0;)
		if (!strcmp(g->v[i].opt->name, name))
			return g->v[i].value;
	return NULL;
}

bool given_has(const struct given *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (!strcmp(g->v[i].opt->name, name))
			return true;
	return false;
}
