// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/snapshot.h"

int ui_snapshot_number(const struct given *g, long *n, struct err *e)
{
	const char *text = g->nargs > 1 ? g->args[1] : NULL;

	*n = -1;
	if (!text)
		return 0;
	if (!*text || strlen(text) > 6 || text[strspn(text, "0123456789")])
		return err_set(e, -ERR_USAGE, "'%s' is no number of a snapshot", text);
	*n = strtol(text, NULL, 10);
	return 0;
}

static int snapshot_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	size_t n;
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = root_snapshot(&reg, g.args[0], &n, &e);
	if (!r)
		printf("%zu\n", n);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static int rollback_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	long n;
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	if (ui_snapshot_number(&g, &n, &e) < 0 || ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	r = root_rollback(&reg, g.args[0], &n, &e);
	registry_close(&reg);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = { OPT_COMMON };

const struct cmd cmd_snapshot = {
	"snapshot", "NAME", "remember the files of an overlay root", opts, 1, 1,
	snapshot_main
};

const struct cmd cmd_rollback = {
	"rollback", "NAME [N]", "have an overlay root as it was at a snapshot", opts, 1, 2,
	rollback_main
};
