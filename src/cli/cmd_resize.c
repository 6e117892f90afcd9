// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "core/resize.h"

static int resize_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = root_resize(&reg, g.args[0], g.args[1], &e);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = { OPT_COMMON };

const struct cmd cmd_resize = {
	"resize", "NAME SIZE", "let a root's image hold more", opts, 2, 2, resize_main
};
