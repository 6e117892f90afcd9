// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "cli/cli.h"
#include "core/ephemeral.h"
#include "core/hybrid.h"

/* Run g->args[1...] in the opened root; without a command, the user's shell. */
static int run_opened(const struct given *g, const struct opened *o, bool terminal,
		      struct err *e)
{
	struct plan plan;
	struct run run;
	int r = hybrid_prepare(&o->root, &o->settings, o->reg.state, &run, &plan, e);

	run.cwd = given_get(g, "chdir");
	run.user = given_get(g, "user");
	run.argv = g->nargs > 1 ? g->args + 1 : NULL;
	run.terminal = terminal;
	/* beside a program's status only its own error is one */
	if (!r) {
		*e = (struct err){ 0 };
		r = run_exec(&run, e);
	}
	run_free(&run);
	plan_free(&plan);
	return r;
}

static int run_ephemeral(const struct given *g, struct opened *o, const char *keep,
			 bool terminal, struct err *e)
{
	struct ephemeral eph;
	int r = ephemeral_begin(&o->reg, &o->root, keep, &eph, e);

	if (!r)
		r = run_opened(g, o, terminal, e);
	if (r >= 0 && keep) {
		struct err why = { 0 };

		/* also of a program that failed: to look at what it did */
		if (ephemeral_keep(&eph, &o->root, &why) < 0) {
			*e = why;
			r = why.code;
		}
	}
	ephemeral_end(&eph, &o->root);
	return r;
}

static int run_in(const struct given *g, bool terminal, struct err *e)
{
	const char *keep = given_get(g, "keep");
	struct opened o;
	int r;

	if (keep && !given_has(g, "ephemeral"))
		return err_set(e, -ERR_USAGE, "--keep is for --ephemeral");
	/* what is kept needs the root as it is now, so nobody else may change it */
	r = ui_open(g, keep ? LOCK_EXCLUSIVE : LOCK_SHARED, &o, e);
	if (r < 0)
		return r;
	r = given_has(g, "ephemeral") ? run_ephemeral(g, &o, keep, terminal, e) :
					run_opened(g, &o, terminal, e);
	ui_close(&o);
	return r;
}

static int main_of(const struct cmd *cmd, int argc, char **argv, bool terminal)
{
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r == EXIT_USAGE ? EXIT_RUN : r;
	r = run_in(&g, terminal, &e);
	if (e.msg[0])
		ui_error(&e);
	given_free(&g);
	return r < 0 ? EXIT_RUN : r;
}

static int run_main(const struct cmd *cmd, int argc, char **argv)
{
	return main_of(cmd, argc, argv, false);
}

static int enter_main(const struct cmd *cmd, int argc, char **argv)
{
	return main_of(cmd, argc, argv, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

static const struct opt opts[] = {
	OPT_SETTINGS,
	OPT_INSIDE,
	{ 0, "chdir", "DIR", "start in this directory of the root" },
	{ 0, "user", "USER", "run as this user of the root" },
	{ 0, "ephemeral", NULL, "drop all changes to the root at the end" },
	{ 0, "keep", "NEW", "with --ephemeral: make a new root of them" },
	OPT_COMMON
};

const struct cmd cmd_run = {
	"run", "NAME [OPTIONS] -- CMD [ARG]...", "run a program in a root", opts, 2, -1,
	run_main
};

const struct cmd cmd_enter = {
	"enter", "NAME", "open a shell in a root, with a terminal of its own", opts, 1, 1,
	enter_main
};
