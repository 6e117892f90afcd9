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

/* Whether the user wants what does not depend on a failure to be built all the same. */
static bool keeps_going(char **argv)
{
	bool keep = false;

	for (; *argv; argv++)
		if (!strcmp(*argv, "--keep-going") || !strcmp(*argv, "--keep-going=y"))
			keep = true;
		else if (!strcmp(*argv, "--keep-going=n"))
			keep = false;
	return keep;
}

/* Say what failed; returns whether anything is worth another try. */
static bool report(const struct failures *failed)
{
	bool again = false;

	for (size_t i = 0; i < failed->n; i++) {
		const struct failure *f = &failed->v[i];

		if (f->final) {
			log_warn("%s failed in phase %s at tier %s: no other to try", f->cpv,
				 f->phase, tier_name(f->tier));
			continue;
		}
		log_warn("%s failed in phase %s at tier %s: trying tier %s, from now on",
			 f->cpv, f->phase, tier_name(f->tier), tier_name(f->tier - 1));
		again = true;
	}
	return again;
}

/*
 * Run emerge with @args, then go on where it stopped as long as that makes sense. Going on
 * after a failure is decided here, whatever the root's EMERGE_DEFAULT_OPTS say: emerge
 * itself would forget what failed.
 */
static int emerge(char **args, const struct opened *o, struct retry *retry, struct err *e)
{
	struct strv cmd = { 0 };
	int status, failure = 0;

	strv_add(&cmd, "emerge");
	for (char **a = args; *a; a++)
		strv_add(&cmd, *a);
	strv_add(&cmd, "--keep-going=n");
	for (;;) {
		struct failures failed;
		bool again = false, skip = false;
		int r;

		status = run_once(o, cmd.v, e);
		/* ended by a signal, the user's: that is no failure of a package */
		if (status <= 0 || status > 128)
			break;
		failure = status;
		r = retry_collect(retry, &failed, e);
		if (!r)
			r = retry_learn(&o->root, &failed, e);
		if (r < 0)
			status = r;
		else
			again = report(&failed);
		/* only what failed can be skipped: else it is emerge itself */
		skip = !r && !again && failed.n && keeps_going(args);
		failures_free(&failed);
		if (!again && !skip)
			break;
		strv_free(&cmd);
		strv_add(&cmd, "emerge");
		strv_add(&cmd, "--resume");
		strv_add(&cmd, "--keep-going=n");
		if (skip)
			strv_add(&cmd, "--skipfirst");
		failure = skip ? failure : 0;
	}
	strv_free(&cmd);
	return status ? status : failure;
}

static int retrying(const struct given *g, struct opened *o, struct err *e)
{
	struct retry retry;
	int r = retry_begin(&retry, &o->root, &o->settings, e);

	if (!r)
		r = emerge(g->args + 1, o, &retry, e);
	retry_end(&retry);
	return r;
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
		r = retrying(&g, &o, &e);
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
