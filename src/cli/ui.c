// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/qemu.h"
#include "core/status.h"

int ui_error(const struct err *e)
{
	fprintf(stderr, "crossroot: error: %s\n", e->msg);
	if (e->hint[0])
		fprintf(stderr, "crossroot: hint: %s\n", e->hint);
	return e->code == -ERR_USAGE ? EXIT_USAGE : EXIT_FAILURE;
}

int ui_registry(const struct given *g, struct registry *reg, struct err *e)
{
	const char *state = given_get(g, "state-dir");

	if (!state)
		state = getenv("CROSSROOT_STATE_DIR");
	if (geteuid() != 0) {
		err_set(e, -ERR_UNSUPPORTED, "crossroot must be run as root for now");
		return err_hint(e, "try again with sudo");
	}
	/* what a killed command may have left in the machine's tables */
	qemu_sweep();
	return registry_open(reg, state && *state ? state : "/var/lib/crossroot", e);
}

int ui_options(const struct given *g, struct settings *s, struct err *e)
{
	static const struct {
		const char *option, *key;
	} keys[] = {
		{ "target", "target" },	      { "native", "native" },
		{ "native-root", "native_root" }, { "qemu", "qemu" },
		{ "qemu-arg", "qemu_args" },  { "binfmt", "binfmt" },
		{ "tmpfs-build", "tmpfs_build" }, { "bind", "binds" },
		{ "tmpfs", "tmpfs" },	      { "env", "env" },
	};

	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			if (strcmp(g->v[i].opt->name, keys[k].option))
				continue;
			if (settings_set(s, keys[k].key, g->v[i].value, e) < 0) {
				err_wrap(e, "--%s", keys[k].option);
				e->code = -ERR_USAGE;
				return e->code;
			}
		}
	return 0;
}

const char *ui_machine_file(void)
{
	const char *file = getenv("CROSSROOT_CONFIG");

	return file ? file : "/etc/crossroot.conf";
}

int ui_machine(struct settings *s, struct err *e)
{
	int r = settings_read(s, AT_FDCWD, ui_machine_file(), e);

	/* a file that was asked for has to be there */
	if (r < 0 && (r != -ENOENT || getenv("CROSSROOT_CONFIG")))
		return r;
	*e = (struct err){ 0 };
	return 0;
}

static int read_settings(const struct root *root, struct settings *s, struct err *e)
{
	int r = ui_machine(s, e);

	if (r < 0)
		return r;
	r = settings_read(s, root->dir_fd, "root.conf", e);
	if (r < 0 && r != -ENOENT) {
		err_wrap(e, "settings of root '%s'", root->name);
		return r;
	}
	*e = (struct err){ 0 };
	return 0;
}

static int read_opened(const struct given *g, struct opened *o, struct err *e)
{
	int r;

	settings_init(&o->settings);
	r = read_settings(&o->root, &o->settings, e);
	if (!r)
		r = ui_options(g, &o->settings, e);
	if (!r && !strcmp(o->settings.native_root, NATIVE_ROOT_STAGE)) {
		r = err_set(e, -ERR_USAGE, "a native root is fetched when a root is created");
		err_hint(e, "'crossroot create NAME --native-root " NATIVE_ROOT_STAGE "'");
	}
	if (r < 0)
		ui_close(o);
	return r;
}

int ui_open(const struct given *g, enum lock_mode mode, struct opened *o, struct err *e)
{
	int r = ui_registry(g, &o->reg, e);

	if (r < 0)
		return r;
	r = root_open(&o->reg, g->args[0], mode, &o->root, e);
	if (!r)
		return read_opened(g, o, e);
	registry_close(&o->reg);
	return r;
}

int ui_open_reading(const struct given *g, struct opened *o, struct err *e)
{
	int r = ui_registry(g, &o->reg, e);

	if (r < 0)
		return r;
	r = root_open_reading(&o->reg, g->args[0], &o->root, e);
	if (!r)
		return read_opened(g, o, e);
	registry_close(&o->reg);
	return r;
}

int ui_look(const struct given *g, struct registry *reg, struct status *st,
	    struct settings *s, struct err *e)
{
	int r = ui_registry(g, reg, e);

	if (r < 0)
		return r;
	r = status_get(reg, g->args[0], st, e);
	if (!r && !st->root.arch) {
		r = err_set(e, -ERR_STATE, "root '%s' is broken: %s", g->args[0],
			    st->problem ? st->problem : "unknown architecture");
		status_free(st);
	}
	if (r < 0) {
		registry_close(reg);
		return r;
	}
	settings_init(s);
	r = read_settings(&st->root, s, e);
	if (r < 0) {
		settings_free(s);
		status_free(st);
		registry_close(reg);
	}
	return r;
}

void ui_close(struct opened *o)
{
	settings_free(&o->settings);
	root_close(&o->root);
	registry_close(&o->reg);
}
