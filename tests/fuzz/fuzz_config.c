// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "mech/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct config_key keys[] = {
	{ "target", false }, { "qemu", false }, { "binds", true }, { "env", true },
};

static int set(void *arg, const struct config_key *key, const char *value, struct err *e)
{
	(void)arg;
	if (!key || !value)
		abort();
	return strcmp(value, "bad") ? 0 : err_set(e, -ERR_CONFIG, "refused");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	int r = config_parse("F", (const char *)data, n, keys, ARRAY_SIZE(keys), set, NULL,
			     &e);

	/* every refusal says where */
	if (r == -ERR_CONFIG && strncmp(e.msg, "F:", 2))
		abort();
	return 0;
}
