// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gentoo's database of installed packages: a directory CATEGORY/PF for each, a
 * file for each fact. Portage makes one as CATEGORY/-MERGING-PF and renames it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
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

#define DIR_VDB "/var/db/pkg"

/* far above what any package has; a root's files are not to be trusted */
#define CONTENTS_LIMIT (64u << 20)
#define WORDS_LIMIT (1u << 20)

static const char *skip_digits(const char *s)
{
	return s + strspn(s, "0123456789");
}

/* Whether all of @s is a version: 1.2.3a_beta4_p5-r6. */
static bool is_version(const char *s, const char *end)
{
	static const char *const suffixes[] = { "_alpha", "_beta", "_pre", "_rc", "_p" };
	size_t i;

	if (!isdigit((unsigned char)*s))
		return false;
	for (s = skip_digits(s); *s == '.' && isdigit((unsigned char)s[1]);)
		s = skip_digits(s + 1);
	if (*s >= 'a' && *s <= 'z')
		s++;
	do {
		for (i = 0; i < ARRAY_SIZE(suffixes); i++)
			if (!strncmp(s, suffixes[i], strlen(suffixes[i]))) {
				s = skip_digits(s + strlen(suffixes[i]));
				break;
			}
	} while (i < ARRAY_SIZE(suffixes));
	if (!strncmp(s, "-r", 2) && isdigit((unsigned char)s[2]))
		s = skip_digits(s + 2);
	return s == end;
}

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' &&
		    (!i || (s[i] != '+' && s[i] != '-')))
			return false;
	return n;
}

/* The hyphen before a version that ends at @end, the first of them; NULL: none. */
static const char *version_hyphen(const char *pf, const char *end)
{
	for (const char *h = pf; (h = memchr(h, '-', (size_t)(end - h))); h++)
		if (is_version(h + 1, end))
			return h;
	return NULL;
}

bool vdb_split(const char *pf, struct span *name, struct span *version)
{
	const char *end = pf + strlen(pf), *hyphen = version_hyphen(pf, end), *h;

	if (!hyphen || !is_name(pf, (size_t)(hyphen - pf)))
		return false;
	/* the name must not end in a version itself: "a-1-2" is nothing */
	for (h = pf; (h = memchr(h, '-', (size_t)(hyphen - h))); h++)
		if (is_version(h + 1, hyphen))
			return false;
	*name = (struct span){ pf, (size_t)(hyphen - pf) };
	*version = (struct span){ hyphen + 1, (size_t)(end - hyphen - 1) };
	return true;
}

/* The last @sep in the @n bytes at @s, NULL if there is none. */
static const char *last_sep(const char *s, size_t n, const char *sep)
{
	size_t len = strlen(sep);

	for (size_t i = n; i >= len; i--)
		if (!memcmp(s + i - len, sep, len))
			return s + i - len;
	return NULL;
}

static bool all_digits(const char *s, const char *end)
{
	const char *at = s;

	while (at < end && isdigit((unsigned char)*at))
		at++;
	return at == end && at > s;
}

/*
 * The path of one line, after its type, by the same greedy rules as Portage's:
 * paths may have blanks and arrows in them. Length 0 where there is none.
 */
static struct span path_of(const char *type, const char *s, size_t n)
{
	const char *end = s + n, *last = last_sep(s, n, " "), *cut = end;

	if (!strcmp(type, "obj")) {
		if (!last || !all_digits(last + 1, end))
			return (struct span){ s, 0 };
		cut = last_sep(s, (size_t)(last - s), " ");
		if (!cut || cut + 1 == last)
			return (struct span){ s, 0 };
	} else if (!strcmp(type, "sym")) {
		/* old Portage wrote a whole stat tuple stood for the time */
		if (!last || (end[-1] != ')' && !all_digits(last + 1, end)))
			return (struct span){ s, 0 };
		cut = last_sep(s, n, " -> ");
		if (!cut)
			return (struct span){ s, 0 };
	}
	return (struct span){ s, *s == '/' ? (size_t)(cut - s) : 0 };
}

static const char *parse_line(const char *s, size_t n, struct buf *paths)
{
	static const char *const types[] = { "obj", "sym", "dir", "fif", "dev" };
	struct span path = { 0 };

	if (memchr(s, '\0', n))
		return "a NUL byte";
	for (size_t i = 0; n > 4 && i < ARRAY_SIZE(types); i++) {
		if (memcmp(s, types[i], 3) || s[3] != ' ')
			continue;
		path = path_of(types[i], s + 4, n - 4);
		if (!path.n)
			return "a line that lacks something";
		/* many packages have it: nobody's */
		if (strcmp(types[i], "dir")) {
			buf_add(paths, path.s, path.n);
			buf_adds(paths, "\n");
		}
		return NULL;
	}
	return "a line of an unknown type";
}

