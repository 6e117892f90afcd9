// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "core/planner.h"

static int destroy(const struct registry *reg, const char *name, struct err *e)
{
	int r = root_destroy(reg, name, e);

	return r < 0 ? r : planner_prune(reg->state, e);
}

static int destroy_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = destroy(&reg, g.args[0], &e) < 0 ? ui_error(&e) : 0;
	registry_close(&reg);
	given_free(&g);
	return r;
}

static const struct opt opts[] = { OPT_COMMON };

const struct cmd cmd_destroy = {
	"destroy", "NAME", "delete a root", opts, 1, 1, destroy_main
};
