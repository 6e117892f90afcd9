// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "core/compare.h"
#include "os/proc.h"

/* Compile @source to @path below @dir with @flags, as an object. */
static void compile(const char *dir, const char *path, const char *flags, const char *source)
{
	_cleanup_free_ char *cmd = xasprintf("cd '%s' && printf '%%s' '%s' > t.c && "
					     "cc -c %s t.c -o t.o && ar rcD %s t.o && "
					     "rm t.c", dir, source, flags, path);

	assert_int_equal(proc_run((char *[]){ "sh", "-c", cmd, NULL }, NULL, NULL, 0, NULL),
			 0);
}

static const struct difference *find(const struct differences *d, const char *path)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].path, path))
			return &d->v[i];
	return NULL;
}

static void test_compare(void **state)
{
	char *a = make_dir(), *b = make_dir();
	_cleanup_close_ int fa = open_dir(a), fb = open_dir(b);
	_cleanup_strv_ struct strv ignored = { 0 };
	struct differences d;

	(void)state;
	write_file(fa, "same/x", "one\n");
	write_file(fb, "same/x", "one\n");
	write_file(fa, "sub/text", "one\ntwo lines\n");
	write_file(fb, "sub/text", "one\ntwo words\n");
	write_file(fa, "only", "");
	write_file(fa, "empty", "");
	write_file(fb, "empty", "x");
	write_file(fa, "config.log", "1");
	write_file(fb, "config.log", "2");
	write_file(fa, "mode", "");
	write_file(fb, "mode", "");
	assert_int_equal(fchmodat(fb, "mode", 0755, 0), 0);
	assert_int_equal(symlinkat("x", fa, "link"), 0);
	assert_int_equal(symlinkat("y", fb, "link"), 0);
	write_file(fa, "type", "");
	assert_int_equal(mkdirat(fb, "type", 0755), 0);
	compile(a, "lib.a", "-fno-ident", "int one(void) { return 1; } int two(void) { return 2; }");
	compile(b, "lib.a", "-fno-ident", "int one(void) { return 1; } int two(void) { return 3; }");
	strv_add(&ignored, "config.log");
	assert_int_equal(compare_trees(fa, "A", fb, "B", &ignored, &d, NULL), 0);

	assert_int_equal(d.n, 8);
	assert_null(find(&d, "same/x"));
	assert_null(find(&d, "config.log"));
	assert_string_equal(find(&d, "sub/text")->detail,
			    "line 2; A \"two lines\", B \"two words\"");
	assert_string_equal(find(&d, "only")->what, "only at tier A");
	assert_string_equal(find(&d, "empty")->what, "content");
	assert_string_equal(find(&d, "mode")->detail, "A 644, B 755");
	assert_string_equal(find(&d, "link")->detail, "A x, B y");
	assert_string_equal(find(&d, "type")->what, "type");
	assert_non_null(strstr(find(&d, "t.o")->detail, "section .text, symbol two+0x"));
	assert_non_null(strstr(find(&d, "lib.a")->detail,
			       "member t.o, section .text, symbol two+0x"));
	differences_free(&d);
	remove_dir(a);
	remove_dir(b);
}

/* Where the objects of two sources differ, as one file; the caller frees it. */
static char *object_difference(const char *flags, const char *one, const char *two)
{
	char *a = make_dir(), *b = make_dir(), *detail;
	_cleanup_close_ int fa = open_dir(a), fb = open_dir(b);
	_cleanup_strv_ struct strv ignored = { 0 };
	struct differences d;

	strv_add(&ignored, "lib.a");
	compile(a, "lib.a", flags, one);
	compile(b, "lib.a", flags, two);
	assert_int_equal(compare_trees(fa, "A", fb, "B", &ignored, &d, NULL), 0);
	assert_int_equal(d.n, 1);
	detail = xstrdup(find(&d, "t.o")->detail);
	differences_free(&d);
	remove_dir(a);
	remove_dir(b);
	return detail;
}

/* A C++ object has many sections of one name: each is compared with its own. */
static void test_same_names(void **state)
{
#define TEMPLATES(n) \
	"template<int> int one() { static int x; return ++x; }" \
	"template<int> int two() { static int x; return x += " n "; }" \
	"int main() { return one<1>() + one<2>() + two<1>() + two<2>(); }"
#define SECTION(name, n, text) \
	".section " name ",\"a\",@progbits,unique," n "\n .ascii \"" text "\"\n"
	_cleanup_free_ char *groups = object_difference("-x c++ -fno-ident", TEMPLATES("2"),
							TEMPLATES("3"));
	_cleanup_free_ char *moved = object_difference(
		"-x assembler", SECTION(".many", "1", "x") SECTION(".many", "2", "y"),
		SECTION(".more", "1", "z") SECTION(".many", "1", "x") SECTION(".many", "2", "y"));

	(void)state;
	assert_non_null(strstr(groups, "section .text._Z3twoILi1EEiv"));
	assert_non_null(strstr(groups, "and 1 more"));
	assert_non_null(strstr(moved, "section .shstrtab"));
}

/* Damaged files differ like others; nothing is read that is not there. */
static void test_damaged(void **state)
{
	static const char *const texts[][2] = {
		{ "!<arch>\nfoo.o/          0           0     0     644     99999     `\nx",
		  "!<arch>\nfoo.o/          0           0     0     644     99999     `\ny" },
		{ "!<arch>\nshort", "!<arch>\nshor" },
		{ "\177ELF\2\1\1", "\177ELF\2\1\2" },
	};
	char *a = make_dir(), *b = make_dir();
	_cleanup_close_ int fa = open_dir(a), fb = open_dir(b);
	_cleanup_strv_ struct strv ignored = { 0 };
	struct differences d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file(fa, "f", texts[i][0]);
		write_file(fb, "f", texts[i][1]);
		assert_int_equal(compare_trees(fa, "A", fb, "B", &ignored, &d, NULL), 0);
		assert_int_equal(d.n, 1);
		differences_free(&d);
	}
	remove_dir(a);
	remove_dir(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_same_names),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