int vdb_parse_contents(const char *file, const char *text, size_t n, struct buf *paths,
		       struct err *e)
{
	size_t lineno = 0;

	for (size_t at = 0; at < n;) {
		const char *s = text + at, *nl = memchr(s, '\n', n - at), *bad;
		size_t len = nl ? (size_t)(nl - s) : n - at;

		lineno++;
		at += len + 1;
		bad = len ? parse_line(s, len, paths) : NULL;
		if (bad)
			return err_set(e, -ERR_FORMAT, "%s:%zu: %s", file, lineno, bad);
	}
	return 0;
}

/*
 * Not what a program does but which machine it is for, or files beside the
 * program. In IUSE they mostly are USE_EXPAND flags. Everything else counts:
 * nls, for one, changes what sort and iconv print.
 */
static bool is_irrelevant(const char *flag)
{
	static const char *const patterns[] = {
		/* the machine and its C library's flavour */
		"abi_*", "cpu_flags_*", "elibc_*", "kernel_*", "userland_*",
		/* Gentoo's architectures, as flags */
		"alpha", "amd64", "arm", "arm64", "hppa", "loong", "m68k", "mips", "ppc",
		"ppc64", "riscv", "s390", "sparc", "x86",
		/* more files, the same programs */
		"l10n_*", "doc", "examples", "gtk-doc", "man", "static-libs", "test",
		"verify-sig",
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], flag, 0))
			return true;
	return false;
}

char *vdb_relevant_use(const char *use, const char *iuse)
{
	_cleanup_strv_ struct strv on = { 0 }, known = { 0 }, kept = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	strv_split(&on, use, " \t\n");
	strv_split(&known, iuse, " \t\n");
	for (size_t i = 0; i < known.n; i++) {
		/* "+nls" and "-nls" say only what the default is */
		const char *flag = known.v[i] + strspn(known.v[i], "+-");

		if (strv_has(&on, flag) && !is_irrelevant(flag) && !strv_has(&kept, flag))
			strv_add(&kept, flag);
	}
	strv_sort(&kept);
	buf_adds(&b, "");
	for (size_t i = 0; i < kept.n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", kept.v[i]);
	return TAKE_PTR(b.data);
}

/* What Portage passes over too: hidden, half merged, not its own. */
static bool is_excluded(const char *name)
{
	return *name == '.' || !strncmp(name, "-MERGING-", 9) || !strcmp(name, "CVS") ||
	       !strcmp(name, "lost+found");
}

static bool is_category(const char *name)
{
	if (is_excluded(name) || (!isalnum((unsigned char)*name) && *name != '_'))
		return false;
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("+-._", *s))
			return false;
	return true;
}

/*
 * The directories at @path in the root, sorted. @fn says which of the names are
 * wanted.
 */
static int list_dirs(int rootfd, const char *path, bool (*fn)(const char *name),
		     struct strv *out, struct err *e)
{
	_cleanup_closedir_ DIR *d = NULL;
	int fd = beneath_open(rootfd, path, O_RDONLY | O_DIRECTORY, 0);
	struct dirent *de;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0)
		return err_set(e, fd, "open '%s'", path);
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_set(e, -ENOMEM, "read '%s'", path);
	}
	while (errno = 0, (de = readdir(d))) {
		_cleanup_free_ char *full = NULL;
		struct stat st;

		if (!fn(de->d_name) || (de->d_type != DT_DIR && de->d_type != DT_LNK &&
					de->d_type != DT_UNKNOWN))
			continue;
		if (de->d_type != DT_DIR) {
			full = xasprintf("%s/%s", path, de->d_name);
			if (beneath_stat(rootfd, full, &st) < 0 || !S_ISDIR(st.st_mode))
				continue;
		}
		strv_add(out, de->d_name);
	}
	if (errno)
		return err_set(e, -errno, "read '%s'", path);
	strv_sort(out);
	return 0;
}

static bool is_package(const char *name)
{
	struct span n, v;

	return !is_excluded(name) && vdb_split(name, &n, &v);
}

static void add_package(struct pkgdb *db, const char *category, const char *pf)
{
	struct span name, version;
	struct pkg_entry ent = { 0 };

	if (!vdb_split(pf, &name, &version))
		return;
	ent.pkg.name = xasprintf("%s/%.*s", category, (int)name.n, name.s);
	ent.pkg.version = xstrndup(version.s, version.n);
	pkgdb_add(db, &ent);
}

/* The file @name of the package, "" where it has none. */
static char *read_fact(const struct pkgdb *db, const struct pkg *p, const char *name)
{
	_cleanup_free_ char *path =
		xasprintf(DIR_VDB "/%s-%s/%s", p->name, p->version, name);
	char *text = NULL;
	struct err e = { 0 };
	int r = beneath_read(db->rootfd, path, WORDS_LIMIT, &text, NULL, &e);

	if (r && r != -ENOENT)
		log_warn("%s", e.msg);
	return r || !text ? xstrdup("") : text;
}

