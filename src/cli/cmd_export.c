// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "core/export.h"

static void progress(void *arg, uint64_t entries, uint64_t bytes)
{
	(void)arg;
	fprintf(stderr, "\r\033[K%" PRIu64 " files  %" PRIu64 " MiB", entries, bytes >> 20);
}

/* As https://reproducible-builds.org/specs/source-date-epoch has it. */
static int read_epoch(struct export_spec *spec, struct err *e)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	char *end;

	if (!text || !*text)
		return 0;
	errno = 0;
	spec->epoch = strtoll(text, &end, 10);
	if (errno || *end || text[strspn(text, "0123456789")])
		return err_set(e, -ERR_USAGE,
			       "SOURCE_DATE_EPOCH is '%.40s', not a number of seconds",
			       text);
	spec->has_epoch = true;
	return 0;
}

static int run_export(const struct given *g, struct err *e)
{
	const char *format = given_get(g, "format");
	struct export_spec spec = { .file = g->args[1], .force = given_has(g, "force") };
	struct opened o;
	int r = format ? export_format_named(format, &spec.format, e) :
			 export_format_of(spec.file, &spec.format, e);

	if (!r)
		r = read_epoch(&spec, e);
	if (!r)
		r = ui_open_reading(g, &o, e);
	if (r < 0)
		return r;
	if (isatty(STDERR_FILENO) && log_level() > LOG_QUIET)
		spec.progress.fn = progress;
	r = export_root(&o.root, &spec, e);
	if (spec.progress.fn)
		fputs("\r\033[K", stderr);
	ui_close(&o);
	return r;
}

static int export_main(const struct cmd *cmd, int argc, char **argv)
{
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = run_export(&g, &e);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "format", "FORMAT", "tar.xz, squashfs, oci, ... (what FILE's name says)" },
	{ 0, "force", NULL, "replace FILE" },
	OPT_COMMON
};

const struct cmd cmd_export = {
	"export", "NAME FILE", "write a root to a tar file or an image", opts, 2, 2,
	export_main
};
