// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "core/candidate.h"
#include "core/pkgdb_impl.h"

struct root {
	char *dir;
	int fd;
};

static int setup(void **state)
{
	struct root *t = xcalloc(1, sizeof(*t));

	t->dir = make_dir();
	t->fd = open_dir(t->dir);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct root *t = *state;

	close(t->fd);
	remove_dir(t->dir);
	free(t);
	return 0;
}

/* A package as Portage leaves it. */
static void put_pkg(int fd, const char *cpf, const char *use, const char *contents)
{
	const char *facts[][2] = { { "USE", use },
				   { "IUSE", "+acl -nls static test doc abi_x86_64" },
				   { "CHOST", "aarch64-unknown-linux-gnu\n" },
				   { "SLOT", "0\n" },
				   { "COUNTER", "12\n" },
				   { "CONTENTS", contents } };

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		_cleanup_free_ char *path = xasprintf("var/db/pkg/%s/%s", cpf, facts[i][0]);

		if (facts[i][1])
			write_file(fd, path, facts[i][1]);
	}
}

static struct pkgdb *open_db(int fd)
{
	struct pkgdb *db = NULL;
	struct err e = { 0 };
	int r = pkgdb_open(fd, &db, &e);

	if (r)
		print_error("%s\n", e.msg);
	assert_int_equal(r, 0);
	return db;
}

static void assert_pkg(const struct pkg *p, const char *want)
{
	_cleanup_free_ char *have = p ? xasprintf("%s %s", p->name, p->version) :
					xstrdup("none");

	assert_string_equal(have, want);
}

static void test_split(void **state)
{
	static const char *const cases[][3] = {
		{ "gcc-12.2.0", "gcc", "12.2.0" },
		{ "gcc-12.2.1_p20221001-r1", "gcc", "12.2.1_p20221001-r1" },
		{ "gtk+-2.24.33-r3", "gtk+", "2.24.33-r3" },
		{ "xorg-server-1.20a_beta2_p3", "xorg-server", "1.20a_beta2_p3" },
		{ "font-adobe-100dpi-1.0.4", "font-adobe-100dpi", "1.0.4" },
		{ "a-b-9999", "a-b", "9999" },
		{ "perl-5.36.0_rc-r10", "perl", "5.36.0_rc-r10" },
		/* "3d" is a version, and no name ends in one */
		{ "libfoo-3d-1", NULL, NULL },
		{ "foo-bar", NULL, NULL },
		{ "foo", NULL, NULL },
		{ "foo-", NULL, NULL },
		{ "-1", NULL, NULL },
		{ "foo-r1", NULL, NULL },
		{ "foo-1-2", NULL, NULL },
		{ "foo-1.2.", NULL, NULL },
		{ "foo-1_gamma2", NULL, NULL },
		{ "foo-1-r", NULL, NULL },
		{ "foo-1-r2-3", NULL, NULL },
		{ ".foo-1", NULL, NULL },
		{ "+foo-1", NULL, NULL },
		{ "f oo-1", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *n = NULL, *v = NULL;
		struct span name, version;
		bool want = cases[i][1];

		if (vdb_split(cases[i][0], &name, &version) != want)
			fail_msg("'%s'", cases[i][0]);
		if (!want)
			continue;
		n = xstrndup(name.s, name.n);
		v = xstrndup(version.s, version.n);
		assert_string_equal(n, cases[i][1]);
		assert_string_equal(v, cases[i][2]);
	}
}

#define MD5 " d41d8cd98f00b204e9800998ecf8427e"

static void test_contents(void **state)
{
	static const char good[] =
		"dir /usr/bin\n"
		"obj /usr/bin/a b" MD5 " 1700000000\n"
		"obj /usr/bin/ends with 12 34" MD5 " 1700000000\n"
		"sym /usr/bin/l -> a b 1700000000\n"
		"sym /usr/bin/x -> y -> z 1700000000\n"
		"sym /usr/bin/old -> a (33206, 1L, 2L, 1, 0, 0, 5L, 1, 1700000000, 2)\n"
		"\n"
		"fif /run/p\n"
		"dev /dev/null\n"
		"obj /last" MD5 " 1";
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "dir /a\nobj /b\n", "F:2: a line that lacks something" },
		{ "obj /b" MD5 "\n", "F:1: a line that lacks something" },
		{ "obj /b  1\n", "F:1: a line that lacks something" },
		{ "obj b" MD5 " 1\n", "F:1: a line that lacks something" },
		{ "sym /a b 1\n", "F:1: a line that lacks something" },
		{ "sym /a -> b\n", "F:1: a line that lacks something" },
		{ "dir \n", "F:1: a line of an unknown type" },
		{ "lnk /a\n", "F:1: a line of an unknown type" },
		{ "obj\n", "F:1: a line of an unknown type" },
	};
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	assert_int_equal(vdb_parse_contents("F", good, strlen(good), &b, NULL), 0);
	assert_string_equal(b.data, "/usr/bin/a b\n/usr/bin/ends with 12 34\n/usr/bin/l\n"
				    "/usr/bin/x -> y\n/usr/bin/old\n/run/p\n/dev/null\n"
				    "/last\n");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct buf none = { 0 };
		struct err e = { 0 };

		assert_int_equal(vdb_parse_contents("F", bad[i].text, strlen(bad[i].text),
						    &none, &e), -ERR_FORMAT);
		assert_string_equal(e.msg, bad[i].want);
	}
}

