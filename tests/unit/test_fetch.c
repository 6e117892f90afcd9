// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "mech/fetch.h"

/*
 * A server that gives the answers @answers in this order, one to a connection, and
 * closes it. What it was asked goes to the file at asked.
 */
struct server {
	pid_t pid;
	int asked;
	char url[64];
};

static void serve(int listener, int asked, const char *const *answers)
{
	for (; *answers; answers++) {
		char request[4096];
		int c = accept(listener, NULL, NULL);
		ssize_t n = read(c, request, sizeof(request));

		if (n > 0)
			fdio_write_all(asked, request, (size_t)n);
		fdio_write_all(c, *answers, strlen(*answers));
		shutdown(c, SHUT_WR);
		/* until the client has it all: a reset would take it away */
		while (read(c, request, sizeof(request)) > 0)
			;
		close(c);
	}
	_exit(0);
}

static void server_start(struct server *s, const char *const *answers)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/file", ntohs(a.sin_port));
	s->asked = memfd_create("asked", MFD_CLOEXEC);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (!s->pid)
		serve(fd, s->asked, answers);
	close(fd);
}

/* Ends the server; returns what it was asked. */
static char *server_stop(struct server *s)
{
	char *text;

	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	lseek(s->asked, 0, SEEK_SET);
	assert_int_equal(fdio_read_fd(s->asked, "asked", 1 << 20, &text, NULL, NULL), 0);
	close(s->asked);
	return text;
}

struct trial {
	const char *have; /* what the file has already */
	const char *answers[8];
	uint64_t size;
	int code;
	const char *error; /* or */
	const char *want;
	const char *asked; /* is among the requests */
};

#define OK "HTTP/1.1 200 OK\r\n"
#define PART "HTTP/1.1 206 Partial Content\r\n"

static const struct trial trials[] = {
	{ "", { OK "Content-Length: 5\r\n\r\nhello" }, 5, 0, NULL, "hello", "GET /file " },
	/* no length: the end of the connection is the end */
	{ "", { OK "\r\nhello" }, 0, 0, NULL, "hello", NULL },
	{ "he", { PART "Content-Range: bytes 2-4/5\r\n\r\nllo" }, 5, 0, NULL, "hello",
	  "Range: bytes=2-" },
	/* nothing to ask for */
	{ "hello", { NULL }, 5, 0, NULL, "hello", NULL },
	/* more than there is: what is there is something else */
	{ "hello!!", { OK "Content-Length: 5\r\n\r\nhello" }, 5, 0, NULL, "hello", NULL },
	/* no ranges here */
	{ "xx", { OK "Content-Length: 5\r\n\r\nhello" }, 5, 0, NULL, "hello", NULL },
	{ "xx", { OK "\r\n" }, 0, 0, NULL, "", NULL },
	{ "xx", { "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n",
		  OK "\r\nhello" }, 5, 0, NULL, "hello", NULL },
	/* cut, and taken up again: the same version by its ETag, or by its date */
	{ "", { OK "ETag: \"a\"\r\nContent-Length: 5\r\n\r\nhe",
		PART "ETag: \"a\"\r\nContent-Range: bytes 2-4/5\r\n\r\nllo" },
	  5, 0, NULL, "hello", "If-Range: \"a\"" },
	{ "", { OK "ETag: W/\"a\"\r\nLast-Modified: Mon, 01 Jun 2026 17:00:00 GMT\r\n"
		   "Content-Length: 5\r\n\r\nhe",
		PART "Content-Range: bytes 2-4/5\r\n\r\nllo" },
	  5, 0, NULL, "hello", "If-Range: Mon, 01 Jun 2026" },
	/* another version meanwhile: all of it */
	{ "", { OK "ETag: \"a\"\r\nContent-Length: 5\r\n\r\nHE",
		OK "ETag: \"b\"\r\nContent-Length: 5\r\n\r\nhello" },
	  5, 0, NULL, "hello", NULL },
	{ "", { "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", OK "\r\nhello" }, 5, 0, NULL,
	  "hello", NULL },
	{ "", { "HTTP/1.1 301 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
		OK "Content-Length: 5\r\n\r\nhello" }, 5, 0, NULL, "hello", "GET /other " },

	{ "", { "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!" }, 0, -ERR_MISSING,
	  "no such file", "", NULL },
	{ "", { "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!" }, 0, -ERR_FETCH,
	  "the server answers 403", "", NULL },
	{ "", { OK "Content-Length: 6\r\n\r\nhello!" }, 5, -ERR_FETCH, "another size", "",
	  NULL },
	{ "", { OK "\r\nhello!" }, 5, -ERR_FETCH, "more than there should be", NULL, NULL },
	{ "", { OK "\r\nhello, this is more than ten" }, 0, -ERR_FETCH,
	  "more than there should be", NULL, NULL },
	{ "he", { PART "Content-Range: bytes 1-4/5\r\n\r\nello" }, 5, -ERR_FETCH,
	  "another part", "he", NULL },
	{ "he", { PART "\r\nllo" }, 5, -ERR_FETCH, "another part", "he", NULL },
	{ "he", { PART "Content-Range: bytes 2-5/6\r\n\r\nllo!" }, 5, -ERR_FETCH,
	  "another size", "he", NULL },
	/* lies about its length, again and again */
	{ "", { OK "Content-Length: 5\r\n\r\nhe", OK "Content-Length: 5\r\n\r\nhe",
		OK "Content-Length: 5\r\n\r\nhe" }, 5, -ERR_FETCH, "transfer closed", "he",
	  NULL },
	{ "", { OK "\r\nhe", PART "Content-Range: bytes 2-4/5\r\n\r\n",
		PART "Content-Range: bytes 2-4/5\r\n\r\n" }, 5, -ERR_FETCH,
	  "ends after 2 of 5 bytes", "he", NULL },
	{ "", { "220 this is ftp\r\n", "220\r\n", "220\r\n" }, 5, -ERR_FETCH, "HTTP/0.9", "",
	  NULL },
	{ "", { "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
		"Content-Length: 0\r\n\r\n" }, 0, -ERR_FETCH, "rotocol", "", NULL },
};

