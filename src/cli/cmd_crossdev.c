// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"
#include "core/crossdev.h"
#include "core/versions.h"

/* crossdev-args */

static void print_versions(const struct versions *v)
{
	const struct {
		const char *option, *value;
	} args[] = {
		{ "gcc", v->gcc },	 { "binutils", v->binutils }, { "libc", v->libc },
		{ "kernel", v->kernel }, { "target", v->chost },
	};
	const char *blank = "";

	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		/* "=": that version, and not the newest that is no newer */
		if (args[i].value) {
			printf("%s--%s %s%s", blank, args[i].option,
			       strcmp(args[i].option, "target") ? "=" : "",
			       args[i].value);
			blank = " ";
		}
	}
	putchar('\n');
}

static int given_versions(const struct given *g, struct versions *v, struct err *e)
{
	const char *stage = given_get(g, "stage");
	_cleanup_close_ int in = open(stage, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (in < 0)
		return err_set(e, -errno, "open the stage '%s'", stage);
	return versions_of_stage(in, stage, v, e);
}

/* Of the stage that "create" would take now. */
static int fetched_versions(const struct given *g, struct versions *v, struct err *e)
{
	const char *target = given_get(g, "target");
	struct stage stage = { .fd = -1 };
	struct ui_stage from;
	struct stage_id id;
	int r;

	if (!target)
		return err_set(e, -ERR_USAGE,
			       "crossdev-args needs --stage FILE or --target TUPLE");
	r = ui_stage(g, &from, e);
	if (r < 0)
		return r;
	r = ui_fetch(&from, target, given_get(g, "variant"), NULL, &id, &stage, e);
	if (!r)
		r = versions_of_stage(stage.fd, stage.path, v, e);
	stage_close(&stage);
	ui_stage_close(&from);
	return r;
}

static int args_main(const struct cmd *cmd, int argc, char **argv)
{
	_cleanup_versions_ struct versions v = { 0 };
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = given_get(&g, "stage") ? given_versions(&g, &v, &e) :
				     fetched_versions(&g, &v, &e);
	if (!r && !v.gcc && !v.binutils && !v.libc)
		r = err_set(&e, -ERR_UNSUPPORTED,
			    "the stage has neither compiler nor C library");
	if (!r)
		print_versions(&v);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt args_opts[] = {
	{ 0, "stage", "FILE", "the tarball of a stage3" },
	{ 0, "target", "TUPLE", "the newest stage for this, fetched if need be" },
	OPT_STAGE,
	OPT_COMMON
};

const struct cmd cmd_crossdev_args = {
	"crossdev-args", "--stage FILE|--target TUPLE",
	"print the options with which crossdev builds the toolchain of a stage", args_opts,
	0, 0, args_main
};

/* crossdev-hook */

static bool is_yes(const struct given *g, const char *name, struct err *e)
{
	const char *value = given_get(g, name);

	if (!value || !strcmp(value, "no"))
		return false;
	if (strcmp(value, "yes"))
		err_set(e, -ERR_USAGE, "--%s is yes or no, not '%s'", name, value);
	return true;
}

static const char *either(const char *value, const char *otherwise)
{
	return value && *value ? value : otherwise;
}

static int read_event(const struct given *g, struct crossdev_event *ev, struct err *e)
{
	const char *state = getenv("CROSSROOT_STATE_DIR");

	*ev = (struct crossdev_event){
		.target = given_get(g, "target"),
		.stage = either(given_get(g, "seed"), NULL),
		.crossdev = either(given_get(g, "crossdev"), "crossdev"),
		.root = either(given_get(g, "root"), NULL),
		.eprefix = either(given_get(g, "eprefix"), ""),
		.state = either(given_get(g, "state-dir"), either(state, NULL)),
		.llvm = is_yes(g, "llvm", e),
		.init_only = is_yes(g, "init-only", e),
		.force = is_yes(g, "force", e),
	};
	if (!ev->target)
		err_set(e, -ERR_USAGE, "crossdev-hook needs --target TUPLE");
	/* crossdev has left the directory in which it was typed */
	if (strchr(ev->crossdev, '/') && *ev->crossdev != '/')
		ev->crossdev = "crossdev";
	return e->code;
}

/* What is given for the root, and where the machine's own toolchains are. */
static int read_settings(const struct given *g, struct settings *own,
			 struct settings *machine, struct err *e)
{
	int r = ui_options(g, own, e);

	if (!r)
		r = ui_machine(machine, e);
	return r < 0 ? r : ui_options(g, machine, e);
}

static int install(const struct given *g, struct crossdev_event ev,
		   const struct registry *reg, struct ui_stage *from,
		   const struct settings *own, struct err *e)
{
	struct stage stage = { .fd = -1 };
	struct stage_id id;
	int r = 0;

	if (ev.stage && *ev.stage != '/')
		return err_set(e, -ERR_USAGE, "give the stage '%s' by its whole path",
			       ev.stage);
	if (!ev.stage && crossdev_makes_root(reg, &ev)) {
		r = ui_fetch(from, ev.target, given_get(g, "variant"), NULL, &id, &stage,
			     e);
		ev.fetched = &stage;
		ev.id = &id;
	}
	if (!r)
		r = crossdev_install(reg, &ev, own, &from->unpack, e);
	stage_close(&stage);
	return r;
}

static int hook_install(const struct given *g, struct crossdev_event *ev,
			const struct registry *reg, struct err *e)
{
	struct settings own, machine;
	struct ui_stage from;
	int r = ui_stage(g, &from, e);

	if (r < 0)
		return r;
	settings_init(&own);
	settings_init(&machine);
	r = read_settings(g, &own, &machine, e);
	ev->native_root = machine.native_root;
	if (!r)
		r = install(g, *ev, reg, &from, &own, e);
	settings_free(&own);
	settings_free(&machine);
	ui_stage_close(&from);
	return r;
}

/* Called for every target that crossdev removes: for most there is nothing to do. */
static int hook(const struct given *g, struct err *e)
{
	const char *event = either(given_get(g, "event"), "");
	struct crossdev_event ev;
	struct registry reg;
	int r;

	if (strcmp(event, "install") && strcmp(event, "uninstall"))
		return err_set(e, -ERR_USAGE, "--event is install or uninstall, not '%s'",
			       event);
	r = read_event(g, &ev, e);
	if (!r)
		r = ui_registry(g, &reg, e);
	if (r < 0)
		return r;
	r = strcmp(event, "install") ? crossdev_uninstall(&reg, &ev, e) :
				       hook_install(g, &ev, &reg, e);
	registry_close(&reg);
	return r;
}

static int hook_main(const struct cmd *cmd, int argc, char **argv)
{
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = hook(&g, &e);
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt hook_opts[] = {
	{ 0, "event", "install|uninstall", "what crossdev has done, or is about to do" },
	{ 0, "target", "TUPLE", "of which toolchain; the root is called so" },
	{ 0, "seed", "FILE", "the stage to make the root of, instead of fetching it" },
	{ 0, "llvm", "yes|no", "whether it is an LLVM toolchain" },
	{ 0, "init-only", "yes|no", "whether none was built" },
	{ 0, "force", "yes|no", "delete a root that was changed too" },
	{ 0, "crossdev", "PROGRAM", "the crossdev to ask about the target" },
	{ 0, "root", "DIR", "the directory the root's files go to" },
	{ 0, "eprefix", "DIR", "where the commands go: DIR/usr/bin" },
	OPT_STAGE,
	OPT_SETTINGS,
	OPT_COMMON
};

const struct cmd cmd_crossdev_hook = {
	"crossdev-hook", "--event install|uninstall --target TUPLE [OPTIONS]",
	"what crossdev --container calls when it has built or removes a toolchain",
	hook_opts, 0, 0, hook_main
};
