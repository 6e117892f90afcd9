// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "cli/cli.h"
#include "core/diff.h"
#include "core/snapshot.h"
#include "mech/json.h"

static int show(const struct changes *c, bool as_json, struct err *e)
{
	_cleanup_json_ struct json *doc = as_json ? json_arr() : NULL;

	for (size_t i = 0; i < c->n; i++) {
		const char what[] = { c->v[i].what, '\0' };

		if (doc) {
			struct json *o = json_obj();

			json_set_str(o, "path", c->v[i].path);
			json_set_str(o, "change", what);
			json_append(doc, o);
		} else {
			printf("%s %s\n", what, c->v[i].path);
		}
	}
	return doc ? json_print(stdout, doc, e) : 0;
}

static int diff_main(const struct cmd *cmd, int argc, char **argv)
{
	struct changes changes = { 0 };
	struct registry reg;
	struct root root;
	struct given g;
	struct err e = { 0 };
	long n;
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_snapshot_number(&g, &n, &e) < 0 || ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = root_open(&reg, g.args[0], LOCK_SHARED, &root, &e);
	if (!r) {
		r = snapshot_check(&root, &e);
		if (!r)
			r = root_diff(&reg, &root, n, &changes, &e);
		if (!r)
			r = show(&changes, given_has(&g, "json"), &e);
		root_close(&root);
	}
	changes_free(&changes);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_diff = {
	"diff", "NAME [N]", "print what changed in an overlay root", opts, 1, 2, diff_main
};
