// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "core/pkgdb_impl.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/proc.h"

struct root {
	char dir[32];
	int fd;
};

static int setup(void **state)
{
	struct root *t = xcalloc(1, sizeof(*t));

	strcpy(t->dir, "/tmp/crossroot-test.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct root *t = *state;
	struct err e = { 0 };

	assert_int_equal(beneath_rmtree(AT_FDCWD, t->dir, &e), 0);
	close(t->fd);
	free(t);
	return 0;
}

static void put(struct root *t, const char *path, const char *text)
{
	_cleanup_free_ char *dir = xstrdup(path);
	struct err e = { 0 };

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fdio_mkdirs(t->fd, dir, 0755, &e), 0);
	assert_int_equal(fdio_publish(t->fd, path, text, strlen(text), 0644, &e), 0);
}

#define INFO "var/lib/dpkg/info/"
#define STATUS "var/lib/dpkg/status"
#define PKG(name, arch, version, status, more)                                     \
	"Package: " name "\nStatus: " status "\nPriority: optional\n"              \
	"Description: words\n more: words\n .\nArchitecture: " arch "\n" more      \
	"Version: " version "\n\n"
#define OK "install ok installed"
#define SAME "Multi-Arch: same\n"

static struct pkgdb *open_db(struct root *t)
{
	struct pkgdb *db = NULL;
	struct err e = { 0 };
	int r = pkgdb_open(t->fd, &db, &e);

	if (r)
		print_error("%s\n", e.msg);
	assert_int_equal(r, 0);
	/* what may be absent is no error that is only not returned */
	assert_string_equal(e.msg, "");
	return db;
}

static void assert_pkg(const struct pkg *p, const char *want)
{
	_cleanup_free_ char *have =
		p ? xasprintf("%s %s %s", p->name, p->version, p->arch) : xstrdup("none");

	assert_string_equal(have, want);
}

static void test_none(void **state)
{
	struct root *t = *state;
	struct pkgdb *db = (void *)t;
	struct err e = { 0 };
	char print[PKGDB_FINGERPRINT];

	assert_int_equal(pkgdb_open(t->fd, &db, &e), -ERR_UNSUPPORTED);
	assert_null(db);
	assert_int_equal(pkgdb_fingerprint(t->fd, print, &e), 0);
	assert_string_equal(print, "-");
	/* what a dpkg that never installed anything leaves */
	put(t, STATUS, "");
	assert_int_equal(pkgdb_open(t->fd, &db, &e), -ERR_UNSUPPORTED);
	assert_int_equal(pkgdb_fingerprint(t->fd, print, &e), 0);
	assert_string_equal(print, "-");
	/* no way out of the root */
	assert_int_equal(unlinkat(t->fd, STATUS, 0), 0);
	assert_int_equal(symlinkat("../../../../../../../var/lib/dpkg/status", t->fd,
				   "var/lib/dpkg/status"), 0);
	assert_int_equal(pkgdb_open(t->fd, &db, &e), -ELOOP);
	assert_non_null(strstr(e.msg, "/var/lib/dpkg/status"));
}

