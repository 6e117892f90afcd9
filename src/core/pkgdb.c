// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/pkgdb.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "core/dpkg.h"
#include "os/beneath.h"

#define STATUS "/var/lib/dpkg/status"
#define INFO "/var/lib/dpkg/info"
#define DIVERSIONS "/var/lib/dpkg/diversions"
#define STATUS_LIMIT (256 << 20)
#define LIST_LIMIT (64 << 20)

struct entry {
	const char *path; /* without a leading /usr */
	const struct pkg *pkg;
};

struct pkgdb {
	int rootfd;
	struct pkg *pkgs;
	size_t npkgs, cap_pkgs;
	struct strv strings; /* what the pkgs point to */
	struct strv lists;   /* texts of the .list files, which the index points to */
	struct entry *index; /* sorted by path, made when it is first asked for */
	size_t nindex, cap_index;
	bool indexed;
	struct strv diverted; /* path, owner's name, path, ... */
};

/* A merged root says /usr/bin/x where a package's list may say /bin/x. */
static const char *without_usr(const char *path)
{
	return strncmp(path, "/usr/", 5) ? path : path + 4;
}

static const char *keep(struct pkgdb *db, const char *s, size_t n)
{
	strv_take(&db->strings, xstrndup(s, n));
	return db->strings.v[db->strings.n - 1];
}

static bool is_there(const struct dpkg_stanza *s)
{
	static const char *const states[] = { " installed", " unpacked", " half-configured",
					      " triggers-pending", " triggers-awaited" };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		size_t n = strlen(states[i]);

		if (s->status_len > n &&
		    !memcmp(s->status + s->status_len - n, states[i], n))
			return true;
	}
	return false;
}

static void read_status(struct pkgdb *db, const char *text, size_t n)
{
	const char *end = text + n;
	struct dpkg_stanza s;

	while ((text = dpkg_next(text, end, &s))) {
		if (!s.name_len || !s.version_len || !is_there(&s))
			continue;
		xgrow(&db->pkgs, &db->cap_pkgs, db->npkgs, sizeof(*db->pkgs));
		db->pkgs[db->npkgs++] = (struct pkg){
			.name = keep(db, s.name, s.name_len),
			.version = keep(db, s.version, s.version_len),
			.arch = keep(db, s.arch, s.arch_len),
		};
	}
}

int pkgdb_open(int rootfd, struct pkgdb **out, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct pkgdb *db;
	size_t n;
	int r = beneath_read(rootfd, STATUS, STATUS_LIMIT, &text, &n, e);

	if (r == -ENOENT)
		return err_set(e, -ERR_UNSUPPORTED, "the root has no package database");
	if (r < 0)
		return r;
	db = xcalloc(1, sizeof(*db));
	db->rootfd = rootfd;
	read_status(db, text, n);
	*out = db;
	return 0;
}

void pkgdb_close(struct pkgdb *db)
{
	free(db->pkgs);
	free(db->index);
	strv_free(&db->strings);
	strv_free(&db->lists);
	strv_free(&db->diverted);
	free(db);
}

static void add_list(struct pkgdb *db, const struct pkg *pkg)
{
	_cleanup_free_ char *plain = xasprintf(INFO "/%s.list", pkg->name);
	_cleanup_free_ char *multi = xasprintf(INFO "/%s:%s.list", pkg->name, pkg->arch);
	char *text, *line, *next;

	if (beneath_read(db->rootfd, multi, LIST_LIMIT, &text, NULL, NULL) < 0 &&
	    beneath_read(db->rootfd, plain, LIST_LIMIT, &text, NULL, NULL) < 0)
		return;
	strv_take(&db->lists, text);
	for (line = text; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		xgrow(&db->index, &db->cap_index, db->nindex, sizeof(*db->index));
		db->index[db->nindex++] = (struct entry){ without_usr(line), pkg };
	}
}

/* Three lines each: the path, where it is diverted to, and for whom (":": the admin). */
static void read_diversions(struct pkgdb *db)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = { 0 };

	if (beneath_read(db->rootfd, DIVERSIONS, LIST_LIMIT, &text, NULL, NULL) < 0)
		return;
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i + 2 < lines.n; i += 3) {
		strv_add(&db->diverted, without_usr(lines.v[i]));
		strv_add(&db->diverted, lines.v[i + 2]);
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static bool owns(const struct pkgdb *db, const struct entry *ent)
{
	for (size_t i = 0; i + 1 < db->diverted.n; i += 2)
		if (!strcmp(db->diverted.v[i], ent->path))
			return !strcmp(db->diverted.v[i + 1], ent->pkg->name);
	return true;
}

const struct pkg *pkgdb_owner(struct pkgdb *db, const char *path)
{
	struct entry key = { .path = without_usr(path) };
	struct entry *hit;

	if (!db->indexed) {
		for (size_t i = 0; i < db->npkgs; i++)
			add_list(db, &db->pkgs[i]);
		if (db->nindex)
			qsort(db->index, db->nindex, sizeof(key), by_path);
		read_diversions(db);
		db->indexed = true;
	}
	hit = db->nindex ? bsearch(&key, db->index, db->nindex, sizeof(key), by_path) : NULL;
	if (!hit)
		return NULL;
	while (hit > db->index && !by_path(hit - 1, &key))
		hit--;
	for (; hit < db->index + db->nindex && !by_path(hit, &key); hit++)
		if (owns(db, hit))
			return hit->pkg;
	return NULL;
}

int pkgdb_fingerprint(int rootfd, char out[64], struct err *e)
{
	struct stat st;
	int r = beneath_stat(rootfd, STATUS, &st);

	if (r == -ENOENT) {
		strcpy(out, "-");
		return 0;
	}
	if (r < 0)
		return err_set(e, r, "read '" STATUS "' of a root");
	snprintf(out, 64, "%jx.%jx.%jx.%lx", (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
		 (uintmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return 0;
}
