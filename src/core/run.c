// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/run.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "mech/binfmt.h"
#include "mech/mapply.h"
#include "mech/ns.h"
#include "os/beneath.h"
#include "os/proc.h"

extern char **environ;

/* Signals the front process hands on to the program. */
static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
				 SIGUSR2, SIGCONT, SIGALRM, SIGTSTP, SIGWINCH };

static void standard_mounts(struct mplan *p)
{
	static const char *const nodes[] = { "null",   "zero",	  "full",
					     "random", "urandom", "tty" };

	mplan_add(p, MOP_PROC, NULL, "/proc");
	mplan_add(p, MOP_BIND_RO, "/sys", "/sys");
	mplan_add(p, MOP_TMPFS, "mode=755", "/dev");
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		_cleanup_free_ char *dev = xasprintf("/dev/%s", nodes[i]);

		mplan_add(p, MOP_BIND, dev, dev);
	}
	mplan_add(p, MOP_DIR, "755", "/dev/pts");
	mplan_add(p, MOP_DEVPTS, NULL, "/dev/pts");
	mplan_add(p, MOP_SYMLINK, "pts/ptmx", "/dev/ptmx");
	mplan_add(p, MOP_TMPFS, "mode=1777", "/dev/shm");
	mplan_add(p, MOP_MQUEUE, NULL, "/dev/mqueue");
	mplan_add(p, MOP_SYMLINK, "/proc/self/fd", "/dev/fd");
	mplan_add(p, MOP_SYMLINK, "/proc/self/fd/0", "/dev/stdin");
	mplan_add(p, MOP_SYMLINK, "/proc/self/fd/1", "/dev/stdout");
	mplan_add(p, MOP_SYMLINK, "/proc/self/fd/2", "/dev/stderr");
	mplan_add(p, MOP_TMPFS, "mode=755", "/run");
	mplan_add(p, MOP_DIR, "1777", "/run/lock");
	mplan_add(p, MOP_TMPFS, "mode=1777", "/tmp");
	/* before any swap: here the emulated originals stay reachable */
	mplan_add(p, MOP_DIR, "755", "/run/crossroot/emulated");
	mplan_add_optional(p, MOP_BIND_RO, "/etc/resolv.conf", "/etc/resolv.conf");
}

struct identity {
	uid_t uid;
	gid_t gid;
	char *name, *home, *shell;
};

/* Look @user up in the root's own passwd, after the root has become "/". */
static int find_user(const char *user, struct identity *id, struct err *e)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	char *end;
	unsigned long uid = user ? strtoul(user, &end, 10) : 0;
	bool numeric = user ? *user && !*end : true;

	while (f && (pw = fgetpwent(f))) {
		if (numeric ? pw->pw_uid != uid : strcmp(pw->pw_name, user))
			continue;
		*id = (struct identity){ pw->pw_uid, pw->pw_gid, xstrdup(pw->pw_name),
					 xstrdup(pw->pw_dir), xstrdup(pw->pw_shell) };
		return 0;
	}
	if (!numeric)
		return err_set(e, -ERR_USAGE, "the root has no user '%s'", user);
	*id = (struct identity){ (uid_t)uid, (gid_t)uid, xstrdup(uid ? "" : "root"),
				 xstrdup(uid ? "/" : "/root"), xstrdup("/bin/sh") };
	return 0;
}

static int become(const struct identity *id, struct err *e)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/group", "re");
	_cleanup_free_ gid_t *groups = NULL;
	size_t n = 0, cap = 0;
	struct group *gr;

	xgrow(&groups, &cap, n, sizeof(*groups));
	groups[n++] = id->gid;
	while (f && (gr = fgetgrent(f)))
		for (char **m = gr->gr_mem; *m; m++)
			if (!strcmp(*m, id->name) && gr->gr_gid != id->gid) {
				xgrow(&groups, &cap, n, sizeof(*groups));
				groups[n++] = gr->gr_gid;
			}
	if (setgroups(n, groups) < 0 || setresgid(id->gid, id->gid, id->gid) < 0 ||
	    setresuid(id->uid, id->uid, id->uid) < 0)
		return err_set(e, -errno, "become user %u", (unsigned)id->uid);
	return 0;
}

void run_env_set(struct strv *env, const char *kv)
{
	size_t n = (size_t)(strchrnul(kv, '=') - kv);

	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], kv, n) && env->v[i][n] == '=') {
			free(env->v[i]);
			env->v[i] = xstrdup(kv);
			return;
		}
	strv_add(env, kv);
}

