// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "core/create.h"

static void progress(void *arg, uint64_t done, uint64_t total, uint64_t entries)
{
	int percent = total ? (int)(done * 100 / total) : 0;

	(void)arg;
	fprintf(stderr, "\r\033[K[%-30.*s] %3d%%  %" PRIu64 " files", percent * 30 / 100,
		"##############################", percent, entries);
}

static int create_main(const struct cmd *cmd, int argc, char **argv)
{
	struct archive_progress bar = { .fn = progress };
	struct registry reg;
	struct given g;
	struct err e = { 0 };
	bool show = isatty(STDERR_FILENO);
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	struct create_spec spec = {
		.name = g.args[0],
		.stage = given_get(&g, "stage"),
		.target = given_get(&g, "target"),
	};

	if (!spec.stage) {
		err_set(&e, -ERR_USAGE, "create needs --stage FILE");
		return ui_error(&e);
	}
	if (ui_registry(&g, &reg, &e) < 0)
		return ui_error(&e);
	show = show && log_level() > LOG_QUIET;
	r = root_create(&reg, &spec, show ? &bar : NULL, &e);
	if (show)
		fputs("\r\033[K", stderr);
	r = r < 0 ? ui_error(&e) : 0;
	registry_close(&reg);
	given_free(&g);
	return r;
}

static const struct opt opts[] = {
	{ 0, "stage", "FILE", "the tarball of a root file system to unpack" },
	{ 0, "target", "TUPLE", "refuse a stage that is not for this tuple" },
	OPT_COMMON
};

const struct cmd cmd_create = {
	"create", "NAME --stage FILE", "create a root from a stage tarball", opts, 1, 1,
	create_main
};
