// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/libexec.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"

/* @name beside this program, else what was @installed. */
static int find(const char *name, const char *installed, char **out, struct err *e)
{
	_cleanup_free_ char *dir = NULL, *path = NULL;
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		exe[n] = '\0';
		dir = path_dir(exe);
		path = path_join(dir, name);
		if (!access(path, X_OK)) {
			*out = TAKE_PTR(path);
			return 0;
		}
		free(path);
	}
	path = xstrdup(installed);
	if (access(path, X_OK) < 0) {
		err_set(e, -errno, "find crossroot's '%s'", path);
		return err_hint(e, "'make install' puts it there");
	}
	*out = TAKE_PTR(path);
	return 0;
}

int libexec_find(const char *name, char **out, struct err *e)
{
	_cleanup_free_ char *installed = path_join(LIBEXECDIR "/crossroot", name);

	return find(name, installed, out, e);
}

int libexec_data(char **out, struct err *e)
{
	return find("share", DATADIR "/crossroot", out, e);
}
