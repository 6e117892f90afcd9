// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "cli/cli.h"
#include "core/hybrid.h"

/* Run g->args[1...] in the root g->args[0]; without a command, the user's shell. */
static int run_in(const struct given *g, bool terminal, struct err *e)
{
	struct opened o;
	struct plan plan;
	struct run run;
	int r = ui_open(g, LOCK_SHARED, &o, e);

	if (r < 0)
		return r;
	r = hybrid_prepare(&o.root, &o.settings, o.reg.state, &run, &plan, e);
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
