// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/stage_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"

#define LOCK ".lock-"
#define SEEN ".seen-"

/* What may be there beside a stage. */
static const char *const beside[] = { "", ".part", ".DIGESTS", ".DIGESTS.asc", ".asc" };

/*
 * Whether only we and root may replace what is at @path, a real path: whoever may rename
 * a directory on the way to it may put another in its place. -ERR_STATE when not.
 */
static int check_way(const char *path, struct err *e)
{
	_cleanup_free_ char *dir = xstrdup(path);

	for (;;) {
		_cleanup_free_ char *at = TAKE_PTR(dir);
		struct stat st;
		bool sticky;

		if (lstat(at, &st) < 0)
			return err_set(e, -errno, "look at '%s'", at);
		/* that lets others make files, but not replace ours */
		sticky = (st.st_mode & S_ISVTX) && strcmp(at, path);
		if ((st.st_uid && st.st_uid != geteuid()) ||
		    ((st.st_mode & 022) && !sticky)) {
			err_set(e, -ERR_STATE, "others may write to '%s'", at);
			err_wrap(e, "the cache of stages '%s'", path);
			return err_hint(e, "chown it to root and chmod it go-w, "
					   "or name another with 'stage_cache'");
		}
		if (!strcmp(at, "/"))
			return 0;
		dir = path_dir(at);
	}
}

int stage_cache_open(struct stage_cache *c, const char *path, struct err *e)
{
	int r = fdio_mkdirs(AT_FDCWD, path, 0755, e);

	*c = (struct stage_cache){ .fd = -1 };
	if (r < 0)
		return err_wrap(e, "open the cache of stages");
	c->path = realpath(path, NULL);
	r = c->path ? check_way(c->path, e) :
		      err_set(e, -errno, "open the cache of stages '%s'", path);
	/* by the path that was looked at: files in it are named by that too */
	if (!r)
		c->fd = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!r && c->fd < 0)
		r = err_set(e, -errno, "open the cache of stages '%s'", c->path);
	if (r < 0)
		stage_cache_close(c);
	return r;
}

void stage_cache_close(struct stage_cache *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	*c = (struct stage_cache){ .fd = -1 };
}

int stage_cache_lock(const struct stage_cache *c, const char *name, bool wait,
		     struct err *e)
{
	_cleanup_free_ char *lock = xasprintf(LOCK "%s", name);

	return lock_take(c->fd, lock, LOCK_EXCLUSIVE, wait, e);
}

int stage_cache_seen(const struct stage_cache *c, const char *variant,
		     char date[MIRROR_DATE_SIZE], struct err *e)
{
	_cleanup_free_ char *name = xasprintf(SEEN "%s", variant), *text = NULL;
	int r = fdio_read_file(c->fd, name, 4096, &text, NULL, e);

	*date = '\0';
	if (r == -ENOENT) {
		*e = (struct err){ 0 };
		return 0;
	}
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (!mirror_date_ok(text))
		return err_set(e, -ERR_FORMAT, "'%s/%s' is damaged", c->path, name);
	memcpy(date, text, MIRROR_DATE_SIZE);
	return 0;
}

int stage_cache_see(const struct stage_cache *c, const char *variant, const char *date,
		    struct err *e)
{
	_cleanup_free_ char *name = xasprintf(SEEN "%s", variant);
	_cleanup_free_ char *text = xasprintf("%s\n", date);

	return fdio_publish(c->fd, name, text, strlen(text), 0644, e);
}

void stage_cache_remove(const struct stage_cache *c, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		_cleanup_free_ char *file = xasprintf("%s%s", name, beside[i]);

		unlinkat(c->fd, file, 0);
	}
}

static int list_all(const struct stage_cache *c, struct strv *names, struct err *e)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;
	int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_set(e, -errno, "read '%s'", c->path);
	while ((de = readdir(d)))
		strv_add(names, de->d_name);
	strv_sort(names);
	return 0;
}

static bool is_stage(const char *name)
{
	char variant[STAGE_VARIANT_SIZE], date[MIRROR_DATE_SIZE];

	return !mirror_split(name, variant, date, NULL);
}

int stage_cache_list(const struct stage_cache *c, struct strv *names, struct err *e)
{
	_cleanup_strv_ struct strv all = { 0 };
	int r = list_all(c, &all, e);

	for (size_t i = 0; !r && i < all.n; i++)
		if (is_stage(all.v[i]))
			strv_add(names, all.v[i]);
	return r;
}

/* The stage that the file @name belongs to; NULL where it is none of a stage's. */
static char *stage_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		size_t n = strlen(name), k = strlen(beside[i]);
		_cleanup_free_ char *stage = NULL;

		if (n <= k || strcmp(name + n - k, beside[i]))
			continue;
		stage = xstrndup(name, n - k);
		if (is_stage(stage))
			return TAKE_PTR(stage);
	}
	return NULL;
}

/* Whether more than @keep of the stages in @names are of @name's variant and newer. */
static bool is_old(const char *name, const struct strv *names, unsigned keep)
{
	char variant[STAGE_VARIANT_SIZE], date[MIRROR_DATE_SIZE];
	char other[STAGE_VARIANT_SIZE], of[MIRROR_DATE_SIZE];
	unsigned newer = 0;

	mirror_split(name, variant, date, NULL);
	for (size_t i = 0; i < names->n; i++)
		if (!mirror_split(names->v[i], other, of, NULL) &&
		    !strcmp(variant, other) && strcmp(of, date) > 0)
			newer++;
	return newer >= keep;
}

static void prune_one(const struct stage_cache *c, const char *file,
		      const struct strv *all, unsigned keep, struct strv *removed)
{
	_cleanup_free_ char *stage = stage_of(file);
	_cleanup_close_ int lock = -1;

	if (!stage)
		return;
	/* of a stage that is kept what proves it stays; a part of it is of no use */
	if (strv_has(all, stage) && !is_old(stage, all, keep) &&
	    strcmp(file + strlen(file) - strlen(".part"), ".part"))
		return;
	lock = stage_cache_lock(c, stage, false, NULL);
	if (lock < 0)
		return;
	if (!strcmp(file, stage))
		stage_cache_remove(c, stage);
	else
		unlinkat(c->fd, file, 0);
	strv_add(removed, file);
}

/* A lock that nobody holds, and what a killed gpgv had. */
static void prune_leftover(const struct stage_cache *c, const char *file)
{
	struct stat st;

	if (!strncmp(file, LOCK, strlen(LOCK))) {
		_cleanup_close_ int lock =
			stage_cache_lock(c, file + strlen(LOCK), false, NULL);

		if (lock >= 0)
			unlinkat(c->fd, file, 0);
	} else if (!strncmp(file, ".gpgv-", 6) &&
		   !fstatat(c->fd, file, &st, AT_SYMLINK_NOFOLLOW) &&
		   time(NULL) - st.st_mtime > 3600) {
		beneath_rmtree(c->fd, file, NULL);
	}
}

int stage_cache_prune(const struct stage_cache *c, unsigned keep, struct strv *removed,
		      struct err *e)
{
	_cleanup_strv_ struct strv all = { 0 };
	int r = list_all(c, &all, e);

	for (size_t i = 0; !r && i < all.n; i++)
		prune_one(c, all.v[i], &all, keep, removed);
	for (size_t i = 0; !r && i < all.n; i++)
		prune_leftover(c, all.v[i]);
	return r;
}
