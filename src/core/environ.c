// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/environ.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static char **find(const struct strv *env, const char *kv)
{
	size_t n = (size_t)(strchrnul(kv, '=') - kv);

	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], kv, n) && env->v[i][n] == '=')
			return &env->v[i];
	return NULL;
}

void environ_set(struct strv *env, const char *kv)
{
	char **v = find(env, kv);

	if (!v) {
		strv_add(env, kv);
		return;
	}
	free(*v);
	*v = xstrdup(kv);
}

void environ_default(struct strv *env)
{
	/* what would steer a loader, compiler or interpreter by the host's paths */
	static const char *const dropped[] = {
		"LD_*",		 "SANDBOX_*",	  "CBUILD",	  "CTARGET",
		"TMPDIR",	 "GCC_*",	  "COMPILER_PATH", "LIBRARY_PATH",
		"CPATH",	 "C*_INCLUDE_PATH", "PYTHONHOME",  "PYTHONPATH",
		"PERL5LIB",	 "PKG_CONFIG_*",  "QEMU_LD_PREFIX", "XDG_*",
		"HOSTTYPE",	 "MACHTYPE",	  "PWD",	  "OLDPWD",
		"SUDO_*",	 "SHLVL",	  "_",		  "MAKEFLAGS",
		"MAKELEVEL",	 "MFLAGS",
		/* who that is the root's passwd says */
		"HOME",		 "USER",	  "LOGNAME",	  "SHELL",
	};

	for (char **v = environ; *v; v++) {
		_cleanup_free_ char *key = xstrndup(*v, strcspn(*v, "="));
		bool drop = false;

		for (size_t i = 0; i < ARRAY_SIZE(dropped) && !drop; i++)
			drop = !fnmatch(dropped[i], key, 0);
		if (!drop)
			strv_add(env, *v);
	}
	environ_put(env, "PATH",
		    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

void environ_put(struct strv *env, const char *key, const char *value)
{
	_cleanup_free_ char *kv = xasprintf("%s=%s", key, value);

	environ_set(env, kv);
}

void environ_offer(struct strv *env, const char *key, const char *value)
{
	if (!find(env, key))
		environ_put(env, key, value);
}
