// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "cli/cli.h"
#include "mech/json.h"

/* One root: a broken one is listed with what is wrong, not left out. */
static void show(const struct registry *reg, const char *name, struct json *doc)
{
	struct root root;
	struct err e = { 0 };
	int r = root_open(reg, name, LOCK_SHARED, &root, &e);
	const char *arch = r ? NULL : root.arch->name;

	if (doc) {
		struct json *o = json_obj();

		json_set_str(o, "name", name);
		json_set_str(o, "arch", arch);
		json_set_str(o, "tree", r ? NULL : root.tree);
		json_set_str(o, "problem", r ? e.msg : NULL);
		json_append(doc, o);
	} else {
		printf("%-20s  %s\n", name, arch ? arch : e.msg);
	}
	root_close(&root);
}

static int list_main(const struct cmd *cmd, int argc, char **argv)
{
	_cleanup_json_ struct json *doc = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	if (given_has(&g, "json"))
		doc = json_arr();
	r = root_list(&reg, &names, &e);
	for (size_t i = 0; !r && i < names.n; i++)
		show(&reg, names.v[i], doc);
	if (!r && doc)
		r = json_print(stdout, doc, &e);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_list = { "list", "", "list the roots", opts, 0, 0, list_main };
