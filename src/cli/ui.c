// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

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
	return registry_open(reg, state && *state ? state : "/var/lib/crossroot", e);
}