static void test_use(void **state)
{
	static const char *const cases[][3] = {
		{ "", "", "" },
		{ "nls acl", "+acl -nls static", "acl nls" },
		/* what Portage adds to USE by itself is in no IUSE */
		{ "arm64 elibc_glibc kernel_linux acl\n", "acl\n", "acl" },
		{ "abi_x86_64 cpu_flags_x86_sse2 test doc l10n_de nls amd64",
		  "abi_x86_64 cpu_flags_x86_sse2 test doc l10n_de nls amd64", "nls" },
		{ "python_targets_python3_11 acl", "acl acl +python_targets_python3_11",
		  "acl python_targets_python3_11" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *use = vdb_relevant_use(cases[i][0], cases[i][1]);

		assert_string_equal(use, cases[i][2]);
	}
}

static void test_find(void **state)
{
	struct root *t = *state;
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	struct pkgdb *none = (void *)t;

	/* an empty one is none, with or without categories */
	assert_int_equal(fdio_mkdirs(t->fd, "var/db/pkg", 0755, NULL), 0);
	assert_int_equal(pkgdb_open(t->fd, &none, NULL), -ERR_UNSUPPORTED);
	assert_int_equal(fdio_mkdirs(t->fd, "var/db/pkg/sys-apps/-MERGING-sed-4.9", 0755,
				     NULL), 0);
	assert_int_equal(pkgdb_open(t->fd, &none, NULL), -ERR_UNSUPPORTED);
	put_pkg(t->fd, "sys-apps/sed-4.9", "", "");
	put_pkg(t->fd, "sys-apps/-MERGING-grep-3", "", "");
	put_pkg(t->fd, "sys-apps/.hidden-1", "", "");
	put_pkg(t->fd, "sys-apps/noversion", "", "");
	put_pkg(t->fd, "sys-devel/gcc-9.5.0", "", "");
	put_pkg(t->fd, "sys-devel/gcc-12.2.1_p20230428-r1", "", "");
	put_pkg(t->fd, "cross-riscv64-unknown-linux-gnu/gcc-13.2.0", "", "");
	put_pkg(t->fd, "-MERGING-cat/x-1", "", "");
	write_file(t->fd, "var/db/pkg/sys-apps/file-1", "no package");
	write_file(t->fd, "var/db/pkg/sys-apps/.sed:0.portage_lockfile", "");
	write_file(t->fd, "var/db/pkg/world-1", "");
	db = open_db(t->fd);
	assert_int_equal(db->n, 4);
	assert_string_equal(db->native, "aarch64-unknown-linux-gnu");
	assert_pkg(pkgdb_find(db, "sys-apps/sed"), "sys-apps/sed 4.9");
	/* of two slots, the higher one */
	assert_pkg(pkgdb_find(db, "sys-devel/gcc"), "sys-devel/gcc 12.2.1_p20230428-r1");
	assert_pkg(pkgdb_find(db, "cross-riscv64-unknown-linux-gnu/gcc"),
		   "cross-riscv64-unknown-linux-gnu/gcc 13.2.0");
	assert_pkg(pkgdb_find(db, "sys-apps/grep"), "none");
	assert_pkg(pkgdb_find(db, "sed"), "none");
}

static void test_owner(void **state)
{
	struct root *t = *state;
	_cleanup_pkgdb_ struct pkgdb *db = NULL;
	const struct pkg *p;

	/* merged, with /usr/sbin merged too, as Gentoo's 23.0 profiles have it */
	assert_int_equal(fdio_mkdirs(t->fd, "usr/bin", 0755, NULL), 0);
	assert_int_equal(symlinkat("usr/bin", t->fd, "bin"), 0);
	assert_int_equal(symlinkat("bin", t->fd, "usr/sbin"), 0);
	put_pkg(t->fd, "sys-apps/sed-4.9", "acl nls arm64",
		"dir /usr\ndir /usr/bin\nobj /bin/sed" MD5 " 1700000000\n"
		"sym /usr/bin/gsed -> sed 1700000000\n");
	put_pkg(t->fd, "sys-apps/coreutils-9.4-r1", "test",
		"obj /usr/sbin/a b" MD5 " 1700000000\n");
	put_pkg(t->fd, "virtual/libc-1", NULL, NULL);
	put_pkg(t->fd, "sys-apps/damaged-1", "", "obj /usr/bin/damaged" MD5 " 1\nobj\n");
	db = open_db(t->fd);
	p = pkgdb_owner(db, "/usr/bin/sed");
	assert_pkg(p, "sys-apps/sed 4.9");
	assert_string_equal(p->use, "acl nls");
	assert_string_equal(p->arch, "aarch64-unknown-linux-gnu");
	assert_pkg(pkgdb_owner(db, "/bin/sed"), "sys-apps/sed 4.9");
	assert_pkg(pkgdb_owner(db, "/usr/bin/gsed"), "sys-apps/sed 4.9");
	p = pkgdb_owner(db, "/usr/bin/a b");
	assert_pkg(p, "sys-apps/coreutils 9.4-r1");
	assert_string_equal(p->use, "");
	assert_pkg(pkgdb_owner(db, "/usr/bin"), "none");
	assert_pkg(pkgdb_owner(db, "/usr/bin/damaged"), "none");
}

/* Gentoo has dpkg as a package; a Debian system may have an empty VDB. */
static void test_both(void **state)
{
	struct root *t = *state;
	char a[PKGDB_FINGERPRINT], b[PKGDB_FINGERPRINT];

	write_file(t->fd, "var/lib/dpkg/status",
		   "Package: sed\nStatus: install ok installed\nArchitecture: arm64\n"
		   "Version: 4.9-1\n\n");
	assert_int_equal(fdio_mkdirs(t->fd, "var/db/pkg/sys-apps", 0755, NULL), 0);
	{
		_cleanup_pkgdb_ struct pkgdb *db = open_db(t->fd);

		assert_pkg(pkgdb_find(db, "sed"), "sed 4.9-1");
		assert_null(pkgdb_find(db, "sed")->use);
	}
	assert_int_equal(pkgdb_fingerprint(t->fd, a, NULL), 0);
	put_pkg(t->fd, "sys-apps/sed-4.9", "", "");
	{
		_cleanup_pkgdb_ struct pkgdb *db = open_db(t->fd);

		assert_pkg(pkgdb_find(db, "sed"), "none");
		assert_pkg(pkgdb_find(db, "sys-apps/sed"), "sys-apps/sed 4.9");
	}
	assert_int_equal(pkgdb_fingerprint(t->fd, b, NULL), 0);
	assert_int_equal(strncmp(a, "dpkg-", 5), 0);
	assert_int_equal(strncmp(b, "vdb-", 4), 0);
}

static void assert_changes(struct root *t, char was[PKGDB_FINGERPRINT])
{
	char now[PKGDB_FINGERPRINT];

	assert_int_equal(pkgdb_fingerprint(t->fd, now, NULL), 0);
	assert_string_not_equal(now, was);
	strcpy(was, now);
	assert_int_equal(pkgdb_fingerprint(t->fd, now, NULL), 0);
	assert_string_equal(now, was);
}

static void test_fingerprint(void **state)
{
	struct root *t = *state;
	char print[PKGDB_FINGERPRINT] = "";
	/* a time is often that of the last tick: leave it behind */
	struct timespec times[2] = { { 1700000000, 5 }, { 1700000000, 5 } };

	put_pkg(t->fd, "a-b/x-1", "", "");
	put_pkg(t->fd, "c-d/y-1", "", "");
	assert_changes(t, print);
	/* an upgrade: a directory is renamed */
	assert_int_equal(renameat(t->fd, "var/db/pkg/c-d/y-1", t->fd,
				  "var/db/pkg/c-d/y-2"), 0);
	assert_changes(t, print);
	/* the same version again: only Portage's _bump_mtime shows it */
	assert_int_equal(utimensat(t->fd, "var/db/pkg/c-d", times, 0), 0);
	assert_changes(t, print);
	assert_int_equal(utimensat(t->fd, "var/db/pkg", times, 0), 0);
	assert_changes(t, print);
	/* a new category, a removed package */
	put_pkg(t->fd, "e-f/z-1", "", "");
	assert_changes(t, print);
	assert_int_equal(beneath_rmtree(t->fd, "var/db/pkg/a-b/x-1", NULL), 0);
	assert_changes(t, print);
}

/* A root with this test's own program as the sed of package @cpf. */
static struct side make_side(const char *dir, const char *cpf, const char *use)
{
	struct side s = { .fd = open_dir(dir), .arch = arch_host() };
	_cleanup_close_ int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = -1;

	assert_int_equal(fdio_mkdirs(s.fd, "usr/bin", 0755, NULL), 0);
	out = openat(s.fd, "usr/bin/sed", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_int_equal(fdio_copy(in, out), 0);
	put_pkg(s.fd, cpf, use, "obj /usr/bin/sed" MD5 " 1700000000\n");
	s.db = open_db(s.fd);
	return s;
}

static void test_twins(void **state)
{
	static const struct {
		const char *cpf, *use;
		bool release;
		const char *reason, *note;
	} cases[] = {
		{ "sys-apps/sed-4.9", "acl nls", false, NULL, NULL },
		/* another machine, another documentation */
		{ "sys-apps/sed-4.9", "nls acl abi_x86_64 doc", false, NULL, NULL },
		{ "sys-apps/sed-4.9", "acl", false,
		  "built with USE=\"acl nls\" here, USE=\"acl\" in the native root", NULL },
		{ "sys-apps/sed-4.9", "", true, NULL,
		  "built with USE=\"acl nls\" here, USE=\"\" in the native root" },
		{ "sys-apps/sed-4.9-r1", "acl nls", false,
		  "version 4.9 here, 4.9-r1 in the native root", NULL },
		{ "app-misc/sed-4.9", "acl nls", false,
		  "of package sys-apps/sed here, of app-misc/sed in the native root", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *dir = make_dir(), *native_dir = make_dir();
		struct side root = make_side(dir, "sys-apps/sed-4.9", "nls acl arm64");
		struct side native = make_side(native_dir, cases[i].cpf, cases[i].use);
		struct candidates l = { 0 };
		struct candidate *c = candidate_add(&l, &root, &native, "/usr/bin/sed",
						    "/usr/bin/sed", TIER_TOOLS);

		assert_non_null(c);
		candidate_check(c, &root, &native, cases[i].release);
		assert_string_equal(c->reason ? c->reason : "",
				    cases[i].reason ? cases[i].reason : "");
		assert_string_equal(c->note ? c->note : "",
				    cases[i].note ? cases[i].note : "");
		assert_string_equal(c->package, "sys-apps/sed 4.9");
		candidates_free(&l);
		pkgdb_close(root.db);
		pkgdb_close(native.db);
		close(root.fd);
		close(native.fd);
		remove_dir(dir);
		remove_dir(native_dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_use),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fingerprint, setup, teardown),
		cmocka_unit_test(test_twins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
