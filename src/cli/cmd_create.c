// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "cli/cli.h"
#include "core/create.h"
#include "core/natives.h"

/* All that a create works with. */
struct creation {
	const struct given *g;
	struct registry reg;
	struct settings settings; /* become the root's own */
	struct ui_stage from;
	struct stage_id id; /* of the stage that is fetched */
	struct stage stage; /* .fd is -1 where the user gave the file */
	struct stage native;
	int native_lock;
	struct storage_spec storage;
	const char *name;
};

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
	s->root = given_get(g, "root");
	/* what needs no saying need not be said */
	s->kind = s->image ? STORAGE_IMAGE : s->base ? STORAGE_OVERLAY : STORAGE_DIR;
	return kind ? storage_by_name(kind, &s->kind, e) : 0;
}

/* Whether the root's files are still to come, and no stage was given. */
static bool wants_stage(const struct creation *c)
{
	return !given_get(c->g, "stage") && !c->storage.image && !c->storage.base &&
	       !c->storage.root;
}

/* What can be known to be wrong before something is fetched for it. */
static int check_given(const struct creation *c, struct err *e)
{
	const char *stage = given_get(c->g, "stage"), *name = c->name;
	int r;

	if (!name)
		return err_set(e, -ERR_USAGE, "create needs a NAME or --target TUPLE");
	r = root_check_name(name, e);
	if (r < 0)
		return r;
	if (wants_stage(c) && !c->settings.target)
		return err_set(e, -ERR_USAGE, "create needs --stage FILE, or --target TUPLE "
			       "to fetch the stage for");
	/* the one that is fetched is as good as one that was given */
	r = making_check(&c->storage, stage || wants_stage(c), e);
	if (r < 0)
		return r;
	if (stage && given_has(c->g, "variant"))
		return err_set(e, -ERR_USAGE, "--variant is for a stage that is fetched, "
			       "--stage gives the file");
	return root_check_free(&c->reg, name, e);
}

/* The native root of the stage's date, so that versions match. */
static int fetch_native(struct creation *c, struct err *e)
{
	const char *given = given_get(c->g, "stage"), *date = NULL;
	char variant[STAGE_VARIANT_SIZE], of[MIRROR_DATE_SIZE];
	const struct arch *host = arch_host();
	_cleanup_free_ char *path = NULL;
	struct stage_id id;
	int r;

	if (!host)
		return err_set(e, -ERR_UNSUPPORTED, "this machine's architecture is unknown");
	if (c->stage.fd >= 0)
		date = c->stage.file.date;
	else if (given && !mirror_split(path_base(given), variant, of, NULL))
		date = of;
	r = ui_fetch(&c->from, host->tuple, NULL, date, &id, &c->native, e);
	if (!r)
		c->native_lock = natives_get(c->reg.state, &c->native, &id, host->tuple,
					     &c->from.unpack, &path, e);
	progress_end(&c->from.progress);
	if (r < 0 || c->native_lock < 0)
		return r < 0 ? r : c->native_lock;
	return settings_set(&c->settings, "native_root", path, e);
}

static int create(struct creation *c, struct err *e)
{
	struct origin origin;
	struct create_spec spec = {
		.name = c->name,
		.stage = given_get(c->g, "stage"),
		.stage_fd = -1,
		.storage = c->storage,
		.settings = &c->settings,
		.setup = !given_has(c->g, "no-setup"),
	};
	int r = 0;

	if (wants_stage(c)) {
		r = ui_fetch(&c->from, c->settings.target, given_get(c->g, "variant"), NULL,
			     &c->id, &c->stage, e);
		create_from_stage(&spec, &c->stage, &c->id, &origin);
	}
	if (!r && !strcmp(c->settings.native_root, NATIVE_ROOT_STAGE))
		r = fetch_native(c, e);
	if (!r)
		r = root_create(&c->reg, &spec, &c->from.unpack, e);
	progress_end(&c->from.progress);
	return r;
}

static int create_main(const struct cmd *cmd, int argc, char **argv)
{
	struct creation c = { .stage = { .fd = -1 }, .native = { .fd = -1 },
			      .native_lock = -1 };
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	c.g = &g;
	settings_init(&c.settings);
	r = read_settings(&g, &c.settings, &e);
	c.name = g.nargs ? g.args[0] : c.settings.target;
	if (!r)
		r = read_storage(&g, &c.storage, &e);
	if (!r)
		r = ui_stage(&g, &c.from, &e);
	if (!r) {
		r = ui_registry(&g, &c.reg, &e);
		if (!r) {
			r = check_given(&c, &e);
			if (!r)
				r = create(&c, &e);
			stage_close(&c.stage);
			stage_close(&c.native);
			if (c.native_lock >= 0)
				close(c.native_lock);
			registry_close(&c.reg);
		}
		ui_stage_close(&c.from);
	}
	settings_free(&c.settings);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "stage", "FILE", "the tarball of a root file system to unpack" },
	{ 0, "target", "TUPLE", "what the root is for, what to fetch, the default NAME" },
	{ 0, "storage", "KIND", "dir, image, overlay or tmpfs: where its files are" },
	{ 0, "size", "SIZE", "of a new image (16g), or of a tmpfs (50%)" },
	{ 0, "root", "DIR", "the directory its files are in, or are unpacked to" },
	{ 0, "image", "FILE", "an image that has the root already" },
	{ 0, "base", "BASE", "directory, image or root that an overlay is put upon" },
	OPT_STAGE,
	OPT_SETTINGS,
	{ 0, "config", "FILE", "settings for the root, as in crossroot.conf(5)" },
	{ 0, "no-setup", NULL, "leave Portage in the root as it is" },
	OPT_COMMON
};

const struct cmd cmd_create = {
	"create", "[NAME] [OPTIONS]", "create a root from a stage, which is fetched or given",
	opts, 0, 1, create_main
};
