// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "cli/cli.h"
#include "core/qemu.h"
#include "mech/json.h"

/* What is known of a root without running anything in it. */
static int show(const struct given *g, const struct root *root, const struct settings *s,
		struct err *e)
{
	struct qemu qemu;
	struct err no_qemu = { 0 };
	const char *tuple = s->target ? s->target : root->arch->tuple;
	int r = 0;

	qemu_find(root->arch, s, &qemu, &no_qemu);
	if (given_has(g, "json")) {
		_cleanup_json_ struct json *doc = json_obj();

		json_set_str(doc, "name", root->name);
		json_set_str(doc, "arch", root->arch->name);
		json_set_str(doc, "target", tuple);
		json_set_str(doc, "tree", root->tree);
		json_set_str(doc, "native", tier_name(s->native));
		json_set_str(doc, "native_root", s->native_root);
		json_set_str(doc, "qemu", qemu.path);
		json_set_str(doc, "problem", no_qemu.msg[0] ? no_qemu.msg : NULL);
		r = json_print(stdout, doc, e);
	} else {
		printf("name         %s\n", root->name);
		printf("target       %s (%s)\n", tuple, root->arch->name);
		printf("tree         %s\n", root->tree);
		printf("native       %s\n", tier_name(s->native));
		printf("native root  %s\n", s->native_root);
		printf("qemu         %s\n",
		       qemu.path ? qemu.path :
				   no_qemu.msg[0] ? no_qemu.msg : "not needed");
	}
	qemu_free(&qemu);
	return r;
}

static int info_main(const struct cmd *cmd, int argc, char **argv)
{
	struct opened o;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = ui_open(&g, LOCK_SHARED, &o, &e);
	if (!r) {
		r = show(&g, &o.root, &o.settings, &e);
		ui_close(&o);
	}
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_info = {
	"info", "NAME", "print what a root is", opts, 1, 1, info_main
};
