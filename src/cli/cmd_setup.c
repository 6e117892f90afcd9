// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "core/setup.h"

static int setup_main(const struct cmd *cmd, int argc, char **argv)
{
	struct opened o;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = ui_open(&g, LOCK_EXCLUSIVE, &o, &e);
	if (!r) {
		r = root_check_writable(&o.root, &e);
		if (!r)
			r = given_has(&g, "undo") ? setup_undo(&o.root, &e) :
						    setup_install(&o.root, &e);
		ui_close(&o);
	}
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "undo", NULL, "take out what setup put in" },
	OPT_COMMON
};

const struct cmd cmd_setup = {
	"setup", "NAME", "make Portage in a root know of crossroot", opts, 1, 1, setup_main
};
