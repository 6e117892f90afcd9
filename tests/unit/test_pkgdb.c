// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "core/dpkg.h"
#include "core/pkgdb.h"
#include "os/proc.h"

static const char status[] =
	"Package: sed\nStatus: install ok installed\nArchitecture: arm64\n"
	"Multi-Arch: foreign\nVersion: 4.9-1\nDescription: a\n Version: 0\n\n"
	"Package: gone\nStatus: deinstall ok config-files\nArchitecture: arm64\n"
	"Version: 1\n\n\n"
	"Package: libfoo\nStatus: install ok unpacked\nArchitecture: arm64\n"
	"Multi-Arch: same\nVersion: 1:2.0-3+b1\n\n"
	"Package: dash\nStatus: install ok installed\nArchitecture: arm64\nVersion: 0.5.12-2\n\n"
	"Package: bash\nStatus: install ok installed\nArchitecture: arm64\nVersion: 5.2";

static const char *owner(struct pkgdb *db, const char *path)
{
	const struct pkg *p = pkgdb_owner(db, path);

	return p ? p->name : "-";
}

static void test_owners(void **state)
{
	char *dir = make_dir(), before[64], after[64];
	_cleanup_close_ int fd = open_dir(dir);
	struct pkgdb *db;

	(void)state;
	assert_int_equal(pkgdb_open(fd, &db, NULL), -ERR_UNSUPPORTED);
	assert_int_equal(pkgdb_fingerprint(fd, before, NULL), 0);
	assert_string_equal(before, "-");
	write_file(fd, "var/lib/dpkg/status", status);
	write_file(fd, "var/lib/dpkg/info/sed.list", "/.\n/bin\n/bin/sed\n/usr/share/x\n");
	write_file(fd, "var/lib/dpkg/info/gone.list", "/bin/gone\n");
	write_file(fd, "var/lib/dpkg/info/libfoo:arm64.list", "/usr/lib/libfoo.so.1");
	write_file(fd, "var/lib/dpkg/info/dash.list", "/bin/sh\n/bin/dash\n");
	write_file(fd, "var/lib/dpkg/info/bash.list", "/bin/bash\n/bin/sh\n");
	write_file(fd, "var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n");
	assert_int_equal(pkgdb_open(fd, &db, NULL), 0);
	assert_string_equal(owner(db, "/bin/sed"), "sed");
	/* a merged root spells it so */
	assert_string_equal(owner(db, "/usr/bin/sed"), "sed");
	assert_string_equal(owner(db, "/lib/libfoo.so.1"), "libfoo");
	assert_string_equal(pkgdb_owner(db, "/usr/lib/libfoo.so.1")->version, "1:2.0-3+b1");
	assert_string_equal(pkgdb_owner(db, "/bin/sed")->version, "4.9-1");
	assert_string_equal(owner(db, "/bin/sh"), "dash");
	assert_string_equal(owner(db, "/bin/gone"), "-");
	assert_string_equal(owner(db, "/bin/se"), "-");
	assert_string_equal(owner(db, ""), "-");
	pkgdb_close(db);
	assert_int_equal(pkgdb_fingerprint(fd, before, NULL), 0);
	write_file(fd, "var/lib/dpkg/status", status);
	assert_int_equal(pkgdb_fingerprint(fd, after, NULL), 0);
	assert_string_not_equal(before, after);
	remove_dir(dir);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"", "\n\n\n", "Package", "Package:", "Package: x", ":\n\n:",
		"Package: a\nStatus: install ok installed\n",
		"Status: installed\n\nVersion: 1\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *at = texts[i], *end = at + strlen(at);
		struct dpkg_stanza s;

		while ((at = dpkg_next(at, end, &s)))
			assert_true(at <= end);
	}
}

/* The host's own database, against dpkg-query. */
static void test_host(void **state)
{
	char *out;
	struct pkgdb *db;
	_cleanup_close_ int fd = open_dir("/");
	char *const ask[] = { "dpkg-query", "-S", "*bin/sed", "*bin/gcc-12", "*bin/dpkg", NULL };

	(void)state;
	if (access("/var/lib/dpkg/status", R_OK) < 0 || access("/usr/bin/dpkg-query", X_OK) < 0)
		skip();
	assert_int_equal(pkgdb_open(fd, &db, NULL), 0);
	assert_int_equal(proc_run(ask, NULL, &out, 65536, NULL), 0);
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		char *path = strstr(line, ": /");
		const struct pkg *p;

		if (!path)
			continue;
		*path = '\0';
		line[strcspn(line, ":")] = '\0';
		p = pkgdb_owner(db, path + 2);
		assert_non_null(p);
		assert_string_equal(p->name, line);
	}
	free(out);
	pkgdb_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