/*
 * All packages of a root are for its CHOST; only crossdev's libraries, in
 * categories of their own, are not.
 */
static void find_native(struct pkgdb *db)
{
	for (size_t i = 0; i < db->n && !db->native; i++) {
		_cleanup_free_ char *chost = NULL;

		if (!strncmp(db->v[i].pkg.name, "cross-", 6))
			continue;
		chost = read_fact(db, &db->v[i].pkg, "CHOST");
		chost[strcspn(chost, " \n")] = '\0';
		if (*chost)
			db->native = TAKE_PTR(chost);
	}
	for (size_t i = 0; i < db->n; i++)
		db->v[i].pkg.arch = xstrdup(db->native ? db->native : "");
}

static int vdb_load(struct pkgdb *db, struct err *e)
{
	_cleanup_strv_ struct strv categories = { 0 };
	int r = list_dirs(db->rootfd, DIR_VDB, is_category, &categories, e);

	for (size_t i = 0; !r && i < categories.n; i++) {
		_cleanup_free_ char *dir = xasprintf(DIR_VDB "/%s", categories.v[i]);
		_cleanup_strv_ struct strv packages = { 0 };

		r = list_dirs(db->rootfd, dir, is_package, &packages, e);
		/* Portage removes a category with its last package */
		if (r == -ENOENT)
			r = 0;
		for (size_t k = 0; k < packages.n; k++)
			add_package(db, categories.v[i], packages.v[k]);
	}
	/* what fails halfway is freed with the database: each entry must be whole */
	find_native(db);
	return r;
}

static void add_contents(struct pkgdb *db, struct pathmap *m, size_t i)
{
	const struct pkg *p = &db->v[i].pkg;
	_cleanup_free_ char *path =
		xasprintf(DIR_VDB "/%s-%s/CONTENTS", p->name, p->version);
	_cleanup_free_ char *text = NULL;
	_cleanup_buf_ struct buf paths = { 0 };
	struct err e = { 0 };
	size_t n = 0, len;
	int r = beneath_read(db->rootfd, path, CONTENTS_LIMIT, &text, &n, &e);

	/* a package without files, or one that is said to be provided */
	if (r == -ENOENT)
		return;
	if (!r)
		r = vdb_parse_contents(path, text, n, &paths, &e);
	if (r)
		log_warn("%s; the files of package %s are not known", e.msg, p->name);
	len = paths.len;
	if (!r && len)
		pathmap_add_lines(m, TAKE_PTR(paths.data), len, i, p->name, false);
}

static void vdb_add_files(struct pkgdb *db, struct pathmap *m)
{
	for (size_t i = 0; i < db->n; i++)
		add_contents(db, m, i);
}

static void vdb_details(struct pkgdb *db, size_t i)
{
	struct pkg *p = &db->v[i].pkg;
	_cleanup_free_ char *use = read_fact(db, p, "USE");
	_cleanup_free_ char *iuse = read_fact(db, p, "IUSE");

	p->use = vdb_relevant_use(use, iuse);
}

/*
 * Portage sets the times of the database and of the category before and after
 * every change, for caches like ours (vardbapi._bump_mtime); a tool that does
 * not still changes the category by making or removing a directory in it.
 */
static int vdb_fingerprint(int rootfd, char out[PKGDB_FINGERPRINT], struct err *e)
{
	_cleanup_strv_ struct strv categories = { 0 };
	bool any = false;
	struct stat st;
	uint64_t h = 0;
	int r = list_dirs(rootfd, DIR_VDB, is_category, &categories, e);

	if (r)
		return r;
	r = beneath_stat(rootfd, DIR_VDB, &st);
	if (r)
		return r == -ENOENT ? r : err_set(e, r, "stat '" DIR_VDB "'");
	h = pkgdb_mix_stat(h, &st);
	for (size_t i = 0; i < categories.n; i++) {
		_cleanup_free_ char *dir = xasprintf(DIR_VDB "/%s", categories.v[i]);
		_cleanup_strv_ struct strv packages = { 0 };

		/* the first category mostly has one: this is no walk */
		if (!any && !list_dirs(rootfd, dir, is_package, &packages, NULL))
			any = packages.n;
		if (!beneath_stat(rootfd, dir, &st))
			h = pkgdb_mix_stat(pkgdb_mix(h, i), &st);
	}
	if (!any)
		return -ENOENT;
	snprintf(out, PKGDB_FINGERPRINT, "vdb-%016" PRIx64, h);
	return 0;
}

const struct pkgdb_backend pkgdb_vdb = {
	.load = vdb_load,
	.add_files = vdb_add_files,
	.details = vdb_details,
	.fingerprint = vdb_fingerprint,
};
