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

/* Directories whose files are nobody's work. */
static bool is_skipped(const char *path)
{
	static const char *const skipped[] = { "/tmp", "/run", "/var/tmp", "/dev", "/proc",
					       "/sys", "/var/cache/edb" };
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < ARRAY_SIZE(skipped); i++)
		if (!strcmp(path, skipped[i]))
			return true;
	return !strcmp(slash + 1, "__pycache__");
}

static bool younger(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The path of a file below @fd, which is @path of the root, younger than @mark. */
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
		_cleanup_free_ char *full = NULL;
		struct stat st;
		int sub;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		full = path_join(path, de->d_name);
		/* what cannot be looked at is not known to be the same */
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return TAKE_PTR(full);
		if (!S_ISDIR(st.st_mode)) {
			if (st.st_size && younger(&st.st_ctim, mark))
				found = TAKE_PTR(full);
			continue;
		}
		if (is_skipped(full))
			continue;
		sub = openat(dirfd(d), de->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			return TAKE_PTR(full);
		found = find_younger(sub, full, mark);
	}
	return found;
}

bool pristine_is(const struct root *root, const char *maker, char **changed)
{
	_cleanup_free_ char *found = NULL;
	struct stat st;
	int fd;

	if (fstatat(root->dir_fd, maker, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	fd = openat(root->tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	found = fd < 0 ? xstrdup("/") : find_younger(fd, "/", &st.st_ctim);
	if (!found)
		return true;
	if (changed)
		*changed = TAKE_PTR(found);
	return false;
}
