// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/macro.h"
#include "core/pkgdb_impl.h"
#include "os/beneath.h"

#define DIR_DPKG "/var/lib/dpkg"
#define FILE_STATUS DIR_DPKG "/status"
#define FILE_ARCH DIR_DPKG "/arch"
#define FILE_DIVERSIONS DIR_DPKG "/diversions"
#define DIR_UPDATES DIR_DPKG "/updates"
#define DIR_INFO DIR_DPKG "/info"

/* far above what any system has; a root's files are not to be trusted */
#define STATUS_LIMIT (256u << 20)
#define LIST_LIMIT (64u << 20)

static bool span_is(struct span a, const char *s)
{
	return a.n == strlen(s) && !strncasecmp(a.s, s, a.n);
}

static struct span trim(const char *s, size_t n)
{
	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return (struct span){ s, n };
}

/* Letters and digits first, then also what is in @more. */
static bool is_word(struct span w, const char *more)
{
	for (size_t i = 0; i < w.n; i++)
		if (!isalnum((unsigned char)w.s[i]) &&
		    (!i || !w.s[i] || !strchr(more, w.s[i])))
			return false;
	return w.n;
}

/* "install ok installed": what is wanted, how sure it is, how far it is. */
static const char *parse_state(struct span v, bool *present)
{
	static const struct {
		const char *name;
		bool present;
	} states[] = {
		{ "not-installed", false },   { "config-files", false },
		{ "half-installed", false },  { "unpacked", true },
		{ "half-configured", true },  { "triggers-awaited", true },
		{ "triggers-pending", true }, { "installed", true },
	};
	size_t last = v.n;
	int words = v.n > 0;

	for (size_t i = 1; i < v.n; i++)
		if (isspace((unsigned char)v.s[i - 1]) &&
		    !isspace((unsigned char)v.s[i])) {
			words++;
			last = i;
		}
	if (words != 3)
		return "a Status that is not three words";
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (span_is((struct span){ v.s + last, v.n - last }, states[i].name)) {
			*present = states[i].present;
			return NULL;
		}
	return "an unknown Status";
}

/* A paragraph being read. */
struct reading {
	struct dpkg_stanza st;
	bool any, has_state;
};

static const char *set_once(struct span *where, struct span v)
{
	if (where->s)
		return "a field that was there before";
	*where = v;
	return NULL;
}

static const char *parse_field(struct reading *rd, struct span key, struct span v)
{
	const char *bad = NULL;

	if (span_is(key, "Package")) {
		bad = set_once(&rd->st.name, v);
		if (!bad && !is_word(v, "+-._"))
			bad = "a Package that is no package name";
	} else if (span_is(key, "Architecture")) {
		bad = set_once(&rd->st.arch, v);
		if (!bad && !is_word(v, "-"))
			bad = "an Architecture that is none";
	} else if (span_is(key, "Version")) {
		bad = set_once(&rd->st.version, v);
		if (!bad && !is_word(v, "+-.~:"))
			bad = "a Version that is none";
	} else if (span_is(key, "Status")) {
		if (rd->has_state)
			return "a field that was there before";
		rd->has_state = true;
		bad = parse_state(v, &rd->st.present);
	} else if (span_is(key, "Multi-Arch")) {
		rd->st.same = span_is(v, "same");
	}
	return bad;
}

static const char *parse_line(struct reading *rd, const char *s, size_t n)
{
	const char *colon;
	struct span key;

	if (memchr(s, '\0', n))
		return "a NUL byte";
	if (isspace((unsigned char)*s))
		return rd->any ? NULL : "a continuation of nothing";
	colon = memchr(s, ':', n);
	if (!colon)
		return "no 'Field: value' line";
	key = trim(s, (size_t)(colon - s));
	if (!is_word(key, "-_"))
		return "no 'Field: value' line";
	rd->any = true;
	return parse_field(rd, key, trim(colon + 1, n - (size_t)(colon + 1 - s)));
}

