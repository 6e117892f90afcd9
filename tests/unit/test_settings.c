// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "core/settings.h"

static void test_values(void **state)
{
	static const struct {
		const char *key, *value, *error;
	} t[] = {
		{ "target", "aarch64-unknown-linux-gnu", NULL },
		{ "target", "vax-dec-ultrix", "no tuple of a known architecture" },
		{ "native_root", "/srv//native/", NULL },
		{ "native_root", "srv", "no absolute path" },
		{ "native_root", "", "has no value" },
		{ "qemu", "qemu-arm", "no absolute path" },
		{ "native", "toolchain", NULL },
		{ "native", "everything", "none, toolchain or tools" },
		{ "binfmt", "global", NULL },
		{ "binfmt", "shared", "neither private nor global" },
		{ "extra_swaps", "sed", "no absolute path" },
		{ "excluded_swaps", "sed", NULL },
		{ "binds", "/a:/b:ro", NULL },
		{ "binds", "/a:b", "is no bind" },
		{ "env", "K=V", NULL },
		{ "env", "=V", "is no K=V" },
		{ "env", "KV", "is no K=V" },
		{ "native_root", "stage", NULL },
		{ "native_root", "/srv//native/", NULL },
		{ "mirrors", "https://distfiles.example.org/gentoo", NULL },
		{ "mirrors", "file:///srv/mirror", NULL },
		{ "mirrors", "file://srv/mirror", "no URL" },
		{ "mirrors", "ftp://example.org", "no URL" },
		{ "mirrors", "example.org", "no URL" },
		{ "mirrors", "http://example.org/?a=b", "no URL" },
		{ "mirrors", "http://a b", "no URL" },
		{ "keyring", "/keys.asc", NULL },
		{ "keyring", "keys.asc", "no absolute path" },
		{ "stage_cache", "cache", "no absolute path" },
		{ "mirror_timeout", "60", NULL },
		{ "mirror_timeout", "0", "no number" },
		{ "mirror_timeout", "3601", "no number" },
		{ "mirror_timeout", "1s", "no number" },
		{ "mirror_tries", "-1", "no number" },
		{ "mirror_tries", "99999999999999", "no number" },
		{ "nonsense", "1", "unknown key" },
	};
	struct settings s;

	(void)state;
	settings_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct err e = { 0 };
		int r = settings_set(&s, t[i].key, t[i].value, &e);

		assert_int_equal(r, t[i].error ? -ERR_CONFIG : 0);
		if (t[i].error)
			assert_non_null(strstr(e.msg, t[i].error));
	}
	assert_string_equal(s.native_root, "/srv/native");
	assert_int_equal(s.native, TIER_TOOLCHAIN);
	assert_true(s.global_binfmt);
	assert_int_equal(s.mirrors.n, 2);
	assert_string_equal(s.keyring, "/keys.asc");
	assert_int_equal(s.mirror_timeout, 60);
	assert_int_equal(s.mirror_tries, 5);
	assert_int_equal(settings_set(&s, "env", "K=W", NULL), 0);
	assert_int_equal(s.env.n, 1);
	assert_string_equal(s.env.v[0], "K=W");
	settings_free(&s);
}