static void test_find(void **state)
{
	struct root *t = *state;

	put(t, STATUS,
	    PKG("libc6", "amd64", "2.36-8", OK, SAME)
	    PKG("sed", "arm64", "4.9-1", "install ok unpacked", "")
	    PKG("libc6", "arm64", "2.36-9", OK, SAME)
	    PKG("gone", "arm64", "1", "deinstall ok config-files", "")
	    PKG("half", "arm64", "1", "install reinstreq half-installed", "")
	    PKG("waiting", "all", "1:2~3+b4", "hold ok triggers-awaited", "")
	    "Package: never\nStatus: unknown ok not-installed\nArchitecture: arm64\n\n"
	    PKG("dpkg", "arm64", "1.21.22", OK, ""));
	{
		_cleanup_pkgdb_ struct pkgdb *db = open_db(t);

		assert_pkg(pkgdb_find(db, "sed"), "sed 4.9-1 arm64");
		assert_pkg(pkgdb_find(db, "libc6"), "libc6 2.36-9 arm64");
		assert_pkg(pkgdb_find(db, "waiting"), "waiting 1:2~3+b4 all");
		assert_pkg(pkgdb_find(db, "gone"), "none");
		assert_pkg(pkgdb_find(db, "half"), "none");
		assert_pkg(pkgdb_find(db, "never"), "none");
		assert_pkg(pkgdb_find(db, "zzz"), "none");
		assert_pkg(pkgdb_find(db, ""), "none");
	}
	/* the list of architectures says better than a package */
	put(t, "var/lib/dpkg/arch", "amd64\narm64\n");
	/* what a dpkg that was killed left: newer than status */
	put(t, "var/lib/dpkg/updates/0001",
	    PKG("sed", "all", "5", OK, "") PKG("libc6", "arm64", "3", OK, SAME));
	put(t, "var/lib/dpkg/updates/0002",
	    PKG("waiting", "all", "2", "deinstall ok config-files", ""));
	put(t, "var/lib/dpkg/updates/tmp.i", "not read");
	{
		_cleanup_pkgdb_ struct pkgdb *db = open_db(t);

		assert_pkg(pkgdb_find(db, "libc6"), "libc6 2.36-8 amd64");
		assert_pkg(pkgdb_find(db, "sed"), "sed 5 all");
		assert_pkg(pkgdb_find(db, "waiting"), "none");
	}
}

/* A merged root, whose packages list either name of a file. */
static void test_owner_merged(void **state)
{
	struct root *t = *state;
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	struct err e = { 0 };

	assert_int_equal(fdio_mkdirs(t->fd, "usr/bin", 0755, &e), 0);
	assert_int_equal(fdio_mkdirs(t->fd, "usr/lib64", 0755, &e), 0);
	/* as Gentoo draws it: one directory for all programs */
	assert_int_equal(symlinkat("usr/bin", t->fd, "bin"), 0);
	assert_int_equal(symlinkat("/usr/bin", t->fd, "sbin"), 0);
	assert_int_equal(symlinkat("bin", t->fd, "usr/sbin"), 0);
	assert_int_equal(symlinkat("usr/lib64", t->fd, "lib64"), 0);
	put(t, STATUS, PKG("sed", "arm64", "4.9-1", OK, "") PKG("apt", "arm64", "2", OK, "")
			       PKG("docs", "all", "1", OK, ""));
	put(t, INFO "sed.list", "/.\n/bin\n/bin/sed\n/usr\n/usr/share\n/sbin/x\n");
	put(t, INFO "apt.list", "/.\n/usr/sbin/apt\n/lib64/a b.so\n/usr/bin/last");
	put(t, INFO "docs.list", "");
	db = open_db(t);
	assert_pkg(pkgdb_owner(db, "/usr/bin/sed"), "sed 4.9-1 arm64");
	assert_pkg(pkgdb_owner(db, "/bin/sed"), "sed 4.9-1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/sbin/sed"), "sed 4.9-1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/x"), "sed 4.9-1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/apt"), "apt 2 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/lib64/a b.so"), "apt 2 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/last"), "apt 2 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/none"), "none");
	assert_pkg(pkgdb_owner(db, "/usr/bin/se"), "none");
	assert_pkg(pkgdb_owner(db, ""), "none");
}

/* Two directories are two files. */
static void test_owner_split(void **state)
{
	struct root *t = *state;
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	struct err e = { 0 };

	assert_int_equal(fdio_mkdirs(t->fd, "usr/bin", 0755, &e), 0);
	assert_int_equal(fdio_mkdirs(t->fd, "bin", 0755, &e), 0);
	put(t, STATUS, PKG("a", "arm64", "1", OK, "") PKG("b", "arm64", "1", OK, ""));
	put(t, INFO "a.list", "/bin/x\n");
	put(t, INFO "b.list", "/usr/bin/x\n");
	db = open_db(t);
	assert_pkg(pkgdb_owner(db, "/bin/x"), "a 1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/x"), "b 1 arm64");
}

