// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"

static int list_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct given g;
	struct strv names = { 0 };
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = root_list(&reg, &names, &e) < 0 ? ui_error(&e) : 0;
	for (size_t i = 0; i < names.n; i++)
		puts(names.v[i]);
	strv_free(&names);
	registry_close(&reg);
	given_free(&g);
	return r;
}

static const struct opt opts[] = { OPT_COMMON };

const struct cmd cmd_list = { "list", "", "list the roots", opts, 0, 0, list_main };