void run_env_default(struct strv *env)
{
	/* what would steer a loader, compiler or interpreter by the host's paths */
	static const char *const dropped[] = {
		"LD_*",		 "SANDBOX_*",	  "CBUILD",	  "CTARGET",
		"TMPDIR",	 "GCC_*",	  "COMPILER_PATH", "LIBRARY_PATH",
		"CPATH",	 "C*_INCLUDE_PATH", "PYTHONHOME",  "PYTHONPATH",
		"PERL5LIB",	 "PKG_CONFIG_*",  "QEMU_LD_PREFIX", "XDG_*",
		"HOSTTYPE",	 "MACHTYPE",	  "PWD",	  "OLDPWD",
		"SUDO_*",	 "SHLVL",	  "_",		  "MAKEFLAGS",
		"MAKELEVEL",	 "MFLAGS",
	};

	for (char **v = environ; *v; v++) {
		_cleanup_free_ char *key = xstrndup(*v, strcspn(*v, "="));
		bool drop = false;

		for (size_t i = 0; i < ARRAY_SIZE(dropped) && !drop; i++)
			drop = !fnmatch(dropped[i], key, 0);
		if (!drop)
			strv_add(env, *v);
	}
	run_env_set(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

/* What pid 1 tells the front process when the run cannot be set up. */
struct inside {
	const struct run *run;
	int report;	/* write end: a struct err, or nothing */
	sigset_t signals;
};

static int set_up(const struct run *run, struct err *e)
{
	_cleanup_close_ int rootfd = mapply_root(run->root->tree, e);
	struct mplan std = { 0 };
	int r;

	if (rootfd < 0)
		return rootfd;
	standard_mounts(&std);
	r = mapply_run(rootfd, &std, e);
	mplan_free(&std);
	if (!r && run->qemu) {
		_cleanup_free_ char *dir =
			path_join(run->root->tree, "/proc/sys/fs/binfmt_misc");
		struct binfmt_entry ent = { .name = "crossroot",
					    .arch = run->root->arch,
					    .interp = run->qemu,
					    .flags = "POC" };

		r = binfmt_register_private(dir, &ent, e);
	}
	if (!r)
		r = mapply_run(rootfd, &run->mounts, e);
	return r ? r : mapply_pivot(rootfd, e);
}

static _noreturn_ void program(const struct inside *in)
{
	const struct run *run = in->run;
	struct identity id = { 0 };
	struct strv env = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < run->env.n; i++)
		strv_add(&env, run->env.v[i]);
	if (find_user(run->user, &id, &e) < 0)
		goto fail;
	strv_take(&env, NULL);
	env.n--;
	_cleanup_free_ char *home = xasprintf("HOME=%s", id.home);
	_cleanup_free_ char *user = xasprintf("USER=%s", id.name);
	_cleanup_free_ char *logname = xasprintf("LOGNAME=%s", id.name);
	_cleanup_free_ char *shell = xasprintf("SHELL=%s", id.shell);

	run_env_set(&env, home);
	run_env_set(&env, user);
	run_env_set(&env, logname);
	run_env_set(&env, shell);
	if (become(&id, &e) < 0)
		goto fail;
	if (run->cwd && chdir(run->cwd) < 0) {
		err_set(&e, -errno, "change to directory '%s' in the root", run->cwd);
		goto fail;
	}
	sigprocmask(SIG_SETMASK, &in->signals, NULL);
	environ = env.v;
	/* PATH inside decides what is run */
	execvpe(run->argv[0], run->argv, env.v);
	int code = errno == ENOENT ? 127 : 126;

	err_set(&e, -errno, "run '%s' in the root", run->argv[0]);
	e.code = code;
fail:
	if (write(in->report, &e, sizeof(e)) != sizeof(e))
		_exit(125);
	_exit(e.code > 0 ? e.code : 125);
}

/* Reap everything, hand signals on, end with the program's status. */
static int reap(pid_t prog, int sigfd)
{
	for (;;) {
		struct signalfd_siginfo si;
		int status;
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == prog)
				return proc_exit_status(status);
		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			continue;
		/* a terminal's signals reach the program by themselves */
		if (si.ssi_signo != SIGCHLD && si.ssi_code != SI_KERNEL)
			kill(prog, (int)si.ssi_signo);
	}
}

static int inside_main(void *arg)
{
	struct inside *in = arg;
	struct err e = { 0 };
	sigset_t all;
	int sigfd;
	pid_t pid;

	if (set_up(in->run, &e) < 0)
		goto fail;
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&all, forwarded[i]);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigfd = signalfd(-1, &all, SFD_CLOEXEC);
	pid = fork();
	if (pid == 0)
		program(in);
	if (pid < 0 || sigfd < 0) {
		err_set(&e, -errno, "start the program");
		goto fail;
	}
	close(in->report);
	return reap(pid, sigfd);
fail:
	if (write(in->report, &e, sizeof(e)) != sizeof(e))
		return 125;
	return 125;
}

static int wait_front(pid_t pid, const sigset_t *set)
{
	_cleanup_close_ int sigfd = signalfd(-1, set, SFD_CLOEXEC);
	int status;

	for (;;) {
		struct signalfd_siginfo si;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return proc_exit_status(status);
		if (read(sigfd, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo != SIGCHLD && si.ssi_code != SI_KERNEL)
			kill(pid, (int)si.ssi_signo);
	}
}

int run_exec(const struct run *run, struct err *e)
{
	struct inside in = { .run = run, .report = -1 };
	_cleanup_close_ int rd = -1;
	sigset_t set;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, -errno, "create a pipe");
	rd = fds[0];
	in.report = fds[1];
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	/* blocked from here on: none may be lost between fork and signalfd */
	sigprocmask(SIG_BLOCK, &set, &in.signals);
	pid = ns_start(inside_main, &in, e);
	close(in.report);
	if (pid < 0) {
		sigprocmask(SIG_SETMASK, &in.signals, NULL);
		return pid;
	}
	status = wait_front(pid, &set);
	sigprocmask(SIG_SETMASK, &in.signals, NULL);
	/* an exec that succeeded closed the pipe without a word */
	n = read(rd, e, sizeof(*e));
	if (n == sizeof(*e))
		return e->code ? e->code : -ERR_STATE;
	return status;
}