static void test_round_trip(void **state)
{
	static const char *const values[][2] = {
		{ "target", "riscv64-unknown-linux-gnu" },
		{ "native_root", "/a b/#c" },
		{ "qemu", "/opt/q;emu" },
		{ "qemu_args", "-cpu" },
		{ "qemu_args", "cortex-a8,neon=on" },
		{ "native", "none" },
		{ "extra_swaps", "/usr/bin/say \"hi\"" },
		{ "excluded_swaps", "it's" },
		{ "binds", "/a\\:b:/c:ro" },
		{ "env", "K= v, w " },
		{ "env", "E=" },
		{ "binfmt", "global" },
		/* of the machine: a root does not take it along */
		{ "mirrors", "http://example.org" },
	};
	char *dir = make_dir();
	struct settings in, out;

	(void)state;
	settings_init(&in);
	settings_init(&out);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_int_equal(settings_set(&in, values[i][0], values[i][1], NULL), 0);

	_cleanup_close_ int fd = open_dir(dir);

	assert_int_equal(settings_write(&in, fd, "conf", NULL), 0);
	assert_int_equal(settings_read(&out, fd, "conf", NULL), 0);
	assert_string_equal(out.target, in.target);
	assert_string_equal(out.native_root, "/a b/#c");
	assert_string_equal(out.qemu, in.qemu);
	assert_int_equal(out.qemu_args.n, 2);
	assert_string_equal(out.qemu_args.v[1], "cortex-a8,neon=on");
	assert_int_equal(out.native, TIER_NONE);
	assert_string_equal(out.extra_swaps.v[0], in.extra_swaps.v[0]);
	assert_string_equal(out.excluded_swaps.v[0], "it's");
	assert_string_equal(out.binds.v[0], in.binds.v[0]);
	assert_int_equal(out.env.n, 2);
	assert_string_equal(out.env.v[0], "K= v, w ");
	assert_string_equal(out.env.v[1], "E=");
	assert_true(out.global_binfmt);
	assert_int_equal(out.mirrors.n, 0);
	settings_free(&in);
	settings_free(&out);
	remove_dir(dir);
}

static void test_unwritable(void **state)
{
	char *dir = make_dir();
	_cleanup_close_ int fd = open_dir(dir);
	struct settings s;
	struct err e = { 0 };

	(void)state;
	settings_init(&s);
	assert_int_equal(settings_set(&s, "env", "K='\"", NULL), 0);
	assert_int_equal(settings_write(&s, fd, "conf", &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "both kinds of quotes"));
	settings_free(&s);
	settings_init(&s);
	assert_int_equal(settings_set(&s, "env", "K=a\nb", NULL), 0);
	assert_int_equal(settings_write(&s, fd, "conf", &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "newline"));
	settings_free(&s);
	remove_dir(dir);
}

static void test_binds(void **state)
{
	static const struct {
		const char *spec, *src, *dst;
		bool ro;
	} t[] = {
		{ "/a", "/a", "/a", false },
		{ "/a:/b", "/a", "/b", false },
		{ "/a:/b:ro", "/a", "/b", true },
		{ "/a:ro", "/a", "/a", true },
		{ "/a\\:b:/c", "/a:b", "/c", false },
		{ "/a:/b:rw", NULL, NULL, false },
		{ "/a:/b:ro:", NULL, NULL, false },
		{ "a", NULL, NULL, false },
		{ "", NULL, NULL, false },
		{ "/a:", NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_free_ char *src = NULL, *dst = NULL;
		bool ro = false;
		int r = bind_parse(t[i].spec, &src, &dst, &ro, NULL);

		assert_int_equal(r, t[i].src ? 0 : -ERR_CONFIG);
		if (!t[i].src)
			continue;
		assert_string_equal(src, t[i].src);
		assert_string_equal(dst, t[i].dst);
		assert_int_equal(ro, t[i].ro);
	}
}

static void test_tmpfs(void **state)
{
	static const struct {
		const char *spec, *path, *size;
	} t[] = {
		{ "/a", "/a", NULL },	   { "/a:4m", "/a", "4m" },
		{ "/a\\:b:50%", "/a:b", "50%" }, { "a:4m", NULL, NULL },
		{ "/", NULL, NULL },	   { "/:4m", NULL, NULL },
		{ "/a:x", NULL, NULL },	   { "/a:", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_free_ char *path = NULL, *size = NULL;
		int r = tmpfs_parse(t[i].spec, &path, &size, NULL);

		assert_int_equal(r, t[i].path ? 0 : -ERR_CONFIG);
		if (!t[i].path)
			continue;
		assert_string_equal(path, t[i].path);
		if (t[i].size)
			assert_string_equal(size, t[i].size);
		else
			assert_null(size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_tmpfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
