// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "base/path.h"
#include "mech/ar.h"
#include "os/proc.h"

#define HEAD(name, size) name "0           0     0     644     " size "`\n"

/* Every member as "NAME=CONTENT;", then "end" or "bad". */
static char *read_all(const char *data, size_t n)
{
	struct buf b = { 0 };
	struct ar_member m;
	struct ar ar;
	int r;

	if (!ar_open(&ar, data, n))
		return xstrdup("no archive");
	while ((r = ar_next(&ar, &m)) > 0) {
		buf_add(&b, m.name, m.name_len);
		buf_adds(&b, "=");
		if (m.data)
			buf_add(&b, m.data, m.n);
		buf_adds(&b, ";");
	}
	buf_adds(&b, r ? "bad" : "end");
	return b.data;
}

static void test_formats(void **state)
{
	static const struct {
		const char *data;
		const char *want;
	} cases[] = {
		{ "", "no archive" },
		{ "!<arch>", "no archive" },
		{ "!<arch>\n", "end" },
		{ "!<arch>\n" HEAD("a.o/            ", "3         ") "abc\n"
		  HEAD("b.o/            ", "2         ") "de", "a.o=abc;b.o=de;end" },
		/* GNU: a symbol table, a table of names */
		{ "!<arch>\n" HEAD("/               ", "4         ") "syms"
		  HEAD("//              ", "14        ") "long1/\nlong2/\n"
		  HEAD("/7              ", "1         ") "x\n"
		  HEAD("/0              ", "1         ") "y", "long2=x;long1=y;end" },
		{ "!<arch>\n" HEAD("/SYM64/         ", "2         ") "sy"
		  HEAD("x.o/            ", "0         "), "x.o=;end" },
		/* names with blanks, of the full width, System V's without a slash */
		{ "!<arch>\n" HEAD("a b.o/          ", "0         ")
		  HEAD("0123456789abcdef", "0         ")
		  HEAD("old.o           ", "0         "),
		  "a b.o=;0123456789abcdef=;old.o=;end" },
		{ "!<arch>\n" HEAD("#1/8            ", "11        ") "a b.o   xyz\n",
		  "a b.o   =xyz;end" },
		/* thin: the tables are in it, members are not */
		{ "!<thin>\n" HEAD("/               ", "2         ") "sy"
		  HEAD("//              ", "10        ") "../d/a.o/\n"
		  HEAD("/0              ", "999       ")
		  HEAD("b.o/            ", "7         "),
		  "../d/a.o=;b.o=;end" },
		/* damaged */
		{ "!<arch>\n" HEAD("a.o/            ", "4         ") "abc", "bad" },
		{ "!<arch>\n" HEAD("a.o/            ", "          "), "bad" },
		{ "!<arch>\n" HEAD("a.o/            ", "1x        ") "a", "bad" },
		{ "!<arch>\n" HEAD("/0              ", "0         "), "bad" },
		{ "!<arch>\n" HEAD("//              ", "2         ") "a\n"
		  HEAD("/2              ", "0         "), "bad" },
		{ "!<arch>\n" HEAD("#1/4            ", "3         ") "abc\n", "bad" },
		{ "!<arch>\nabc", "bad" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *data = cases[i].data;
		_cleanup_free_ char *have = read_all(data, strlen(data));

		assert_string_equal(have, cases[i].want);
	}
}

/* What ar(1) makes. */
static void test_real(void **state)
{
	char *dir = make_dir();
	_cleanup_close_ int fd = open_dir(dir);
	_cleanup_free_ char *whole = xasprintf("%s/w.a", dir);
	_cleanup_free_ char *thin = xasprintf("%s/t.a", dir);
	_cleanup_free_ char *a = xasprintf("%s/a", dir);
	_cleanup_free_ char *b = xasprintf("%s/a name too long for a header", dir);
	char *make[] = { "ar", "rcD", whole, a, b, NULL };
	char *make_thin[] = { "ar", "rcDT", thin, a, b, NULL };
	_cleanup_free_ char *data = NULL, *thin_data = NULL;
	_cleanup_free_ char *have = NULL, *thin_have = NULL, *thin_want = NULL;
	_cleanup_free_ char *out = NULL, *thin_out = NULL;
	struct err e = { 0 };
	size_t n;

	(void)state;
	write_file(fd, path_base(a), "odd");
	write_file(fd, path_base(b), "even");
	if (proc_run(make, NULL, &out, 65536, &e) ||
	    proc_run(make_thin, NULL, &thin_out, 65536, &e)) {
		print_message("no ar here: %s\n", e.msg);
		remove_dir(dir);
		skip();
	}
	assert_int_equal(fdio_read_file(fd, "w.a", 65536, &data, &n, &e), 0);
	have = read_all(data, n);
	assert_string_equal(have, "a=odd;a name too long for a header=even;end");
	assert_int_equal(fdio_read_file(fd, "t.a", 65536, &thin_data, &n, &e), 0);
	thin_have = read_all(thin_data, n);
	/* these are paths, as they were given */
	thin_want = xasprintf("%s=;%s=;end", a, b);
	assert_string_equal(thin_have, thin_want);
	remove_dir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
