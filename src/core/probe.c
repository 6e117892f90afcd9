// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/environ.h"
#include "core/libexec.h"
#include "core/portage.h"
#include "core/run.h"
#include "os/fdio.h"
#include "os/proc.h"

/* A program that only answers --version is done long before. */
#define PROBE_SECONDS 20

/* No wait status is like this. */
#define ANSWERS_DIFFER (1 << 24)

#define EMULATED "/run/crossroot/emulated"

struct probe {
	const struct plan *plan;
	int fd; /* wait statuses, one int for each candidate, then the originals' words */
};

/* A driver answers --version emulated; preprocessing nothing starts its twin. */
static const char *const ask_driver[] = { "-E", "-x", "c", "/dev/null", NULL };
static const char *const ask_program[] = { "--version", NULL };

/* What Portage needs of an interpreter; each of its scripts takes half a second. */
static _noreturn_ void start_python(const struct candidate *c)
{
	_cleanup_free_ char *python = portage_python(c);

	alarm(PROBE_SECONDS);
	execl(python, python, "-c", "import bz2, hashlib, os, ssl, subprocess, zlib",
	      (char *)NULL);
	_exit(127);
}

static _noreturn_ void start_twin(const struct candidate *c)
{
	bool driver = c->kind == CANDIDATE_WRAPPED && strstr(c->conf, "questions");
	const char *const *ask = driver ? ask_driver : ask_program;
	char *argv[8] = { c->path };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t n = 1;

	while (*ask)
		argv[n++] = (char *)*ask++;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (c->kind == CANDIDATE_SCRIPT)
		start_python(c);
	/* survives exec: nothing has to watch it */
	alarm(PROBE_SECONDS);
	execv(c->path, argv);
	_exit(127);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int status_of(const struct candidate *c)
{
	pid_t pid = fork();

	if (pid == 0)
		start_twin(c);
	return wait_for(pid);
}

/* What @path says to @args, into @answer. Returns its wait status, -1: it was not run. */
static int answer_of(const char *path, const char *const args[], struct buf *answer)
{
	char *argv[8] = { (char *)path }, part[4096];
	int fds[2];
	ssize_t n;
	pid_t pid;

	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = (char *)args[i];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		alarm(PROBE_SECONDS);
		execv(path, argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], part, sizeof(part))) > 0)
		buf_add(answer, part, (size_t)n);
	close(fds[0]);
	return wait_for(pid);
}

static bool answers_alike(const struct candidate *c)
{
	const char *const ask[] = { c->ask, NULL };
	_cleanup_free_ char *original = xasprintf(EMULATED "%s", c->path);
	_cleanup_buf_ struct buf ours = { 0 }, theirs = { 0 };
	int status = answer_of(c->path, ask, &theirs);

	return status >= 0 && answer_of(original, ask, &ours) == status && ours.len &&
	       ours.len == theirs.len && !memcmp(ours.data, theirs.data, ours.len);
}

/*
 * What the native program would say of its own machine, its original is asked for:
 * lines K=V for the environment. It is kept with the plan, so that silence is an error.
 */
static int ask_original(const struct candidate *c, int out, struct err *e)
{
	static const char mach[] = "printf 'HOSTTYPE=%s\nMACHTYPE=%s\nOSTYPE=%s\n' "
				   "\"$HOSTTYPE\" \"$MACHTYPE\" \"$OSTYPE\"";
	static const char host[] = "--eval=$(info MAKE_HOST=$(MAKE_HOST))all:;";
	static const struct {
		const char *name, *args[5];
	} questions[] = {
		{ "bash", { "-c", mach } },
		{ "make", { "-s", "-f", "/dev/null", host } },
		{ "gmake", { "-s", "-f", "/dev/null", host } },
	};
	_cleanup_free_ char *original = xasprintf(EMULATED "%s", c->path);

	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		_cleanup_buf_ struct buf answer = { 0 };
		int status;

		if (strcmp(path_base(c->path), questions[i].name))
			continue;
		status = answer_of(original, questions[i].args, &answer);
		if (status)
			return err_set(e, -ERR_CHILD,
				       "the root's own '%s' does not answer: status %d",
				       c->path,
				       status < 0 ? 127 : proc_exit_status(status));
		if (answer.len && fdio_write_all(out, answer.data, answer.len) < 0)
			return err_set(e, -EPIPE, "report a probe");
	}
	return 0;
}

