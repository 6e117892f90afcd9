// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/natives.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/origin.h"
#include "core/root.h"
#include "core/settings.h"
#include "core/stage_check.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"

#define LOCK ".lock-"
#define CREATING ".creating-"

static int open_dir(const char *state, char **path, struct err *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	*path = path_join(state, "natives");
	r = fdio_mkdirs(AT_FDCWD, *path, 0700, e);
	if (r < 0)
		return r;
	fd = open(*path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* set-uid programs in there are for runs alone */
	if (fd < 0 || fchmod(fd, 0700) < 0)
		return err_set(e, -errno, "open directory '%s'", *path);
	return TAKE_FD(fd);
}

/* STAGE of STAGE.tar.xz; one that nobody signed for is another. */
static char *native_name(const struct stage *s)
{
	return xasprintf("%s-%s%s", s->variant, s->file.date, *s->key ? "" : "-unverified");
}

static int unpack(const struct stage *stage, const struct stage_id *id, const char *tuple,
		  const struct archive_progress *progress, int dir, struct err *e)
{
	const struct origin origin = { .stage = (char *)stage->file.name,
				       .variant = (char *)stage->variant,
				       .date = (char *)stage->file.date,
				       .url = stage->url,
				       .key = *stage->key ? (char *)stage->key : NULL,
				       .verified = *stage->key };
	_cleanup_close_ int tree = -1;
	int r;

	if (mkdirat(dir, "tree", 0755) < 0)
		return err_set(e, -errno, "unpack the native root");
	tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0 || fchmod(tree, 0755) < 0)
		return err_set(e, -errno, "unpack the native root");
	r = archive_unpack(stage->fd, stage->path, tree, progress, e);
	if (!r)
		r = stage_check(tree, tuple, id, e);
	if (!r)
		r = origin_write(&origin, dir, e);
	if (!r && syncfs(tree) < 0)
		r = err_set(e, -errno, "write the native root to disk");
	return r;
}

static int make(int natives, const char *name, const struct stage *stage,
		const struct stage_id *id, const char *tuple,
		const struct archive_progress *progress, struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf(CREATING "%s", name);
	_cleanup_close_ int dir = -1;
	int r = beneath_rmtree(natives, tmp, e);

	if (r < 0)
		return r;
	if (mkdirat(natives, tmp, 0700) < 0)
		return err_set(e, -errno, "make the native root '%s'", name);
	dir = openat(natives, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dir < 0 ? err_set(e, -errno, "make the native root '%s'", name) :
		      unpack(stage, id, tuple, progress, dir, e);
	if (!r && renameat(natives, tmp, natives, name) < 0)
		r = err_set(e, -errno, "make the native root '%s'", name);
	if (r < 0) {
		beneath_rmtree(natives, tmp, NULL);
		return err_wrap(e, "native root '%s'", name);
	}
	return 0;
}

static bool is_there(int natives, const char *name)
{
	struct stat st;

	return !fstatat(natives, name, &st, AT_SYMLINK_NOFOLLOW);
}

int natives_get(const char *state, const struct stage *stage, const struct stage_id *id,
		const char *tuple, const struct archive_progress *progress, char **path,
		struct err *e)
{
	_cleanup_free_ char *dir = NULL, *name = native_name(stage);
	_cleanup_free_ char *lock_name = xasprintf(LOCK "%s", name);
	_cleanup_close_ int natives = open_dir(state, &dir, e), lock = -1;
	int r = natives < 0 ? natives : 0;

	/* shared once it is there: it is used for as long as a root is unpacked */
	while (!r) {
		lock = lock_take(natives, lock_name, LOCK_SHARED, true, e);
		if (lock < 0)
			return lock;
		if (is_there(natives, name)) {
			*path = xasprintf("%s/%s/tree", dir, name);
			return TAKE_FD(lock);
		}
		close(TAKE_FD(lock));
		lock = lock_take(natives, lock_name, LOCK_EXCLUSIVE, true, e);
		if (lock < 0)
			return lock;
		if (!is_there(natives, name))
			r = make(natives, name, stage, id, tuple, progress, e);
		close(TAKE_FD(lock));
	}
	return r;
}

/* Whether the file @path below @dirfd names @tree as its native root. */
static int names_it(int dirfd, const char *path, const char *tree, struct err *e)
{
	_cleanup_free_ char *real = NULL;
	struct settings s;
	int r;

	settings_init(&s);
	r = settings_read(&s, dirfd, path, e);
	if (r == -ENOENT) {
		*e = (struct err){ 0 };
		r = 0;
	} else if (!r) {
		real = realpath(s.native_root, NULL);
		r = !strcmp(s.native_root, tree) || (real && !strcmp(real, tree));
	}
	settings_free(&s);
	return r;
}

/* Whether a root, or one of the machine's @files, is run with @tree. */
static int is_used(const char *state, const char *const *files, const char *tree,
		   struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct registry reg;
	int r = 0;

	for (; !r && *files; files++)
		r = names_it(AT_FDCWD, *files, tree, e);
	if (r)
		return r;
	r = registry_open(&reg, state, e);
	if (r < 0)
		return r;
	r = root_list(&reg, &names, e);
	for (size_t i = 0; !r && i < names.n; i++) {
		_cleanup_free_ char *file = xasprintf("%s/root.conf", names.v[i]);

		r = names_it(reg.roots_fd, file, tree, e);
	}
	registry_close(&reg);
	return r;
}

/* Delete @name, whose lock @lock_name is held. */
static int delete(int natives, const char *dir, const char *name, const char *doomed,
		  struct err *e)
{
	int r = 0;

	/* half a native root must not have its name */
	if (strcmp(name, doomed)) {
		r = beneath_rmtree(natives, doomed, e);
		if (!r && renameat(natives, name, natives, doomed) < 0)
			r = err_set(e, -errno, "remove '%s/%s'", dir, name);
	}
	return r < 0 ? r : beneath_rmtree(natives, doomed, e);
}

static int prune_one(int natives, const char *state, const char *dir, const char *name,
		     const char *const *files, struct strv *removed, struct err *e)
{
	const char *own = strncmp(name, CREATING, strlen(CREATING)) ?
				  name : name + strlen(CREATING);
	_cleanup_free_ char *tree = xasprintf("%s/%s/tree", dir, name);
	_cleanup_free_ char *lock_name = xasprintf(LOCK "%s", own);
	_cleanup_free_ char *doomed = xasprintf(CREATING "%s", own);
	_cleanup_close_ int lock = -1;
	int r;

	lock = lock_take(natives, lock_name, LOCK_EXCLUSIVE, false, e);
	if (lock == -EWOULDBLOCK)
		return 0;
	if (lock < 0)
		return lock;
	/* asked with the lock held: who lets go of it has its settings written by then */
	r = is_used(state, files, tree, e);
	if (r)
		return r < 0 ? r : 0;
	r = delete(natives, dir, name, doomed, e);
	if (r < 0)
		return r;
	unlinkat(natives, lock_name, 0);
	strv_add(removed, own);
	return 0;
}

int natives_prune(const char *state, const char *const *files, struct strv *removed,
		  struct err *e)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_close_ int natives = open_dir(state, &dir, e);
	int r = natives < 0 ? natives : beneath_list(natives, "/", &names);

	if (natives >= 0 && r < 0)
		err_set(e, r, "read '%s'", dir);
	for (size_t i = 0; !r && i < names.n; i++)
		if (strncmp(names.v[i], LOCK, strlen(LOCK)))
			r = prune_one(natives, state, dir, names.v[i], files, removed, e);
	return r;
}