static const char *finish(struct reading *rd, dpkg_stanza_fn fn, void *arg)
{
	struct reading done = *rd;

	*rd = (struct reading){ 0 };
	if (!done.any)
		return NULL;
	if (!done.st.name.s)
		return "a paragraph without Package before this line";
	if (done.st.present && (!done.st.version.s || !done.st.arch.s))
		return "an installed package without Version or Architecture "
		       "before this line";
	fn(arg, &done.st);
	return NULL;
}

int dpkg_parse_status(const char *file, const char *text, size_t n, dpkg_stanza_fn fn,
		      void *arg, struct err *e)
{
	struct reading rd = { 0 };
	const char *bad = NULL;
	size_t lineno = 0;

	for (size_t at = 0; !bad && at < n;) {
		const char *s = text + at, *nl = memchr(s, '\n', n - at);
		size_t len = nl ? (size_t)(nl - s) : n - at;

		lineno++;
		at += len + 1;
		bad = trim(s, len).n ? parse_line(&rd, s, len) : finish(&rd, fn, arg);
	}
	if (!bad)
		bad = finish(&rd, fn, arg);
	if (bad)
		return err_set(e, -ERR_FORMAT, "%s:%zu: %s", file, lineno, bad);
	return 0;
}

static struct pkg_entry entry_of(const struct dpkg_stanza *st)
{
	return (struct pkg_entry){
		.pkg.name = xstrndup(st->name.s, st->name.n),
		.pkg.version = xstrndup(st->version.s, st->version.n),
		.pkg.arch = xstrndup(st->arch.s, st->arch.n),
		.same = st->same,
	};
}

static void add_stanza(void *arg, const struct dpkg_stanza *st)
{
	struct pkg_entry ent;

	if (!st->present)
		return;
	ent = entry_of(st);
	pkgdb_add(arg, &ent);
}

/* A newer paragraph of a package that may be in the database already. */
static void update_stanza(void *arg, const struct dpkg_stanza *st)
{
	struct pkgdb *db = arg;

	for (size_t i = db->n; i-- > 0;) {
		const struct pkg_entry *old = &db->v[i];
		bool arch = st->arch.s && strlen(old->pkg.arch) == st->arch.n &&
			    !memcmp(old->pkg.arch, st->arch.s, st->arch.n);

		if (strlen(old->pkg.name) == st->name.n &&
		    !memcmp(old->pkg.name, st->name.s, st->name.n) &&
		    (arch || !old->same || !st->same))
			pkgdb_drop(db, i);
	}
	add_stanza(db, st);
}

/*
 * dpkg writes what it did to updates/0001, 0002, … and merges them into status
 * from time to time; one that was killed leaves them there.
 */
static int load_updates(struct pkgdb *db, struct err *e)
{
	_cleanup_closedir_ DIR *d = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	int fd = beneath_open(db->rootfd, DIR_UPDATES, O_RDONLY | O_DIRECTORY, 0);
	struct dirent *de;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, fd, "open '" DIR_UPDATES "'");
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_set(e, -ENOMEM, "read '" DIR_UPDATES "'");
	}
	while ((de = readdir(d)))
		if (!de->d_name[strspn(de->d_name, "0123456789")])
			strv_add(&names, de->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = xasprintf(DIR_UPDATES "/%s", names.v[i]);
		_cleanup_free_ char *text = NULL;
		struct stat st;
		size_t n;
		int r;

		/* a dpkg that runs meanwhile took it into its database */
		if (beneath_stat(db->rootfd, path, &st) == -ENOENT)
			continue;
		r = beneath_read(db->rootfd, path, STATUS_LIMIT, &text, &n, e);
		if (!r)
			r = dpkg_parse_status(path, text, n, update_stanza, db, e);
		if (r)
			return r;
	}
	return 0;
}

/*
 * dpkg's own architecture is compiled into it. It is the first of the list it
 * keeps once there is another one, and that of the package it came in.
 */