static bool same_interpreter(const struct candidate *c, const struct candidate *before)
{
	return c->kind == CANDIDATE_SCRIPT && before->kind == CANDIDATE_SCRIPT &&
	       !c->reason && !before->reason && !strcmp(c->native, before->native);
}

/* Inside the run. */
static int start_all(void *arg, struct err *e)
{
	/* the answers are what is said when nothing in the environment tells it */
	static const char *const told[] = { "HOSTTYPE",	 "MACHTYPE", "OSTYPE",
					    "MAKE_HOST", "BASH_ENV", "MAKEFILES",
					    "GNUMAKEFLAGS" };
	const struct probe *p = arg;
	int status = 0, r = 0;

	for (size_t i = 0; i < p->plan->swaps.n; i++) {
		const struct candidate *c = &p->plan->swaps.v[i];
		bool start = plan_swaps(c, TIER_TOOLS) && c->kind != CANDIDATE_LIBRARY;
		bool again = i && same_interpreter(c, &p->plan->swaps.v[i - 1]);

		if (!again)
			status = start ? status_of(c) : 0;

		if (start && c->ask && !answers_alike(c))
			status = ANSWERS_DIFFER;

		if (fdio_write_all(p->fd, &status, sizeof(status)) < 0)
			return err_set(e, -EPIPE, "report a probe");
	}
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		unsetenv(told[i]);
	for (size_t i = 0; !r && i < p->plan->swaps.n; i++)
		if (plan_swaps(&p->plan->swaps.v[i], TIER_TOOLS))
			r = ask_original(&p->plan->swaps.v[i], p->fd, e);
	return r;
}

static void judge(struct candidate *c, int status)
{
	if (status == ANSWERS_DIFFER)
		candidate_refuse(c, "its twin answers %s differently", c->ask);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		candidate_refuse(c, "the native twin does not end "
				    "when asked for its version");
	else if (WIFSIGNALED(status))
		candidate_refuse(c, "the native twin does not start: signal %d (%s)",
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (c->kind == CANDIDATE_SCRIPT && status)
		candidate_refuse(c, "the native Python lacks modules that Portage needs");
	else if (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)
		candidate_refuse(c, "the native twin does not start: status %d",
				 WEXITSTATUS(status));
}

static void read_result(struct plan *p, const char *data, size_t len)
{
	_cleanup_strv_ struct strv lines = { 0 };
	size_t n = p->swaps.n * sizeof(int);

	for (size_t i = 0; i < p->swaps.n; i++) {
		int status;

		memcpy(&status, data + i * sizeof(int), sizeof(status));
		judge(&p->swaps.v[i], status);
	}
	if (len > n)
		strv_split(&lines, data + n, "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (strchr(lines.v[i], '=') && strchr(lines.v[i], '=')[1])
			environ_set(&p->env, lines.v[i]);
}

int probe_plan(const struct root *root, const struct settings *s, struct plan *p,
	       struct err *e)
{
	_cleanup_free_ char *driver = NULL, *data = NULL;
	_cleanup_close_ int fd = -1;
	/* every swap, and originals that are the root's: a bind is of this run alone */
	struct settings all = *s;
	struct run run = { 0 };
	struct probe probe = { .plan = p };
	size_t len = 0;
	int r = libexec_find("crossroot-driver", &driver, e);

	all.native = TIER_TOOLS;
	all.binds = (struct strv){ 0 };
	if (!r)
		r = run_prepare(&run, root, &all, e);
	if (r < 0) {
		run_free(&run);
		return r;
	}
	/* unlike a pipe it holds everything, so that nobody has to read meanwhile */
	fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		r = err_set(e, -errno, "create a temporary file");
	plan_mounts(p, &all, root->tree_fd, driver, &run.mounts);
	probe.fd = fd;
	run.task = start_all;
	run.task_arg = &probe;
	if (!r)
		r = run_exec(&run, e);
	run_free(&run);
	if (!r && lseek(fd, 0, SEEK_SET) < 0)
		r = err_set(e, -errno, "read the probe's result");
	if (!r)
		r = fdio_read_fd(fd, "the probe's result", 1 << 20, &data, &len, e);
	if (!r && len < p->swaps.n * sizeof(int))
		r = err_set(e, -ERR_CHILD, "the run that tries the swaps ended early");
	if (r > 0)
		r = err_set(e, -ERR_CHILD, "the run that tries the swaps ended with %d",
			    r);
	if (r < 0) {
		err_wrap(e, "try the swaps of root '%s'", root->name);
		return r;
	}
	read_result(p, data, len);
	return 0;
}
