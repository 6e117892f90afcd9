// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "mech/json.h"

static char *print(const struct json *j)
{
	char *out = NULL;
	size_t n;
	struct err e = { 0 };
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	assert_int_equal(json_print(f, j, &e), 0);
	assert_int_equal(fclose(f), 0);
	return out;
}

static void test_document(void **state)
{
	_cleanup_json_ struct json *o = json_obj();
	struct json *a = json_arr();
	_cleanup_free_ char *out = NULL;

	(void)state;
	json_set_str(o, "zeta", "x\n\"y");
	json_set_str(o, "none", NULL);
	json_set_int(o, "big", INT64_C(9007199254740993));
	json_set_bool(o, "yes", true);
	json_set_bool(o, "no", false);
	json_append(a, json_str("one"));
	json_append(a, json_obj());
	json_set(o, "list", a);
	out = print(o);
	assert_string_equal(out, "{\n"
				 "  \"zeta\": \"x\\n\\\"y\",\n"
				 "  \"none\": null,\n"
				 "  \"big\": 9007199254740993,\n"
				 "  \"yes\": true,\n"
				 "  \"no\": false,\n"
				 "  \"list\": [\n"
				 "    \"one\",\n"
				 "    {}\n"
				 "  ]\n"
				 "}\n");
}

static void test_bytes(void **state)
{
#define BAD "\xef\xbf\xbd"
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7" },
		{ "a\xff" "b", "a" BAD "b" },
		{ "cut\xc3", "cut" BAD },
		{ "cut\xe2\x82", "cut" BAD BAD },
		{ "\xc0\xaf", BAD BAD },	 /* overlong */
		{ "\xe0\x80\xaf", BAD BAD BAD }, /* overlong */
		{ "\xed\xa0\x80", BAD BAD BAD }, /* surrogate */
		{ "\xf4\x90\x80\x80", BAD BAD BAD BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		_cleanup_json_ struct json *a = json_arr();
		_cleanup_free_ char *out = NULL, *want = NULL;

		json_append(a, json_str(t[i].in));
		out = print(a);
		assert_true(asprintf(&want, "[\n  \"%s\"\n]\n", t[i].out) > 0);
		assert_string_equal(out, want);
	}
}

static void test_bad_key(void **state)
{
	_cleanup_json_ struct json *o = json_obj();
	_cleanup_free_ char *out = NULL;

	(void)state;
	json_set_int(o, "k\xff", 1);
	out = print(o);
	assert_string_equal(out, "{\n  \"k" BAD "\": 1\n}\n");
}

static void test_full_disk(void **state)
{
	_cleanup_json_ struct json *o = json_obj();
	_cleanup_fclose_ FILE *f = fopen("/dev/full", "w");
	struct err e = { 0 };

	(void)state;
	assert_non_null(f);
	json_set_int(o, "a", 1);
	assert_int_equal(json_print(f, o, &e), -ENOSPC);
	assert_string_equal(e.msg, "write JSON: No space left on device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bad_key),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
