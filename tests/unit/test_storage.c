// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "core/snapshot.h"
#include "core/storage.h"

static char *dir;
static int dir_fd;

static int setup(void **state _unused_)
{
	dir = make_dir();
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0;
}

static int teardown(void **state _unused_)
{
	close(dir_fd);
	remove_dir(dir);
	return 0;
}

static void put_file(const char *text)
{
	assert_int_equal(fdio_publish(dir_fd, STORAGE_FILE, text, strlen(text), 0600, NULL),
			 0);
}

static void no_file_is_a_directory(void **state _unused_)
{
	_cleanup_storage_ struct storage s = { .kind = STORAGE_TMPFS };
	struct err e = { 0 };

	assert_int_equal(storage_read(dir_fd, &s, &e), 0);
	assert_int_equal(s.kind, STORAGE_DIR);
	assert_int_equal(e.code, 0);
	assert_null(s.arch);
}

static void what_is_written_is_read(void **state _unused_)
{
	_cleanup_storage_ struct storage s = { .kind = STORAGE_OVERLAY,
					       .arch = xstrdup("aarch64"),
					       .base_kind = BASE_FILE,
					       .base = xstrdup("/a b/it's # \\ x%1.img"),
					       .type = xstrdup("erofs"),
					       .offset = 1048576,
					       .length = 1ULL << 42,
					       .read_only = true,
					       .upper = xstrdup("00c0ffee") };
	_cleanup_storage_ struct storage r = { 0 };
	struct err e = { 0 };

	strv_add(&s.layers, "00000001");
	strv_add(&s.layers, "00000002");
	strv_add(&s.snapshots, "0@17");
	snapshot_note(&s);
	assert_int_equal(storage_write(dir_fd, &s, &e), 0);
	assert_int_equal(storage_read(dir_fd, &r, &e), 0);
	assert_int_equal(r.kind, STORAGE_OVERLAY);
	assert_string_equal(r.arch, "aarch64");
	assert_int_equal(r.base_kind, BASE_FILE);
	assert_string_equal(r.base, s.base);
	assert_string_equal(r.type, "erofs");
	assert_true(r.offset == s.offset && r.length == s.length);
	assert_true(r.read_only);
	/* the base is, the root is not */
	assert_false(storage_is_read_only(&r));
	assert_int_equal(r.layers.n, 2);
	assert_string_equal(r.layers.v[1], "00000002");
	assert_string_equal(r.upper, "00c0ffee");
	assert_int_equal(snapshot_layers(&r, 0), 0);
	assert_int_equal(snapshot_time(&r, 0), 17);
	assert_int_equal(snapshot_layers(&r, 1), 2);
	assert_true(snapshot_time(&r, 1) > 1700000000);
}

static void bad_files_are_refused(void **state _unused_)
{
	static const char *const bad[] = {
		"[crossroot]\nkind = cloud\n",
		"[crossroot]\nkind = overlay\n",
		"[crossroot]\nkind = overlay\nupper = 12\n",
		"[crossroot]\nkind = overlay\nupper = ../x\nlayers = 1\n",
		"[crossroot]\nkind = overlay\nupper = 1\nlayers = a/b\n",
		"[crossroot]\nkind = overlay\nupper = 1\nbase = /x\n",
		"[crossroot]\nkind = overlay\nupper = 1\nbase = root:\n",
		"[crossroot]\nkind = image\noffset = -1\n",
		"[crossroot]\nkind = image\nunknown = 1\n",
		"kind",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct storage s;
		struct err e = { 0 };

		put_file(bad[i]);
		if (storage_read(dir_fd, &s, &e) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_true(e.msg[0]);
		/* nothing that a caller would have to free */
		assert_null(s.upper);
		assert_null(s.base);
	}
}

static void sizes(void **state _unused_)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: none */
	} t[] = {
		{ "1", 1 },
		{ "512", 512 },
		{ "4k", 4096 },
		{ "16M", 16 << 20 },
		{ "3g", 3ULL << 30 },
		{ "8T", 8ULL << 40 },
		{ "8388607t", 8388607ULL << 40 },
		{ "8388608t", 0 },
		{ "99999999999999999999", 0 },
		{ "0", 0 },
		{ "0g", 0 },
		{ "", 0 },
		{ "g", 0 },
		{ "-1", 0 },
		{ "1gb", 0 },
		{ "1%", 0 },
		{ " 1", 0 },
		{ "1.5g", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint64_t n = 0;
		int r = storage_parse_size(t[i].text, &n, NULL);

		assert_int_equal(r, t[i].bytes ? 0 : -ERR_USAGE);
		if (t[i].bytes)
			assert_true(n == t[i].bytes);
	}
}

#define t(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(no_file_is_a_directory),
		t(what_is_written_is_read),
		t(bad_files_are_refused),
		t(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
