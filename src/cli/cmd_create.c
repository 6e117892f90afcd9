// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>

#include "cli/cli.h"
#include "core/create.h"

/* What becomes the root's own settings: the file's, then the options'. */
static int read_settings(const struct given *g, struct settings *s, struct err *e)
{
	const char *file = given_get(g, "config");
	int r = file ? settings_read(s, AT_FDCWD, file, e) : 0;

	return r < 0 ? r : ui_options(g, s, e);
}

static int read_storage(const struct given *g, struct storage_spec *s, struct err *e)
{
	const char *kind = given_get(g, "storage");

	s->size = given_get(g, "size");
	s->image = given_get(g, "image");
	s->base = given_get(g, "base");
	/* what needs no saying need not be said */
	s->kind = s->image ? STORAGE_IMAGE : s->base ? STORAGE_OVERLAY : STORAGE_DIR;
	return kind ? storage_by_name(kind, &s->kind, e) : 0;
}

static int create_main(const struct cmd *cmd, int argc, char **argv)
{
	struct archive_progress *bar;
	struct registry reg;
	struct given g;
	struct settings settings;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	struct create_spec spec = {
		.name = g.nargs ? g.args[0] : given_get(&g, "target"),
		.stage = given_get(&g, "stage"),
		.settings = &settings,
		.setup = !given_has(&g, "no-setup"),
	};

	settings_init(&settings);
	if (!spec.name)
		r = err_set(&e, -ERR_USAGE, "create needs a NAME or --target TUPLE");
	else
		r = read_storage(&g, &spec.storage, &e);
	if (!r)
		r = making_check(&spec.storage, spec.stage, &e);
	if (!r)
		r = read_settings(&g, &settings, &e);
	if (!r)
		r = ui_registry(&g, &reg, &e);
	if (!r) {
		bar = ui_progress();
		r = root_create(&reg, &spec, bar, &e);
		ui_progress_end(bar);
		registry_close(&reg);
	}
	settings_free(&settings);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "stage", "FILE", "the tarball of a root file system to unpack" },
	{ 0, "storage", "KIND", "dir, image, overlay or tmpfs: where its files are" },
	{ 0, "size", "SIZE", "of a new image (16g), or of a tmpfs (50%)" },
	{ 0, "image", "FILE", "an image that has the root already" },
	{ 0, "base", "BASE", "directory, image or root that an overlay is put upon" },
	{ 0, "target", "TUPLE", "refuse a stage not for this tuple, the default NAME" },
	OPT_SETTINGS,
	{ 0, "config", "FILE", "settings for the root, as in crossroot.conf(5)" },
	{ 0, "no-setup", NULL, "leave Portage in the root as it is" },
	OPT_COMMON
};

const struct cmd cmd_create = {
	"create", "[NAME] [OPTIONS]", "create a root from a stage tarball", opts, 0, 1,
	create_main
};