static void test_owner_shared(void **state)
{
	struct root *t = *state;
	_cleanup_pkgdb_ struct pkgdb *db = NULL;

	put(t, STATUS, PKG("libz", "amd64", "1", OK, SAME)
			       PKG("libz", "arm64", "1", OK, SAME)
			       PKG("nolist", "arm64", "1", OK, "")
			       PKG("dpkg", "arm64", "1", OK, ""));
	put(t, INFO "libz:amd64.list", "/usr/share/doc/libz/copyright\n/usr/lib/x/libz.so\n");
	/* its Multi-Arch changed, the list kept its name */
	put(t, INFO "libz.list", "/usr/share/doc/libz/copyright\n/usr/lib/y/libz.so\n");
	put(t, INFO "dpkg.list", "/usr/bin/dpkg\n");
	db = open_db(t);
	assert_pkg(pkgdb_owner(db, "/usr/share/doc/libz/copyright"), "libz 1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/lib/x/libz.so"), "libz 1 amd64");
	assert_pkg(pkgdb_owner(db, "/usr/lib/y/libz.so"), "libz 1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/dpkg"), "dpkg 1 arm64");
}

static void test_diversions(void **state)
{
	struct root *t = *state;
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	struct err e = { 0 };

	assert_int_equal(fdio_mkdirs(t->fd, "usr/bin", 0755, &e), 0);
	assert_int_equal(symlinkat("usr/bin", t->fd, "bin"), 0);
	put(t, STATUS, PKG("bash", "arm64", "5", OK, "") PKG("dash", "arm64", "1", OK, "")
			       PKG("pgc", "all", "2", OK, ""));
	put(t, INFO "bash.list", "/bin/sh\n/usr/bin/pg_config\n/usr/bin/local\n");
	put(t, INFO "dash.list", "/usr/bin/sh\n");
	put(t, INFO "pgc.list", "/usr/share/pgc\n");
	put(t, "var/lib/dpkg/diversions",
	    "/bin/sh\n/bin/sh.distrib\ndash\n"
	    "/usr/bin/pg_config\n/usr/bin/pg_config.old\npgc\n"
	    "/usr/bin/local\n/usr/bin/local.dpkg-dist\n:\n/cut\n");
	db = open_db(t);
	assert_pkg(pkgdb_owner(db, "/usr/bin/sh"), "dash 1 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/sh.distrib"), "bash 5 arm64");
	/* made by a maintainer script: in no list */
	assert_pkg(pkgdb_owner(db, "/usr/bin/pg_config"), "pgc 2 all");
	assert_pkg(pkgdb_owner(db, "/usr/bin/pg_config.old"), "bash 5 arm64");
	assert_pkg(pkgdb_owner(db, "/usr/bin/local"), "none");
	assert_pkg(pkgdb_owner(db, "/usr/bin/local.dpkg-dist"), "bash 5 arm64");
}

static void test_damaged(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ " x\n", "1: a continuation of nothing" },
		{ "Package: a\nwords\n", "2: no 'Field: value' line" },
		{ "Package: ../../etc\n", "1: a Package that is no package name" },
		{ "Package: .hid\n", "1: a Package that is no package name" },
		{ "Package:\n", "1: a Package that is no package name" },
		{ "Package: a\nArchitecture: a/b\n", "2: an Architecture that is none" },
		{ "Package: a\nPackage: b\n", "2: a field that was there before" },
		{ "Package: a\nStatus: install ok\n",
		  "2: a Status that is not three words" },
		{ "Package: a\nStatus: install ok eaten\n", "2: an unknown Status" },
		{ "Package: a\nVersion: 1 2\n", "2: a Version that is none" },
		{ "Version: 1\n\n", "2: a paragraph without Package before this line" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\n",
		  "3: an installed package without Version or Architecture before this "
		  "line" },
	};
	struct root *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *want =
			xasprintf("/var/lib/dpkg/status:%s", bad[i].want);
		struct pkgdb *db = NULL;
		struct err e = { 0 };

		put(t, STATUS, bad[i].text);
		assert_int_equal(pkgdb_open(t->fd, &db, &e), -ERR_FORMAT);
		assert_string_equal(e.msg, want);
		assert_null(db);
	}
}

