// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "core/run.h"

static int add_bind(struct run *run, const char *spec, struct err *e)
{
	struct strv parts = { 0 };
	bool ro = false;

	strv_split(&parts, spec, ":");
	if (parts.n && !strcmp(parts.v[parts.n - 1], "ro") && parts.n > 1) {
		ro = true;
		parts.n--;
		free(parts.v[parts.n]);
	}
	if (!parts.n || parts.n > 2 || parts.v[0][0] != '/' ||
	    parts.v[parts.n - 1][0] != '/') {
		strv_free(&parts);
		return err_set(e, -ERR_USAGE,
			       "'%s' is no bind: SRC[:DST[:ro]] with absolute paths", spec);
	}
	mplan_add(&run->mounts, ro ? MOP_BIND_RO : MOP_BIND, parts.v[0],
		  parts.v[parts.n - 1]);
	strv_free(&parts);
	return 0;
}

static int fill(struct run *run, const struct given *g, struct err *e)
{
	run_env_default(&run->env);
	for (size_t i = 0; i < g->n; i++) {
		const char *name = g->v[i].opt->name, *value = g->v[i].value;
		int r = 0;

		if (!strcmp(name, "bind"))
			r = add_bind(run, value, e);
		else if (!strcmp(name, "env") && (*value == '=' || !strchr(value, '=')))
			r = err_set(e, -ERR_USAGE, "'%s' is no K=V", value);
		else if (!strcmp(name, "env"))
			run_env_set(&run->env, value);
		if (r < 0)
			return r;
	}
	run->cwd = given_get(g, "chdir");
	run->user = given_get(g, "user");
	run->argv = g->args + 1;
	return 0;
}

/* The interpreter for the root, NULL where the kernel runs its programs itself. */
static int find_qemu(const struct root *root, const struct given *g, char **out,
		     struct err *e)
{
	const char *given = given_get(g, "qemu");

	*out = NULL;
	if (root->arch == arch_host())
		return 0;
	*out = given ? xstrdup(given) : xasprintf("/usr/bin/qemu-%s-static", root->arch->name);
	if (access(*out, X_OK) < 0 && !given) {
		free(*out);
		*out = xasprintf("/usr/bin/qemu-%s", root->arch->name);
	}
	if (access(*out, X_OK) < 0) {
		int r = err_set(e, -ERR_STATE, "no qemu for %s programs at '%s'",
				root->arch->name, *out);

		err_hint(e, "install qemu-user-static (Gentoo: app-emulation/qemu with "
			    "static-user), or name one with --qemu");
		free(*out);
		*out = NULL;
		return r;
	}
	return 0;
}

static int run_main(const struct cmd *cmd, int argc, char **argv)
{
	_cleanup_free_ char *qemu = NULL;
	struct registry reg;
	struct given g;
	struct root root;
	struct run run = { .root = &root };
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r == EXIT_USAGE ? EXIT_RUN : r;
	if (ui_registry(&g, &reg, &e) < 0 || root_open(&reg, g.args[0], LOCK_SHARED, &root, &e) < 0 ||
	    find_qemu(&root, &g, &qemu, &e) < 0 || fill(&run, &g, &e) < 0) {
		ui_error(&e);
		return EXIT_RUN;
	}
	run.qemu = qemu;
	r = run_exec(&run, &e);
	if (e.msg[0]) {
		ui_error(&e);
		if (r < 0)
			r = EXIT_RUN;
	}
	mplan_free(&run.mounts);
	strv_free(&run.env);
	root_close(&root);
	registry_close(&reg);
	given_free(&g);
	return r;
}

static const struct opt opts[] = {
	{ 0, "bind", "SRC[:DST[:ro]]", "make a host path visible in the root" },
	{ 0, "env", "K=V", "set a variable inside" },
	{ 0, "chdir", "DIR", "start in this directory of the root" },
	{ 0, "user", "USER", "run as this user of the root" },
	{ 0, "qemu", "PATH", "the static qemu-user program to use" },
	OPT_COMMON
};

const struct cmd cmd_run = {
	"run", "NAME [OPTIONS] -- CMD [ARG]...", "run a program in a root", opts, 2, -1, run_main
};