static void test_servers(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(trials); i++) {
		const struct trial *t = &trials[i];
		_cleanup_close_ int fd = memfd_create("fetched", MFD_CLOEXEC);
		_cleanup_free_ char *asked = NULL, *got = NULL;
		struct server s;
		struct err e = { 0 };
		int r;

		server_start(&s, t->answers);
		assert_int_equal(fdio_write_all(fd, t->have, strlen(t->have)), 0);

		struct fetch f = { .url = s.url, .size = t->size, .max = 10, .tries = 3,
				   .timeout = 5 };

		r = fetch_into(&f, fd, &e);
		asked = server_stop(&s);
		lseek(fd, 0, SEEK_SET);
		assert_int_equal(fdio_read_fd(fd, "got", 1000, &got, NULL, NULL), 0);
		if (r != t->code || (t->error && !strstr(e.msg, t->error)))
			fail_msg("trial %zu: %d, '%s'", i, r, e.msg);
		if (t->want && strcmp(got, t->want))
			fail_msg("trial %zu: got '%s'", i, got);
		if (t->asked && !strstr(asked, t->asked))
			fail_msg("trial %zu: asked '%s'", i, asked);
	}
}

static void test_nobody_there(void **state)
{
	_cleanup_close_ int fd = memfd_create("fetched", MFD_CLOEXEC);
	const struct fetch f = { .url = "http://127.0.0.1:1/x", .max = 10, .tries = 2,
				 .timeout = 2 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(fetch_into(&f, fd, &e), -ERR_FETCH);
	assert_non_null(strstr(e.msg, "http://127.0.0.1:1/x"));
	assert_non_null(strstr(e.hint, "2 times"));
}

static void test_files(void **state)
{
	static const struct {
		const char *have;
		uint64_t size;
		int code;
		const char *want;
	} t[] = {
		{ "", 5, 0, "hello" },	  { "", 0, 0, "hello" },
		{ "he", 5, 0, "hello" },  { "hello", 0, 0, "hello" },
		{ "", 6, -ERR_FETCH, "" }, { "hello!", 0, 0, "hello" },
	};
	char *dir = make_dir();
	_cleanup_close_ int dfd = open_dir(dir);
	_cleanup_free_ char *url = xasprintf("file://%s/a", dir);
	_cleanup_free_ char *none = xasprintf("file://%s/b", dir);

	(void)state;
	write_file(dfd, "a", "hello");
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_close_ int fd = memfd_create("fetched", MFD_CLOEXEC);
		_cleanup_free_ char *got = NULL;
		const struct fetch f = { .url = url, .size = t[i].size, .max = 10,
					 .tries = 2, .timeout = 2 };
		struct err e = { 0 };
		int r;

		fdio_write_all(fd, t[i].have, strlen(t[i].have));
		r = fetch_into(&f, fd, &e);
		lseek(fd, 0, SEEK_SET);
		assert_int_equal(fdio_read_fd(fd, "got", 1000, &got, NULL, NULL), 0);
		if (r != t[i].code || strcmp(got, t[i].want))
			fail_msg("file %zu: %d, '%s', got '%s'", i, r, e.msg, got);
	}

	_cleanup_close_ int fd = memfd_create("fetched", MFD_CLOEXEC);
	struct fetch f = { .url = none, .max = 10, .tries = 2, .timeout = 2 };

	assert_int_equal(fetch_into(&f, fd, NULL), -ERR_MISSING);
	f.url = "ftp://127.0.0.1/x";
	assert_int_equal(fetch_into(&f, fd, NULL), -ERR_FETCH);
	remove_dir(dir);
}

/* A full disk is not the server's fault, and not tried again. */
static void test_full(void **state)
{
	_cleanup_close_ int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	static const char *const answers[] = { OK "\r\nhello", NULL };
	struct server s;
	struct err e = { 0 };

	(void)state;
	server_start(&s, answers);

	const struct fetch f = { .url = s.url, .max = 10, .tries = 3, .timeout = 5 };

	assert_int_equal(fetch_into(&f, fd, &e), -ENOSPC);
	free(server_stop(&s));
}

struct shown {
	uint64_t calls, done, total;
};

static void count(void *arg, uint64_t done, uint64_t total, uint64_t rate)
{
	struct shown *s = arg;

	(void)rate;
	s->calls++;
	s->done = done;
	s->total = total;
}

static void test_progress(void **state)
{
	_cleanup_close_ int fd = memfd_create("fetched", MFD_CLOEXEC);
	static const char *const answers[] = { OK "\r\nhello", NULL };
	struct shown shown = { 0 };
	const struct fetch_progress p = { count, &shown };
	struct server s;

	(void)state;
	server_start(&s, answers);

	const struct fetch f = { .url = s.url, .size = 5, .tries = 3, .timeout = 5,
				 .progress = &p };

	assert_int_equal(fetch_into(&f, fd, NULL), 0);
	assert_true(shown.calls > 0);
	assert_int_equal(shown.done, 5);
	assert_int_equal(shown.total, 5);
	free(server_stop(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers), cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_files),	cmocka_unit_test(test_full),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
