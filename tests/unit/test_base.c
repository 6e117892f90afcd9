// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"

static void err_errno_text(void **state _unused_)
{
	struct err e = { 0 };

	strcpy(e.hint, "stale");
	assert_int_equal(err_set(&e, -ENOENT, "open '%s'", "x"), -ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_string_equal(e.msg, "open 'x': No such file or directory");
	assert_string_equal(e.hint, "");
}

static void err_domain_text(void **state _unused_)
{
	struct err e = { 0 };

	assert_int_equal(err_set(&e, -ERR_STATE, "root '%s' is busy", "a"), -ERR_STATE);
	assert_string_equal(e.msg, "root 'a' is busy");
	assert_int_equal(err_wrap(&e, "destroy %d", 7), -ERR_STATE);
	assert_string_equal(e.msg, "destroy 7: root 'a' is busy");
	assert_int_equal(err_hint(&e, "wait for %s", "it"), -ERR_STATE);
	assert_string_equal(e.hint, "wait for it");
}

static void err_null_is_allowed(void **state _unused_)
{
	assert_int_equal(err_set(NULL, -EIO, "x"), -EIO);
	assert_true(err_wrap(NULL, "x") <= -ERR_USAGE);
	assert_true(err_hint(NULL, "x") <= -ERR_USAGE);
}

static void err_long_text_is_cut(void **state _unused_)
{
	char big[4096];
	struct err e = { 0 };

	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, -EIO, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	err_wrap(&e, "%s", big);
	assert_true(strlen(e.msg) < sizeof(e.msg));
	assert_int_equal(e.code, -EIO);
	/* the cause stays, whatever is put before it */
	err_set(&e, -EIO, "read 'x'");
	err_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_string_equal(strstr(e.msg, ": read"), ": read 'x': Input/output error");
}

static void buf_grows(void **state _unused_)
{
	struct buf b = { 0 };

	buf_add(&b, "", 0);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%d,", i % 10);
	assert_int_equal(b.len, 20000);
	assert_int_equal(strlen(b.data), 20000);
	assert_memory_equal(b.data + 19996, "8,9,", 5);
	buf_add(&b, "\0z", 2);
	assert_int_equal(b.len, 20002);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len + b.cap, 0);
}

static void strv_holds_strings(void **state _unused_)
{
	struct strv l = { 0 };

	strv_sort(&l);
	assert_false(strv_has(&l, "a"));
	strv_split(&l, ",,c b,,a,", ", ");
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0], "c");
	assert_null(l.v[3]);
	strv_addf(&l, "%c%d", 'b', 2);
	strv_take(&l, xstrndup("zebra", 1));
	strv_sort(&l);
	assert_string_equal(l.v[0], "a");
	assert_string_equal(l.v[2], "b2");
	assert_string_equal(l.v[4], "z");
	assert_null(l.v[5]);
	assert_true(strv_has(&l, "b2"));
	assert_false(strv_has(&l, "b3"));
	for (int i = 0; i < 100; i++)
		strv_add(&l, "more");
	assert_int_equal(l.n, 105);
	assert_null(l.v[105]);
	strv_free(&l);
	assert_null(l.v);
}

static void take_hands_on(void **state _unused_)
{
	_cleanup_free_ char *p = xstrdup("x");
	char *q = TAKE_PTR(p);
	int fd = 5;

	assert_null(p);
	free(q);
	assert_int_equal(TAKE_FD(fd), 5);
	assert_int_equal(fd, -1);
	errno = ERANGE;
	cleanup_closep(&fd);
	fd = 1000000;
	cleanup_closep(&fd);
	assert_int_equal(errno, ERANGE);
}

static void check_owned(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void path_cleaning(void **state _unused_)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "." },
		{ ".", "." },
		{ "/", "/" },
		{ "//", "/" },
		{ "/a//b/./c/", "/a/b/c" },
		{ "/a/../..", "/" },
		{ "/../a", "/a" },
		{ "a/..", "." },
		{ "../a/../..", "../.." },
		{ "a/b/../c", "a/c" },
		{ "/..a/...", "/..a/..." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		check_owned(path_clean(t[i].in), t[i].out);
}

static void path_joining(void **state _unused_)
{
	check_owned(path_join("/a", "b"), "/a/b");
	check_owned(path_join("/a//", "//b"), "/a/b");
	check_owned(path_join("/", "b"), "/b");
	check_owned(path_join("", "b"), "/b");
}

static void path_parts(void **state _unused_)
{
	assert_string_equal(path_base("/a/b"), "b");
	assert_string_equal(path_base("b"), "b");
	assert_string_equal(path_base("b/"), "");
	check_owned(path_dir("/a/b"), "/a");
	check_owned(path_dir("/a"), "/");
	check_owned(path_dir("a"), ".");
	check_owned(path_dir("a/b/"), "a/b");
}

static void path_containment(void **state _unused_)
{
	assert_true(path_beneath("/a/b", "/a"));
	assert_true(path_beneath("/a", "/a"));
	assert_true(path_beneath("/a", "/"));
	assert_true(path_beneath("/", "/"));
	assert_false(path_beneath("/ab", "/a"));
	assert_false(path_beneath("/a", "/a/b"));
	assert_false(path_beneath("a", "/"));
}

static void log_gates_and_keeps_errno(void **state _unused_)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	char text[512];

	assert_non_null(f);
	assert_true(saved >= 0);
	dup2(fileno(f), STDERR_FILENO);
	errno = EXDEV;
	log_set_level(LOG_QUIET);
	log_warn("no");
	log_set_level(LOG_NORMAL);
	log_warn("w %d", 1);
	log_info("no");
	log_set_level(LOG_VERBOSE);
	log_info("i %s", "2");
	log_debug("no");
	log_set_level(LOG_DEBUG);
	log_debug("d");

	int kept = errno;

	log_set_level(LOG_NORMAL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_int_equal(kept, EXDEV);
	assert_int_equal(log_level(), LOG_NORMAL);
	assert_string_equal(text, "crossroot: warning: w 1\n"
				  "crossroot: i 2\n"
				  "crossroot: debug: d\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_errno_text),
		cmocka_unit_test(err_domain_text),
		cmocka_unit_test(err_null_is_allowed),
		cmocka_unit_test(err_long_text_is_cut),
		cmocka_unit_test(buf_grows),
		cmocka_unit_test(strv_holds_strings),
		cmocka_unit_test(take_hands_on),
		cmocka_unit_test(path_cleaning),
		cmocka_unit_test(path_joining),
		cmocka_unit_test(path_parts),
		cmocka_unit_test(path_containment),
		cmocka_unit_test(log_gates_and_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
