// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "mech/config.h"

static const struct config_key keys[] = {
	{ "target", false }, { "qemu_args", false }, { "binds", true }, { "env", true },
};

/* Values as "key=<value>", refusing the value "bad". */
static int set(void *arg, const struct config_key *key, const char *value, struct err *e)
{
	struct buf *b = arg;

	if (!strcmp(value, "bad"))
		return err_set(e, -ERR_STATE, "'bad' is refused");
	buf_addf(b, "%s=<%s>", key->name, value);
	return 0;
}

static int parse(const char *text, size_t n, struct buf *b, struct err *e)
{
	buf_adds(b, "");
	return config_parse("F", text, n, keys, ARRAY_SIZE(keys), set, b, e);
}

static void test_good(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "", "" },
		{ "# nothing\n\n; here\n", "" },
		{ "[crossroot]\n", "" },
		{ "[crossroot]\ntarget=x", "target=<x>" },
		{ "[crossroot]\r\ntarget = x\r\n", "target=<x>" },
		{ " [ CrossRoot ] \n\tTARGET  =  MixedCase  # why\n", "target=<MixedCase>" },
		{ "[crossroot]\ntarget =\n", "target=<>" },
		{ "[crossroot]\ntarget = \"\"\n", "target=<>" },
		{ "[crossroot]\ntarget = # none\n", "target=<>" },
		{ "[crossroot]\ntarget = \" a # b; \" ; c\n", "target=< a # b; >" },
		{ "[crossroot]\ntarget = 'it \"is\"'\n", "target=<it \"is\">" },
		{ "[crossroot]\nqemu_args = -cpu cortex-a8,neon=on\n",
		  "qemu_args=<-cpu cortex-a8,neon=on>" },
		{ "[crossroot]\nbinds = /a, /b /c\ntarget=t\nbinds=/d\n",
		  "binds=</a>binds=</b>binds=</c>target=<t>binds=</d>" },
		{ "[crossroot]\nenv = A=1 B=2\nenv = \"C=x, y\"\n",
		  "env=<A=1>env=<B=2>env=<C=x, y>" },
		{ "[crossroot]\nbinds =\n", "" },
		{ "[crossroot]\n[crossroot]\ntarget=x\n", "target=<x>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct err e = { 0 };
		int r = parse(t[i].text, strlen(t[i].text), &b, &e);

		if (r)
			print_error("%s: %s\n", t[i].text, e.msg);
		assert_int_equal(r, 0);
		assert_string_equal(b.data, t[i].want);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "target=x\n", "F:1: text before the section [crossroot]" },
		{ "\n[other]\n", "F:2: unknown section, only [crossroot] exists" },
		{ "[]\n", "F:1: unknown section, only [crossroot] exists" },
		{ "[", "F:1: text before the section [crossroot]" },
		{ "[crossroot]\n\ntarget\n", "F:3: not a 'key = value' line" },
		{ "[crossroot]\nx", "F:2: not a 'key = value' line" },
		{ "[crossroot] # c\n", "F:1: text before the section [crossroot]" },
		{ "[crossroot]\n = x\n", "F:2: no key before '='" },
		{ "[crossroot]\n#\nTarge = x\n", "F:3: unknown key 'targe'" },
		{ "[crossroot]\n3.target = x\n", "F:2: unknown key '3.target'" },
		{ "[crossroot]\ntarget:a = x\n", "F:2: unknown key 'target:a'" },
		{ "[crossroot]\ntarget=a\nTarget=b\n",
		  "F:3: 'target' was already set in line 2" },
		{ "[crossroot]\ntarget = \"x\n", "F:2: the quote is never closed" },
		{ "[crossroot]\nbinds = \"/a\" \"/b\"\n", "F:2: text after the closing quote" },
		{ "[crossroot]\nenv = A=b#c\n",
		  "F:2: a value with '#' or ';' has to be quoted" },
		{ "[crossroot]\nbinds = a \\\n b\n",
		  "F:2: a line cannot be continued; repeat the key or quote the value" },
		{ "[crossroot]\nbinds = /a bad\n", "F:2: 'bad' is refused" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct err e = { 0 };
		int r = parse(t[i].text, strlen(t[i].text), &b, &e);

		assert_string_equal(e.msg, t[i].want);
		assert_int_equal(r, strstr(t[i].want, "refused") ? -ERR_STATE :
								   -ERR_CONFIG);
	}
}

static void test_nul_and_length(void **state)
{
	static const char nul[] = "[crossroot]\ntarget=a\0b\n";
	_cleanup_buf_ struct buf b = { 0 }, text = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse(nul, sizeof(nul) - 1, &b, &e), -ERR_CONFIG);
	assert_string_equal(e.msg, "F:2: a NUL byte");

	/* the longest line there may be comes through whole, as value and as key */
	buf_adds(&text, "[crossroot]\ntarget=");
	while (text.len < strlen("[crossroot]\n") + 960)
		buf_adds(&text, "v");
	assert_int_equal(parse(text.data, text.len, &b, &e), 0);
	assert_int_equal(strlen(b.data), strlen("target=<>") + 960 - strlen("target="));
	buf_adds(&text, "v");
	assert_int_equal(parse(text.data, text.len, &b, &e), -ERR_CONFIG);
	assert_string_equal(e.msg, "F:2: the line is too long");
	text.len = strlen("[crossroot]\n");
	while (text.len < strlen("[crossroot]\n") + 958)
		buf_adds(&text, "k");
	buf_adds(&text, "=v");
	assert_int_equal(parse(text.data, text.len, &b, &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "F:2: unknown key 'kkk"));
}

/* More lines than iniparser's first dictionary holds keep their order. */
static void test_many(void **state)
{
	_cleanup_buf_ struct buf b = { 0 }, text = { 0 }, want = { 0 };
	struct err e = { 0 };

	(void)state;
	buf_adds(&text, "[crossroot]\n");
	for (int i = 0; i < 1000; i++) {
		buf_addf(&text, "binds = /%d\n", i);
		buf_addf(&want, "binds=</%d>", i);
	}
	assert_int_equal(parse(text.data, text.len, &b, &e), 0);
	assert_string_equal(b.data, want.data);
}

static void test_file(void **state)
{
	char path[] = "/tmp/crossroot-test.XXXXXX";
	static const char text[] = "[crossroot]\ntarget=x\n";
	_cleanup_close_ int fd = mkstemp(path);
	_cleanup_buf_ struct buf b = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(config_read(AT_FDCWD, path, keys, ARRAY_SIZE(keys), set, &b, &e), 0);
	assert_string_equal(b.data, "target=<x>");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(config_read(AT_FDCWD, path, keys, ARRAY_SIZE(keys), set, &b, &e),
			 -ENOENT);
	assert_int_equal(config_read(AT_FDCWD, "/tmp", keys, ARRAY_SIZE(keys), set, &b, &e),
			 -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul_and_length), cmocka_unit_test(test_many),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
