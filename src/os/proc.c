// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/fdio.h"

extern char **environ;

enum {
	STDERR_KEEP = 8192, /* of a long stderr the end is what tells */
	STDERR_SHOW = 1000, /* what struct err has room for */
};

#define TICK_MS 100

struct child {
	pid_t pid;
	int out, err, pidfd; /* owned; -1 where there is none */
};

static void child_close(struct child *c)
{
	cleanup_closep(&c->out);
	cleanup_closep(&c->err);
	cleanup_closep(&c->pidfd);
}

static int nonblocking_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	/* our end only: a program may not expect EAGAIN from its stdout */
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* Standard output is for our own results, so output that nobody wants goes nowhere. */
static int child_redirect(int out, int err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out >= 0 ? out : null, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

/* In the child: become the program, or say in @report why not. */
static _noreturn_ void child_exec(char *const argv[], char *const envp[], int out, int err,
				  pid_t parent, int report)
{
	sigset_t none;
	int r = 0;

	/* killed, we leave nothing that works on; a parent that is gone already is not seen */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = -errno;
	if (getppid() != parent)
		_exit(127);
	if (!r)
		r = child_redirect(out, err);
	/*
	 * Blocked signals and the ignored SIGPIPE are our affair. What else is
	 * ignored the user may have asked for (nohup).
	 */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!r) {
		execvpe(argv[0], argv, envp ? envp : environ);
		r = -errno;
	}
	fdio_write_all(report, &r, sizeof(r));
	_exit(127);
}

static int child_spawn(struct child *c, char *const argv[], char *const envp[], int out,
		       int err)
{
	_cleanup_close_ int said = -1, report = -1;
	pid_t parent = getpid();
	int fds[2], r = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	said = fds[0];
	report = fds[1];
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid)
		child_exec(argv, envp, out, err, parent, report);
	close(TAKE_FD(report));
	/* its end without a word is the exec */
	while (read(said, &r, sizeof(r)) < 0 && errno == EINTR)
		;
	if (r < 0)
		waitpid(c->pid, NULL, 0);
	return r;
}

static int child_start(struct child *c, char *const argv[], char *const envp[],
		       bool want_out)
{
	_cleanup_close_ int out_w = -1, err_w = -1;
	int fds[2] = { -1, -1 }, r;

	r = nonblocking_pipe(fds);
	c->err = fds[0];
	err_w = fds[1];
	if (r < 0)
		return r;
	if (want_out) {
		fds[0] = fds[1] = -1;
		r = nonblocking_pipe(fds);
		c->out = fds[0];
		out_w = fds[1];
		if (r < 0)
			return r;
	}
	return child_spawn(c, argv, envp, out_w, err_w);
}

/* Read what *@fd has now; at its end close it and set it to -1. */
static void drain(int *fd, struct buf *b, size_t max, bool keep_end)
{
	char chunk[8192];

	while (*fd >= 0) {
		ssize_t n = read(*fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(*fd);
			*fd = -1;
			return;
		}
		if (keep_end) {
			buf_add(b, chunk, (size_t)n);
			if (b->len > max) {
				memmove(b->data, b->data + b->len - max, max + 1);
				b->len = max;
			}
		} else if (b->len < max) {
			size_t room = max - b->len;

			/* the rest is read and dropped, lest the program blocks */
			buf_add(b, chunk, (size_t)n < room ? (size_t)n : room);
		}
	}
}

/*
 * Collect output until the program ends. The end of the pipes is not waited
 * for: a daemon it left behind (gpg-agent) may hold them for hours.
 */
static void child_collect(struct child *c, struct buf *out, size_t max, struct buf *err,
			  const struct proc_tick *tick)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = c->pidfd, .events = POLLIN },
			{ .fd = c->out, .events = POLLIN },
			{ .fd = c->err, .events = POLLIN },
		};
		int n = poll(p, 3, tick ? TICK_MS : -1);

		if (n < 0 && errno != EINTR)
			break;
		bool ended = n > 0 && p[0].revents;

		if (!n && tick)
			tick->fn(tick->arg);
		if (n > 0 && out && (ended || p[1].revents))
			drain(&c->out, out, max, false);
		if (n > 0 && (ended || p[2].revents))
			drain(&c->err, err, STDERR_KEEP, true);
		/* a kernel without pidfds leaves only the end of the pipes */
		if (ended || (c->pidfd < 0 && c->out < 0 && c->err < 0))
			break;
	}
}

