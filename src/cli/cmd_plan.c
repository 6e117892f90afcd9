// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "core/planner.h"
#include "mech/json.h"

static const char *tier_of(const struct candidate *c)
{
	return c->reason ? "emulated" : tier_name(c->tier);
}

static void print_plan(const struct root *root, const struct plan *p)
{
	size_t toolchain = plan_count(p, TIER_TOOLCHAIN),
	       tools = plan_count(p, TIER_TOOLS);

	for (int emulated = 0; emulated < 2; emulated++)
		for (size_t i = 0; i < p->swaps.n; i++) {
			const struct candidate *c = &p->swaps.v[i];

			if (!!c->reason != emulated)
				continue;
			printf("%-9s  %-44s  %s", tier_of(c), c->path,
			       c->reason ? c->reason : c->native);
			if (!c->reason && c->package)
				printf("  (%s%s%s)", c->package, c->note ? "; " : "",
				       c->note ? c->note : "");
			putchar('\n');
		}
	printf("\nroot %s (%s), native root %s: %zu swaps at tier toolchain, %zu at tier "
	       "tools; %zu programs stay emulated\n",
	       root->name, root->arch->name, p->native_root ? p->native_root : "-",
	       toolchain, tools, p->swaps.n - tools);
}

static int print_json(const struct root *root, const struct plan *p, struct err *e)
{
	static const char *const kinds[] = { [CANDIDATE_PROGRAM] = "program",
					     [CANDIDATE_WRAPPED] = "wrapped",
					     [CANDIDATE_LIBRARY] = "library",
					     [CANDIDATE_SCRIPT] = "script" };
	_cleanup_json_ struct json *doc = json_obj();
	struct json *swaps = json_arr();

	json_set_str(doc, "root", root->name);
	json_set_str(doc, "arch", root->arch->name);
	json_set_str(doc, "native_root", p->native_root);
	json_set_int(doc, "toolchain", (int64_t)plan_count(p, TIER_TOOLCHAIN));
	json_set_int(doc, "tools", (int64_t)plan_count(p, TIER_TOOLS));
	for (size_t i = 0; i < p->swaps.n; i++) {
		const struct candidate *c = &p->swaps.v[i];
		struct json *o = json_obj();

		json_set_str(o, "path", c->path);
		json_set_bool(o, "swapped", !c->reason);
		json_set_str(o, "tier", tier_name(c->tier));
		json_set_str(o, "kind", kinds[c->kind]);
		json_set_str(o, "native", c->native);
		json_set_str(o, "package", c->package);
		json_set_str(o, "reason", c->reason);
		json_set_str(o, "note", c->note);
		json_append(swaps, o);
	}
	json_set(doc, "swaps", swaps);
	return json_print(stdout, doc, e);
}

static int show(const struct given *g, const struct root *root, const struct plan *p,
		struct err *e)
{
	if (given_has(g, "json"))
		return print_json(root, p, e);
	if (root->arch == arch_host())
		printf("root %s has this machine's architecture: it is native as it is\n",
		       root->name);
	else
		print_plan(root, p);
	return 0;
}

static int plan_main(const struct cmd *cmd, int argc, char **argv)
{
	struct opened o;
	struct given g;
	struct plan plan = { 0 };
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = ui_open(&g, LOCK_SHARED, &o, &e);
	if (!r) {
		if (o.root.arch != arch_host())
			r = planner_get(&o.root, &o.settings, o.reg.state, &plan, &e);
		if (!r)
			r = show(&g, &o.root, &plan, &e);
		plan_free(&plan);
		ui_close(&o);
	}
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	OPT_SETTINGS,
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_plan = {
	"plan", "NAME", "print what would be swapped in a root, and why the rest is not",
	opts, 1, 1, plan_main
};
