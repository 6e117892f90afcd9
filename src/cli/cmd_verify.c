// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/verify.h"
#include "mech/json.h"

/* "none,tools" */
static int parse_tiers(const char *text, struct verify_spec *spec, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct settings s;
	int r = 0;

	spec->a = TIER_NONE;
	spec->b = TIER_TOOLS;
	if (!text)
		return 0;
	strv_split(&names, text, ",");
	if (names.n != 2)
		return err_set(e, -ERR_USAGE, "--tiers takes two tiers: none,tools");
	settings_init(&s);
	for (size_t i = 0; !r && i < 2; i++) {
		r = settings_set(&s, "native", names.v[i], e);
		*(i ? &spec->b : &spec->a) = s.native;
	}
	settings_free(&s);
	return r < 0 ? err_set(e, -ERR_USAGE, "--tiers: no such tier in '%s'", text) : 0;
}

static void print_result(const struct verify_spec *spec, const struct verify_result *res)
{
	const char *names[2] = { tier_name(spec->a), tier_name(spec->b) };
	const struct differences *d = &res->differences;

	for (size_t i = 0; i < d->n; i++)
		printf("%s: %s%s%s\n", d->v[i].path, d->v[i].what,
		       d->v[i].detail ? ": " : "", d->v[i].detail ? d->v[i].detail : "");
	for (int i = 0; i < 2; i++)
		printf("tier %-9s  status %d, %.1f s\n", names[i], res->status[i],
		       res->seconds[i]);
	if (d->n)
		printf("%zu of %zu files differ\n", d->n, d->files);
	else
		printf("%zu files, no difference\n", d->files);
}

static int print_json(const struct verify_spec *spec, const struct verify_result *res,
		      struct err *e)
{
	const enum tier tiers[2] = { spec->a, spec->b };
	_cleanup_json_ struct json *doc = json_obj();
	struct json *builds = json_arr(), *list = json_arr();

	for (int i = 0; i < 2; i++) {
		struct json *o = json_obj();

		json_set_str(o, "tier", tier_name(tiers[i]));
		json_set_int(o, "status", res->status[i]);
		json_set_int(o, "milliseconds", (int64_t)(res->seconds[i] * 1000));
		json_append(builds, o);
	}
	for (size_t i = 0; i < res->differences.n; i++) {
		struct json *o = json_obj();

		json_set_str(o, "path", res->differences.v[i].path);
		json_set_str(o, "what", res->differences.v[i].what);
		json_set_str(o, "detail", res->differences.v[i].detail);
		json_append(list, o);
	}
	json_set(doc, "builds", builds);
	json_set_int(doc, "files", (int64_t)res->differences.files);
	json_set(doc, "differences", list);
	return json_print(stdout, doc, e);
}

static int run_verify(const struct given *g, bool *same, struct err *e)
{
	_cleanup_strv_ struct strv ignored = { 0 };
	struct verify_spec spec = {
		.tree = given_get(g, "tree"),
		.user = given_get(g, "user"),
		.argv = g->args + 1,
		.ignored = &ignored,
	};
	struct verify_result res;
	struct opened o;
	int r, out, null;

	if (!spec.tree)
		return err_set(e, -ERR_USAGE, "verify needs --tree DIR");
	r = parse_tiers(given_get(g, "tiers"), &spec, e);
	if (!r)
		r = ui_open(g, LOCK_SHARED, &o, e);
	if (r < 0)
		return r;
	/* configure's protocol names processes and times */
	strv_add(&ignored, "config.log");
	for (size_t i = 0; i < g->n; i++)
		if (!strcmp(g->v[i].opt->name, "ignore"))
			strv_add(&ignored, g->v[i].value);
	/* both builds read the same: nothing */
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	/* what the builds say is not the result */
	out = dup(STDOUT_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	r = verify(&o.root, &o.settings, o.reg.state, &spec, &res, e);
	dup2(out, STDOUT_FILENO);
	close(out);
	ui_close(&o);
	if (r < 0)
		return r;
	*same = !res.differences.n && !res.status[0] && !res.status[1];
	if (given_has(g, "json"))
		r = print_json(&spec, &res, e);
	else
		print_result(&spec, &res);
	differences_free(&res.differences);
	return r;
}

static int verify_main(const struct cmd *cmd, int argc, char **argv)
{
	struct given g;
	struct err e = { 0 };
	bool same = false;
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = run_verify(&g, &same, &e);
	given_free(&g);
	return r < 0 ? ui_error(&e) : !same;
}

static const struct opt opts[] = {
	{ 0, "tree", "DIR", "the directory to build copies of" },
	{ 0, "tiers", "A,B", "the two tiers to compare (none,tools)" },
	{ 0, "ignore", "PATTERN", "leave out files of this name or path (config.log)" },
	{ 0, "bind", "SRC[:DST[:ro]]", "make a host path visible in the root" },
	{ 0, "env", "K=V", "set a variable inside" },
	{ 0, "user", "USER", "run as this user of the root" },
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_verify = {
	"verify", "NAME --tree DIR [OPTIONS] -- CMD [ARG]...",
	"build a tree at two tiers and compare every byte", opts, 2, -1, verify_main
};
