// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "core/clone.h"

static int clone_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = root_clone(&reg, g.args[0], g.args[1], &e);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = { OPT_COMMON };

const struct cmd cmd_clone = {
	"clone", "NAME NEW", "make another root of the same files", opts, 2, 2, clone_main
};
