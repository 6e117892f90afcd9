// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "core/hybrid.h"
#include "core/retry.h"

static int run_once(const struct opened *o, char **argv, struct err *e)
{
	struct plan plan;
	struct run run;
	int r = hybrid_prepare(&o->root, &o->settings, o->reg.state, &run, &plan, e);

	run.argv = argv;
	if (!r)
		r = run_exec(&run, e);
	run_free(&run);
	plan_free(&plan);
	return r;
}

/*
 * How to go on after @failed. emerge goes on by itself where it stopped, but with
 * --keep-going it has finished, and what failed is named again.
 */
static void next_command(char **argv, const struct failures *failed, struct strv *cmd)
{
	bool kept_going = false;

	for (char **a = argv; *a; a++)
		kept_going = kept_going || !strncmp(*a, "--keep-going", 12);
	strv_add(cmd, "emerge");
	if (!kept_going) {
		strv_add(cmd, "--resume");
		return;
	}
	strv_add(cmd, "--oneshot");
	strv_add(cmd, "--keep-going");
	for (size_t i = 0; i < failed->n; i++)
		if (!failed->v[i].final)
			strv_addf(cmd, "=%s", failed->v[i].cpv);
}

/* Say what failed; returns whether anything is worth another try. */
static bool report(const struct failures *failed)
{
	bool again = false;

	for (size_t i = 0; i < failed->n; i++) {
		const struct failure *f = &failed->v[i];

		if (f->final) {
			log_warn("%s failed in phase %s at tier %s: nothing lower to try",
				 f->cpv, f->phase, tier_name(f->tier));
			continue;
		}
		log_warn("%s failed in phase %s at tier %s: trying tier %s, from now on",
			 f->cpv, f->phase, tier_name(f->tier), tier_name(f->tier - 1));
		again = true;
	}
	return again;
}

static int emerge(const struct given *g, struct opened *o, struct err *e)
{
	struct strv cmd = { 0 };
	bool again = true;
	int status = retry_begin(&o->root, &o->settings, e);

	if (status < 0)
		return status;
	strv_add(&cmd, "emerge");
	for (int i = 1; i < g->nargs; i++)
		strv_add(&cmd, g->args[i]);
	while (again) {
		struct failures failed;
		int r;

		status = run_once(o, cmd.v, e);
		if (status <= 0)
			break;
		r = retry_collect(&o->root, &failed, e);
		if (!r)
			r = retry_learn(&o->root, &failed, e);
		again = !r && report(&failed);
		strv_free(&cmd);
		next_command(g->args + 1, &failed, &cmd);
		failures_free(&failed);
		if (r < 0)
			status = r;
	}
	strv_free(&cmd);
	return status;
}

static int emerge_main(const struct cmd *cmd, int argc, char **argv)
{
	struct opened o;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r == EXIT_USAGE ? EXIT_RUN : r;
	r = ui_open(&g, LOCK_SHARED, &o, &e);
	if (!r) {
		r = emerge(&g, &o, &e);
		ui_close(&o);
	}
	if (e.msg[0])
		ui_error(&e);
	given_free(&g);
	return r < 0 ? EXIT_RUN : r;
}

static const struct opt opts[] = { OPT_SETTINGS, OPT_INSIDE, OPT_COMMON };

const struct cmd cmd_emerge = {
	"emerge", "NAME [OPTIONS] -- ARG...",
	"run emerge in a root; what fails is tried again one tier lower", opts, 2, -1,
	emerge_main
};
