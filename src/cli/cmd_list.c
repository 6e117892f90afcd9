// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "cli/cli.h"
#include "core/status.h"
#include "mech/json.h"

struct listing {
	const struct registry *reg;
	struct json *doc; /* NULL: text */
	bool sizes;
};

/* The size as far as it is asked for and can be told; false: not. */
static bool measure(const struct listing *l, const struct status *st, uint64_t *bytes)
{
	return l->sizes && st->root.dir && st->state != ROOT_BROKEN &&
	       !status_size(l->reg, &st->root, bytes, NULL);
}

static void show_json(const struct listing *l, const struct status *st)
{
	struct json *o = json_obj();
	uint64_t bytes;

	json_set_str(o, "name", st->root.name);
	json_set_str(o, "arch", st->root.arch ? st->root.arch->name : NULL);
	json_set_str(o, "tree", st->problem ? NULL : st->root.tree);
	ui_status_json(st, o);
	if (measure(l, st, &bytes))
		json_set_int(o, "size", (int64_t)bytes);
	json_append(l->doc, o);
}

/* One root: a broken one is listed with what is wrong, not left out. */
static void show(const struct listing *l, const struct status *st)
{
	_cleanup_free_ char *age = ui_age(st->created);
	_cleanup_free_ char *base = storage_base_text(&st->root.storage);
	_cleanup_free_ char *state = ui_state_text(st);
	_cleanup_free_ char *size = NULL;
	uint64_t bytes;

	if (l->doc) {
		show_json(l, st);
		return;
	}
	if (measure(l, st, &bytes))
		size = ui_size(bytes);
	printf("%-20s  %-12s  %-7s  %8s", st->root.name,
	       st->root.arch ? st->root.arch->name : "-",
	       storage_name(st->root.storage.kind), age);
	if (l->sizes)
		printf("  %8s", size ? size : "-");
	printf("  %s%s%s", state, base ? "  on " : "", base ? base : "");
	if (st->problem)
		printf(": %s", st->problem);
	putchar('\n');
}

static int list(const struct listing *l, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 }, creating = { 0 };
	struct status st;
	int r = root_list(l->reg, &names, e);

	if (r < 0)
		return r;
	/* one that goes, or comes to be, in between is no longer, or not yet, listed */
	for (size_t i = 0; i < names.n; i++)
		if (!status_get(l->reg, names.v[i], &st, NULL)) {
			show(l, &st);
			status_free(&st);
		}
	status_list_creating(l->reg, &creating);
	for (size_t i = 0; i < creating.n; i++)
		if (!status_get_creating(l->reg, creating.v[i], &st, NULL)) {
			show(l, &st);
			status_free(&st);
		}
	return l->doc ? json_print(stdout, l->doc, e) : 0;
}

static int list_main(const struct cmd *cmd, int argc, char **argv)
{
	_cleanup_json_ struct json *doc = NULL;
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
	const struct listing l = { &reg, doc, given_has(&g, "size") };

	r = list(&l, &e);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "size", NULL, "measure them, which looks at every file" },
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_list = { "list", "", "list the roots", opts, 0, 0, list_main };
