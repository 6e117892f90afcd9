// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/libexec.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"

/* @name below the directory of this program, else below @installed. */
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
	path = path_join(installed, path_base(name));
	if (access(path, X_OK) < 0) {
		err_set(e, -errno, "find crossroot's '%s'", path);
		return err_hint(e, "'make install' puts it there");
	}
	*out = TAKE_PTR(path);
	return 0;
}

int libexec_find(const char *name, char **out, struct err *e)
{
	return find(name, LIBEXECDIR "/crossroot", out, e);
}

int libexec_data(const char *name, char **out, struct err *e)
{
	_cleanup_free_ char *built = path_join("share", name);

	return find(built, DATADIR "/crossroot", out, e);
}