/* The end of @b fit for a message: no trailing space, no terminal controls. */
static const char *presentable(struct buf *b)
{
	while (b->len && strchr(" \t\r\n", b->data[b->len - 1]))
		b->len--;
	if (!b->len)
		return "";
	b->data[b->len] = '\0';
	for (size_t i = 0; i < b->len; i++) {
		unsigned char ch = (unsigned char)b->data[i];

		if ((ch < ' ' && ch != '\n' && ch != '\t') || ch == 0x7f)
			b->data[i] = '?';
	}
	return b->len > STDERR_SHOW ? b->data + b->len - STDERR_SHOW : b->data;
}

static int child_failed(const char *name, int status, struct buf *err, struct err *e)
{
	const char *text = presentable(err), *sep = *text ? ": " : "";

	if (WIFSIGNALED(status))
		return err_set(e, -ERR_CHILD, "'%s' was killed by signal %d (%s)%s%s", name,
			       WTERMSIG(status), strsignal(WTERMSIG(status)), sep, text);
	return err_set(e, -ERR_CHILD, "'%s' failed with status %d%s%s", name,
		       WEXITSTATUS(status), sep, text);
}

/* Run it to its end; its wait status goes into *@status. */
static int run_whole(char *const argv[], char *const envp[], struct buf *out, size_t max,
		     struct buf *err, const struct proc_tick *tick, int *status,
		     struct err *e)
{
	_cleanup_(child_close) struct child c = { .out = -1, .err = -1, .pidfd = -1 };
	int r = child_start(&c, argv, envp, out != NULL);

	if (r < 0)
		return err_set(e, r, "run '%s'", argv[0]);
	c.pidfd = pidfd_open(c.pid, 0);
	child_collect(&c, out, max, err, tick);
	while (waitpid(c.pid, status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "wait for '%s'", argv[0]);
	return 0;
}

int proc_run(char *const argv[], char *const envp[], char **out, size_t max,
	     struct err *e)
{
	_cleanup_buf_ struct buf o = { 0 }, err = { 0 };
	int status, r;

	r = run_whole(argv, envp, out ? &o : NULL, max, &err, NULL, &status, e);

	if (r < 0)
		return r;
	if (status)
		return child_failed(argv[0], status, &err, e);
	if (out) {
		buf_add(&o, "", 0);
		*out = TAKE_PTR(o.data);
	}
	return 0;
}

int proc_watch(char *const argv[], char *const envp[], const struct proc_tick *tick,
	       struct err *e)
{
	_cleanup_buf_ struct buf err = { 0 };
	int status, r = run_whole(argv, envp, NULL, 0, &err, tick, &status, e);

	return !r && status ? child_failed(argv[0], status, &err, e) : r;
}

int proc_ask(char *const argv[], char *const envp[], char **out, size_t max, int *status,
	     struct err *e)
{
	_cleanup_buf_ struct buf o = { 0 }, err = { 0 };
	int r = run_whole(argv, envp, &o, max, &err, NULL, status, e);

	if (r < 0)
		return r;
	if (WIFSIGNALED(*status))
		return child_failed(argv[0], *status, &err, e);
	*status = WEXITSTATUS(*status);
	buf_add(&o, "", 0);
	*out = TAKE_PTR(o.data);
	return 0;
}

int proc_exit_status(int wstatus)
{
	if (WIFEXITED(wstatus))
		return WEXITSTATUS(wstatus);
	if (WIFSIGNALED(wstatus))
		return 128 + WTERMSIG(wstatus);
	return 128 + WSTOPSIG(wstatus);
}