static int find_native(struct pkgdb *db, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	const char *arch = NULL;
	struct stat st;
	int r = 0;

	if (beneath_stat(db->rootfd, FILE_ARCH, &st) != -ENOENT)
		r = beneath_read(db->rootfd, FILE_ARCH, LIST_LIMIT, &text, NULL, e);
	if (r)
		return r;
	if (text && *text && *text != '\n') {
		db->native = xstrndup(text, strcspn(text, "\n"));
		return 0;
	}
	for (size_t i = 0; i < db->n; i++) {
		const struct pkg *p = &db->v[i].pkg;

		if (!strcmp(p->arch, "all"))
			continue;
		if (!arch || !strcmp(p->name, "dpkg"))
			arch = p->arch;
	}
	if (arch)
		db->native = xstrdup(arch);
	return 0;
}

static int dpkg_load(struct pkgdb *db, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n;
	int r = beneath_stat(db->rootfd, FILE_STATUS, &st);

	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	r = beneath_read(db->rootfd, FILE_STATUS, STATUS_LIMIT, &text, &n, e);
	if (!r)
		r = dpkg_parse_status(FILE_STATUS, text, n, add_stanza, db, e);
	if (!r)
		r = load_updates(db, e);
	if (!r)
		r = find_native(db, e);
	return r;
}

/* Three lines each: the path, where it is diverted to, by which package. */
static void add_diversions(struct pkgdb *db, struct pathmap *m)
{
	_cleanup_free_ char *text = NULL;
	struct err e = { 0 };
	char *line[3], *next;
	int r = beneath_read(db->rootfd, FILE_DIVERSIONS, LIST_LIMIT, &text, NULL, &e);

	if (r && r != -ENOENT)
		log_warn("%s; diversions are not known", e.msg);
	next = r ? NULL : text;
	while (next) {
		for (int i = 0; i < 3; i++)
			line[i] = strsep(&next, "\n");
		if (!line[2])
			break;
		/* ":" is the administrator, not a package */
		pathmap_divert(m, line[0], line[1], strcmp(line[2], ":") ? line[2] : "");
	}
}

static void add_list(struct pkgdb *db, struct pathmap *m, size_t i)
{
	const struct pkg_entry *ent = &db->v[i];
	bool preferred = db->native && !strcmp(ent->pkg.arch, db->native);
	char *text = NULL;
	struct err e = { 0 };
	size_t n;
	int r = -ENOENT;

	/* which of the two names it has changed with the package's Multi-Arch */
	for (int with = 0; with < 2 && r == -ENOENT; with++) {
		bool arch = ent->same != (bool)with;
		_cleanup_free_ char *path =
			xasprintf(DIR_INFO "/%s%s%s.list", ent->pkg.name, arch ? ":" : "",
				  arch ? ent->pkg.arch : "");

		r = beneath_read(db->rootfd, path, LIST_LIMIT, &text, &n, &e);
	}
	if (!r && text)
		pathmap_add_lines(m, text, n, i, ent->pkg.name, preferred);
	else if (r)
		log_warn("%s; the files of package %s are not known", e.msg,
			 ent->pkg.name);
}

static void dpkg_add_files(struct pkgdb *db, struct pathmap *m)
{
	add_diversions(db, m);
	for (size_t i = 0; i < db->n; i++)
		add_list(db, m, i);
}

static int dpkg_fingerprint(int rootfd, char out[PKGDB_FINGERPRINT], struct err *e)
{
	/* the first is the database; each of the others may be missing */
	static const char *const files[] = { FILE_STATUS, FILE_DIVERSIONS, FILE_ARCH,
					     DIR_UPDATES, DIR_INFO };
	uint64_t h = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct stat st;
		int r = beneath_stat(rootfd, files[i], &st);

		if ((r == -ENOENT || r == -ENOTDIR) && !i)
			return -ENOENT;
		if (r && r != -ENOENT)
			return err_set(e, r, "stat '%s'", files[i]);
		if (!i && !st.st_size)
			return -ENOENT;
		h = pkgdb_mix(h, i + 1);
		if (!r)
			h = pkgdb_mix_stat(h, &st);
	}
	snprintf(out, PKGDB_FINGERPRINT, "dpkg-%016" PRIx64, h);
	return 0;
}

const struct pkgdb_backend pkgdb_dpkg = {
	.load = dpkg_load,
	.add_files = dpkg_add_files,
	.fingerprint = dpkg_fingerprint,
};
