// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "mech/armor.h"

#define HEAD "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define TAIL "-----END PGP PUBLIC KEY BLOCK-----\n"

static void test_decode(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} t[] = {
		{ HEAD "\naGVsbG8=\n=abcd\n" TAIL, "hello" },
		{ HEAD "Version: 2\nComment: x\n\naGVs\nbG8=\n" TAIL, "hello" },
		{ HEAD "\r\naGVsbG8=\r\n=abcd\r\n" TAIL, "hello" },
		{ HEAD "\naGVsbG8h\n" TAIL, "hello!" },
		/* several keys, and what is written between them */
		{ "first\n" HEAD "\naGVsbG8=\n=abcd\n" TAIL "second\n" HEAD "\nIQ==\n" TAIL,
		  "hello!" },
		{ HEAD "\n" TAIL, "" },
		{ HEAD "\naGVsbG8=\n", NULL },
		{ HEAD TAIL, NULL },
		{ HEAD "\naGVs*G8=\n" TAIL, NULL },
		{ HEAD "\naGVsbG8=aGVs\n" TAIL, NULL },
		{ "", NULL },
		{ "text\n", NULL },
		{ "-----END PGP", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		/* its own bytes and no more: what is read beyond is seen */
		size_t n = strlen(t[i].text);
		_cleanup_free_ char *text = xmalloc(n);
		_cleanup_buf_ struct buf b = { 0 };
		int r;

		memcpy(text, t[i].text, n);
		buf_adds(&b, "");
		r = armor_decode(text, n, &b, NULL);
		assert_int_equal(r, t[i].want ? 0 : -ERR_FORMAT);
		if (t[i].want)
			assert_string_equal(b.data, t[i].want);
	}
}

static void test_is(void **state)
{
	(void)state;
	assert_true(armor_is(HEAD, strlen(HEAD)));
	assert_true(armor_is("\n " HEAD, strlen(HEAD) + 2));
	assert_false(armor_is("", 0));
	assert_false(armor_is("\0", 1));
	assert_false(armor_is("\x99\x01\r", 3));
	assert_false(armor_is(HEAD, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
