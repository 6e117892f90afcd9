// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/pristine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "os/fdio.h"

int pristine_mark(int dir_fd, const char *maker, struct err *e)
{
	return fdio_publish(dir_fd, maker, "", 0, 0600, e);
}

bool pristine_marked(int dir_fd, const char *maker)
{
	struct stat st;

	return !fstatat(dir_fd, maker, &st, AT_SYMLINK_NOFOLLOW);
}

/* What Portage and Python keep for themselves, and make again. */
static bool is_cache(const char *path)
{
	return !strcmp(path, "/var/cache/edb") || !strcmp(path_base(path), "__pycache__");
}

static bool younger(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static char *find_younger(int fd, const char *path, const struct timespec *mark);

/*
 * The path of what is younger than @mark at @name in the directory @dir, which is @path
 * of the root. What cannot be looked at is not known to be the same.
 */
static char *check(int dir, const char *name, const char *path,
		   const struct timespec *mark)
{
	struct stat st;
	int sub;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return xstrdup(path);
	if (!S_ISDIR(st.st_mode))
		return st.st_size && younger(&st.st_ctim, mark) ? xstrdup(path) : NULL;
	if (is_cache(path))
		return NULL;
	sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return sub < 0 ? xstrdup(path) : find_younger(sub, path, mark);
}

/* The same for what is in the directory @fd, which is closed. */
static char *find_younger(int fd, const char *path, const struct timespec *mark)
{
	_cleanup_closedir_ DIR *d = fdopendir(fd);
	struct dirent *de;
	char *found = NULL;

	if (!d) {
		close(fd);
		return xstrdup(path);
	}
	while (!found && (de = readdir(d))) {
		_cleanup_free_ char *full = path_join(path, de->d_name);

		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			found = check(dirfd(d), de->d_name, full, mark);
	}
	return found;
}

bool pristine_is(const struct root *root, const char *maker, char **changed)
{
	_cleanup_free_ char *found = NULL;
	struct stat st, conf;
	int fd;

	if (fstatat(root->dir_fd, maker, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!fstatat(root->dir_fd, "root.conf", &conf, AT_SYMLINK_NOFOLLOW) &&
	    younger(&conf.st_ctim, &st.st_ctim)) {
		if (changed)
			*changed = xstrdup("its root.conf");
		return false;
	}
	fd = openat(root->tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	found = fd < 0 ? xstrdup("/") : find_younger(fd, "/", &st.st_ctim);
	if (!found)
		return true;
	if (changed)
		*changed = TAKE_PTR(found);
	return false;
}