static void test_fingerprint(void **state)
{
	/* what a package manager touches, one at a time */
	static const char *const touched[] = { STATUS, "var/lib/dpkg/updates/0001",
					       INFO "a.list", "var/lib/dpkg/diversions" };
	struct root *t = *state;
	char a[PKGDB_FINGERPRINT], b[PKGDB_FINGERPRINT];
	struct err e = { 0 };

	put(t, STATUS, PKG("a", "arm64", "1", OK, ""));
	assert_int_equal(pkgdb_fingerprint(t->fd, a, &e), 0);
	assert_int_equal(pkgdb_fingerprint(t->fd, b, &e), 0);
	assert_string_equal(a, b);
	assert_string_not_equal(a, "-");
	for (size_t i = 0; i < ARRAY_SIZE(touched); i++) {
		put(t, touched[i], PKG("a", "arm64", "2", OK, ""));
		assert_int_equal(pkgdb_fingerprint(t->fd, b, &e), 0);
		assert_string_not_equal(a, b);
		strcpy(a, b);
	}
}

/* The host's own database, against dpkg itself. */
static void test_host_packages(void **state)
{
	static const char format[] = "-f=${db:Status-Status} ${binary:Package} "
				     "${Version} ${Architecture}\n";
	char *argv[] = { "dpkg-query", (char *)format, "-W", NULL };
	_cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	_cleanup_free_ char *out = NULL;
	_cleanup_strv_ struct strv lines = { 0 };
	struct err e = { 0 };
	size_t checked = 0;

	(void)state;
	if (proc_run(argv, NULL, &out, 16 << 20, &e)) {
		print_message("no dpkg-query here: %s\n", e.msg);
		skip();
	}
	assert_int_equal(pkgdb_open(fd, &db, &e), 0);
	strv_split(&lines, out, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct strv w = { 0 };
		_cleanup_free_ char *want = NULL;

		strv_split(&w, lines.v[i], " ");
		if (w.n != 4 || strcmp(w.v[0], "installed"))
			continue;
		w.v[1][strcspn(w.v[1], ":")] = '\0';
		if (strcmp(w.v[3], "all") && strcmp(w.v[3], db->native))
			continue;
		want = xasprintf("%s %s %s", w.v[1], w.v[2], w.v[3]);
		assert_pkg(pkgdb_find(db, w.v[1]), want);
		checked++;
	}
	assert_true(checked > 0);
	assert_true(checked <= db->n);
}

static void test_host_owner(void **state)
{
	/* some diverted, some listed by the other name of a merged /usr */
	static const char *const paths[] = { "/bin/sed", "/bin/sh", "/usr/bin/gcc-12",
					     "/usr/bin/gcc", "/usr/bin/pg_config",
					     "/usr/bin/make", "/sbin/ldconfig",
					     "/usr/bin/env", "/bin/bash" };
	_cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	struct err e = { 0 };
	size_t checked = 0;

	(void)state;
	if (pkgdb_open(fd, &db, &e) || access("/usr/bin/dpkg-query", X_OK)) {
		print_message("no dpkg here\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char *argv[] = { "dpkg-query", "-S", (char *)paths[i], NULL };
		_cleanup_free_ char *out = NULL;
		const struct pkg *p = pkgdb_owner(db, paths[i]);
		_cleanup_strv_ struct strv lines = { 0 }, names = { 0 };

		if (proc_run(argv, NULL, &out, 65536, &e))
			continue;
		/* "diversion by A from: PATH", "diversion by A to: PATH", "A, B: PATH" */
		strv_split(&lines, out, "\n");
		if (!strncmp(lines.v[0], "diversion by ", 13))
			strv_split(&names, lines.v[0] + 13, " ");
		else
			strv_split(&names, lines.v[0], ",: ");
		assert_non_null(p);
		assert_string_equal(p->name, names.v[0]);
		checked++;
	}
	assert_true(checked > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_merged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_split, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_diversions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fingerprint, setup, teardown),
		cmocka_unit_test(test_host_packages),
		cmocka_unit_test(test_host_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
