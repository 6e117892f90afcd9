// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/pkgdb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "base/path.h"
#include "core/pkgdb_impl.h"
#include "os/beneath.h"

/*
 * Asked in this order; the first whose database is there answers. Gentoo packages
 * dpkg as a program among others, Debian does not package Portage's database.
 */
static const struct pkgdb_backend *const backends[] = { &pkgdb_vdb, &pkgdb_dpkg };

static void entry_free(struct pkg_entry *ent)
{
	free((char *)ent->pkg.name);
	free((char *)ent->pkg.version);
	free((char *)ent->pkg.arch);
	free((char *)ent->pkg.use);
}

void pkgdb_add(struct pkgdb *db, const struct pkg_entry *ent)
{
	xgrow(&db->v, &db->cap, db->n, sizeof(*db->v));
	db->v[db->n++] = *ent;
}

void pkgdb_drop(struct pkgdb *db, size_t i)
{
	entry_free(&db->v[i]);
	db->v[i] = db->v[--db->n];
}

void pkgdb_close(struct pkgdb *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->n; i++)
		entry_free(&db->v[i]);
	free(db->v);
	free(db->native);
	pathmap_free(db->files);
	if (db->rootfd >= 0)
		close(db->rootfd);
	free(db);
}

void pkgdb_closep(struct pkgdb **db)
{
	pkgdb_close(*db);
}

static bool is_native(const struct pkgdb *db, const struct pkg_entry *ent)
{
	return db->native && !strcmp(ent->pkg.arch, db->native);
}

static int by_name(const void *a, const void *b, void *arg)
{
	const struct pkg_entry *x = a, *y = b;
	int r = strcmp(x->pkg.name, y->pkg.name);

	if (!r)
		r = is_native(arg, y) - is_native(arg, x);
	if (!r)
		r = strcmp(x->pkg.arch, y->pkg.arch);
	return r ? r : strverscmp(y->pkg.version, x->pkg.version);
}

static int load(int rootfd, struct pkgdb *db, struct err *e)
{
	/* our own fd: the caller may close his before an owner is asked for */
	db->rootfd = openat(rootfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (db->rootfd < 0)
		return err_set(e, -errno, "open the root");
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		int r = backends[i]->load(db, e);

		if (r < 0 && r != -ENOENT)
			return r;
		if (r < 0 || !db->n)
			continue;
		db->backend = backends[i];
		qsort_r(db->v, db->n, sizeof(*db->v), by_name, db);
		return 0;
	}
	return err_set(e, -ERR_UNSUPPORTED,
		       "the root has no package database that is known");
}

int pkgdb_open(int rootfd, struct pkgdb **out, struct err *e)
{
	_cleanup_pkgdb_ struct pkgdb *db = xcalloc(1, sizeof(*db));
	int r = load(rootfd, db, e);

	*out = r ? NULL : TAKE_PTR(db);
	return r;
}

const struct pkg *pkgdb_find(const struct pkgdb *db, const char *name)
{
	size_t lo = 0, hi = db->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(db->v[mid].pkg.name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < db->n && !strcmp(db->v[lo].pkg.name, name) ? &db->v[lo].pkg : NULL;
}

/*
 * A merged /usr is a handful of directory symlinks, differently drawn by each
 * distribution (Gentoo's /sbin is usr/bin): take them as the root has them.
 */
static void find_aliases(int rootfd, const char *dir, struct pathmap *m)
{
	_cleanup_closedir_ DIR *d = NULL;
	int fd = beneath_open(rootfd, dir, O_RDONLY | O_DIRECTORY, 0);
	struct dirent *de;

	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	while ((de = readdir(d))) {
		_cleanup_free_ char *from = path_join(dir, de->d_name), *to = NULL;

		if (strncmp(de->d_name, "bin", 3) && strncmp(de->d_name, "sbin", 4) &&
		    strncmp(de->d_name, "lib", 3))
			continue;
		if (!beneath_realpath(rootfd, from, &to) && strcmp(from, to))
			pathmap_alias(m, from, to);
	}
}

const struct pkg *pkgdb_owner(struct pkgdb *db, const char *path)
{
	const char *diverter;
	size_t i;

	if (!db->files) {
		db->files = pathmap_new();
		find_aliases(db->rootfd, "/", db->files);
		find_aliases(db->rootfd, "/usr", db->files);
		db->backend->add_files(db, db->files);
	}
	i = pathmap_find(db->files, path);
	if (i != PATHMAP_NONE) {
		if (!db->v[i].detailed && db->backend->details)
			db->backend->details(db, i);
		db->v[i].detailed = true;
		return &db->v[i].pkg;
	}
	/* a maintainer script may have made what the diversion made room for */
	diverter = pathmap_diverted_by(db->files, path);
	return diverter ? pkgdb_find(db, diverter) : NULL;
}

uint64_t pkgdb_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

uint64_t pkgdb_mix_stat(uint64_t h, const struct stat *st)
{
	/* not the device: an overlay has a new one each time it is mounted */
	h = pkgdb_mix(h, (uint64_t)st->st_ino);
	h = pkgdb_mix(h, (uint64_t)st->st_size);
	h = pkgdb_mix(h, (uint64_t)st->st_mtim.tv_sec);
	h = pkgdb_mix(h, (uint64_t)st->st_mtim.tv_nsec);
	h = pkgdb_mix(h, (uint64_t)st->st_ctim.tv_sec);
	return pkgdb_mix(h, (uint64_t)st->st_ctim.tv_nsec);
}

int pkgdb_fingerprint(int rootfd, char out[PKGDB_FINGERPRINT], struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		int r = backends[i]->fingerprint(rootfd, out, e);

		if (r != -ENOENT)
			return r;
	}
	strcpy(out, "-");
	return 0;
}
