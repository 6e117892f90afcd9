// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/versions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "core/pkgdb_impl.h"
#include "mech/archive.h"

#define VDB "var/db/pkg/"

static const struct version_names usual = {
	"sys-devel/gcc", "sys-devel/binutils", "sys-libs/glibc", "sys-kernel/linux-headers",
};

/* The C library of the other stages. */
static const char musl[] = "sys-libs/musl";

void versions_free(struct versions *v)
{
	free(v->chost);
	free(v->gcc);
	free(v->binutils);
	free(v->libc);
	free(v->kernel);
	*v = (struct versions){ 0 };
}

/* A stage */

struct scan {
	struct versions *v;
	bool began; /* the database was reached */
};

/* Where the version of the package @name goes, NULL for one of no interest. */
static char **slot_of(struct versions *v, const char *name, size_t n)
{
	const struct {
		const char *name;
		char **at;
	} slots[] = {
		{ usual.gcc, &v->gcc },	  { usual.binutils, &v->binutils },
		{ usual.libc, &v->libc }, { usual.kernel, &v->kernel },
		{ musl, &v->libc },
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		if (strlen(slots[i].name) == n && !memcmp(slots[i].name, name, n))
			return slots[i].at;
	return NULL;
}

static void take_chost(struct versions *v, const char *text)
{
	free(v->chost);
	v->chost = xstrndup(text, strcspn(text, " \n"));
}

/* "CATEGORY/PF/FILE" of the database; see archive_list_fn. */
static int scan_fact(struct versions *v, const char *path, const char *data)
{
	const char *pf = strchr(path, '/'), *file = pf ? strchr(pf + 1, '/') : NULL;
	_cleanup_free_ char *dir = file ? xstrndup(pf + 1, (size_t)(file - pf - 1)) : NULL;
	struct span name, version;
	char **at;

	if (!file || strcmp(file, "/CHOST") || !vdb_split(dir, &name, &version))
		return 0;
	at = slot_of(v, path, (size_t)(pf - path) + 1 + name.n);
	if (!at)
		return 0;
	if (data) {
		take_chost(v, data);
		return 0;
	}
	if (!*at || strverscmp(*at, version.s) < 0) {
		free(*at);
		*at = xstrndup(version.s, version.n);
	}
	return !v->chost;
}

static int scan(void *arg, const char *path, const char *data)
{
	struct scan *s = arg;

	path += strspn(path, "./");
	if (!strncmp(path, VDB, strlen(VDB))) {
		s->began = true;
		return scan_fact(s->v, path + strlen(VDB), data);
	}
	/* tar writes a directory with all it holds: what follows is of no use */
	return s->began && s->v->gcc && s->v->binutils && s->v->libc ? -1 : 0;
}

int versions_of_stage(int in, const char *path, struct versions *v, struct err *e)
{
	struct scan s = { .v = v };
	int r;

	*v = (struct versions){ 0 };
	r = archive_list(in, path, scan, &s, e);
	if (r < 0) {
		versions_free(v);
		return r;
	}
	if (!s.began) {
		err_set(e, -ERR_UNSUPPORTED, "the stage '%s' has no package database of "
			"Gentoo's", path);
		return err_hint(e, "it has to be a stage3, with var/db/pkg in it");
	}
	return 0;
}

/* A root */

static char *version_of(const struct pkgdb *db, const char *name)
{
	const struct pkg *p = name ? pkgdb_find(db, name) : NULL;

	return p ? xstrdup(p->version) : NULL;
}

int versions_of_root(int rootfd, const struct version_names *names, struct versions *v,
		     struct err *e)
{
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	int r;

	*v = (struct versions){ 0 };
	r = pkgdb_open(rootfd, &db, e);
	if (r == -ERR_UNSUPPORTED) {
		*e = (struct err){ 0 };
		return 0;
	}
	if (r < 0)
		return r;
	if (!names)
		names = &usual;
	v->gcc = version_of(db, names->gcc);
	v->binutils = version_of(db, names->binutils);
	v->libc = version_of(db, names->libc);
	if (!v->libc && names == &usual)
		v->libc = version_of(db, musl);
	v->kernel = version_of(db, names->kernel);
	return 0;
}

int versions_check(const struct versions *have, const struct versions *want,
		   struct err *e)
{
	if (!want->gcc) {
		log_warn("the stage has no compiler; what is installed in it later stays "
			 "emulated unless it is gcc %s",
			 have->gcc ? have->gcc : "of the same version as the native one");
		return 0;
	}
	if (!have->gcc) {
		err_set(e, -ERR_MISMATCH, "there is no cross compiler for the stage's gcc %s",
			want->gcc);
		return err_hint(e, "build it: crossdev --gcc %s ...; "
				   "'crossroot crossdev-args' prints all of it", want->gcc);
	}
	if (strtoul(have->gcc, NULL, 10) != strtoul(want->gcc, NULL, 10)) {
		err_set(e, -ERR_MISMATCH, "the cross compiler is gcc %s, the stage's is %s",
			have->gcc, want->gcc);
		return err_hint(e, "build the stage's: crossdev --gcc %s ...; 'crossroot "
				   "crossdev-args' prints all of it", want->gcc);
	}
	if (strcmp(have->gcc, want->gcc))
		log_warn("the cross compiler is gcc %s, the stage's is %s: until they are "
			 "the same, the stage's is used, emulated", have->gcc, want->gcc);
	if (want->binutils && (!have->binutils || strcmp(have->binutils, want->binutils)))
		log_warn("the cross binutils are %s, the stage's %s: until they are the "
			 "same, the stage's are used, emulated",
			 have->binutils ? have->binutils : "missing", want->binutils);
	return 0;
}
