// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/audit.h"
#include "mech/json.h"

static int print_json(const struct audit *a, struct err *e)
{
	_cleanup_json_ struct json *doc = json_arr();

	for (size_t i = 0; i < a->n; i++) {
		const struct finding *f = &a->v[i];
		struct json *o = json_obj();

		json_set_str(o, "path", f->path);
		json_set_str(o, "member", f->member);
		json_set_str(o, "what", f->what);
		json_set_str(o, "where", f->where);
		json_set_str(o, "text", f->text);
		json_set_int(o, "more", (int64_t)f->more);
		json_append(doc, o);
	}
	return json_print(stdout, doc, e);
}

/* Names in an image, of sections too, are what its maker chose: not for a terminal. */
static void put_safe(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void print_findings(const struct audit *a, bool asked)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct finding *f = &a->v[i];

		put_safe(f->path);
		if (f->member) {
			putchar('(');
			put_safe(f->member);
			putchar(')');
		}
		printf(": %s", f->what);
		if (f->where) {
			printf(" at ");
			put_safe(f->where);
		}
		printf(": %s", f->text);
		if (f->more)
			printf(" (and %zu more)", f->more);
		putchar('\n');
	}
	if (a->n)
		putchar('\n');
	printf("%zu finding%s in %zu files; %zu ELF files and members", a->n,
	       a->n == 1 ? "" : "s", a->files, a->elves);
	if (a->target)
		printf(", held against %s%s", a->target->name,
		       asked ? "" : ", which most of them are for");
	if (a->allowed)
		printf("; %zu paths allowed", a->allowed);
	putchar('\n');
}

static int find_target(const struct given *g, struct audit_options *o, struct err *e)
{
	const char *tuple = given_get(g, "target");

	if (!tuple)
		return 0;
	o->target = arch_by_tuple(tuple);
	if (!o->target)
		return err_set(e, -ERR_USAGE,
			       "--target: '%s' names no architecture that is known",
			       tuple);
	return 0;
}

static int audit_main(const struct cmd *cmd, int argc, char **argv)
{
	struct audit_options o = { 0 };
	struct audit a = { 0 };
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);
	bool found;

	if (r >= 0)
		return r;
	o.native_root = given_get(&g, "native-root");
	for (size_t i = 0; i < g.n; i++)
		if (!strcmp(g.v[i].opt->name, "allow"))
			strv_add(&o.allow, g.v[i].value);
	r = find_target(&g, &o, &e);
	if (!r)
		r = audit_run(g.args[0], &o, &a, &e);
	if (!r && given_has(&g, "json"))
		r = print_json(&a, &e);
	else if (!r)
		print_findings(&a, o.target);
	found = a.n;
	audit_free(&a);
	strv_free(&o.allow);
	given_free(&g);
	if (r < 0)
		return ui_error(&e);
	return found ? EXIT_FAILURE : 0;
}

static const struct opt opts[] = {
	{ 0, "target", "TUPLE", "what the image is for (as most of its ELF files)" },
	{ 0, "native-root", "DIR", "a path that must not be named either" },
	{ 0, "allow", "PATTERN", "pass over these paths (repeat for more)" },
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_audit = {
	"audit", "PATH", "look for what leaked into an installed image",
	opts, 1, 1, audit_main
};
