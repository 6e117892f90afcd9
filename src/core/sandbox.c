// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sandbox.h"

#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "core/environ.h"
#include "os/beneath.h"

#define PROGRAM "/usr/bin/sandbox"

static bool is_swapped(const struct plan *p)
{
	for (size_t i = 0; i < p->swaps.n; i++)
		if (!strcmp(p->swaps.v[i].path, PROGRAM))
			return !p->swaps.v[i].reason;
	return false;
}

void sandbox_closure(const struct plan *p, struct closure *closure)
{
	if (is_swapped(p))
		closure_add_named(closure, "libsandbox.so");
}

void sandbox_adapt(const struct root *root, const struct plan *p, struct strv *env)
{
	_cleanup_free_ char *features = NULL;
	const char *old = "";
	struct stat st;

	if (beneath_stat(root->tree_fd, PROGRAM, &st) < 0 || is_swapped(p))
		return;
	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], "FEATURES=", 9))
			old = env->v[i] + 9;
	/* who asks for it by name gets it, and what it says */
	if (strstr(old, "sandbox"))
		return;
	features = xasprintf("%s -sandbox -usersandbox", old);
	environ_put(env, "FEATURES", features);
}
