// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/inside.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/environ.h"
#include "mech/binfmt.h"
#include "mech/mapply.h"
#include "mech/pty.h"
#include "os/proc.h"

const int inside_signals[INSIDE_SIGNALS] = {
	SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
	SIGUSR2, SIGCONT, SIGALRM, SIGTSTP, SIGWINCH,
};

struct identity {
	uid_t uid;
	gid_t gid;
	char *name, *home, *shell;
};

/* "1234", and nothing that setuid would take for "as you are" or cut. */
static bool parse_uid(const char *text, uid_t *uid)
{
	unsigned long long n;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	n = strtoull(text, NULL, 10);
	*uid = (uid_t)n;
	return !errno && n < (uid_t)-1;
}

/* Look @user up in the root's own passwd, after the root has become "/". */
static int find_user(const char *user, struct identity *id, struct err *e)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	uid_t uid = 0;
	bool numeric = !user || parse_uid(user, &uid);

	while (f && (pw = fgetpwent(f))) {
		if (numeric ? pw->pw_uid != uid : strcmp(pw->pw_name, user))
			continue;
		*id = (struct identity){ pw->pw_uid, pw->pw_gid, xstrdup(pw->pw_name),
					 xstrdup(pw->pw_dir), xstrdup(pw->pw_shell) };
		return 0;
	}
	if (!numeric)
		return err_set(e, -ERR_USAGE, "the root has no user '%s'", user);
	*id = (struct identity){ uid, (gid_t)uid, xstrdup(uid ? "" : "root"),
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

static int register_qemu(const struct run *run, struct err *e)
{
	_cleanup_free_ char *dir = path_join(run->root->tree, "/proc/sys/fs/binfmt_misc");
	struct binfmt_entry ent = { .name = "crossroot",
				    .arch = run->qemu.arch,
				    .interp = run->qemu.interp,
				    .flags = run->qemu.flags };

	return binfmt_register_private(dir, &ent, e);
}

/* The terminal's slave goes to *@slave, its master out to the front process. */
static int give_terminal(const struct inside *in, int rootfd, int *slave, struct err *e)
{
	_cleanup_close_ int master = -1;
	int r = pty_open(rootfd, &master, slave, e);

	if (!r && (r = pty_send(in->report, master)))
		r = err_set(e, r, "pass the terminal on");
	return r;
}

static int set_up(const struct inside *in, int *slave, struct err *e)
{
	const struct run *run = in->run;
	_cleanup_close_ int rootfd = mapply_root(run->root->tree, e);
	int r;

	if (rootfd < 0)
		return rootfd;
	r = mapply_run(rootfd, &run->mounts, e);
	if (!r && run->qemu.arch && !run->global_binfmt)
		r = register_qemu(run, e);
	if (!r && run->terminal)
		r = give_terminal(in, rootfd, slave, e);
	return r ? r : mapply_pivot(rootfd, e);
}

/* Become @run's user, in its directory, with its environment. */
static int become_user(const struct run *run, struct strv *env, struct err *e)
{
	struct identity id = { 0 };
	int r = find_user(run->user, &id, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < run->env.n; i++)
		strv_add(env, run->env.v[i]);
	/* what is there already the user asked for */
	environ_offer(env, "HOME", id.home);
	environ_offer(env, "USER", id.name);
	environ_offer(env, "LOGNAME", id.name);
	environ_offer(env, "SHELL", id.shell);
	/* its programs may open the terminal by name */
	if (run->terminal && fchown(STDIN_FILENO, id.uid, (gid_t)-1) < 0)
		return err_set(e, -errno, "give the terminal to user %u",
			       (unsigned)id.uid);
	r = become(&id, e);
	if (!r && run->cwd && chdir(run->cwd) < 0)
		r = err_set(e, -errno, "change to directory '%s' in the root", run->cwd);
	return r;
}

static _noreturn_ void fail(const struct inside *in, struct err *e, int code)
{
	e->code = code;
	if (write(in->report, e, sizeof(*e)) != sizeof(*e))
		_exit(125);
	_exit(code > 0 ? code : 125);
}

static _noreturn_ void login_shell(const struct inside *in)
{
	const char *shell = getenv("SHELL");
	_cleanup_free_ char *name = NULL;
	struct err e = { 0 };

	if (!shell || access(shell, X_OK) < 0)
		shell = "/bin/sh";
	/* the dash in front is how a shell knows */
	name = xasprintf("-%s", path_base(shell));
	execl(shell, name, (char *)NULL);
	err_set(&e, -errno, "run the shell '%s' in the root", shell);
	fail(in, &e, 126);
}

static _noreturn_ void program(const struct inside *in, int slave)
{
	const struct run *run = in->run;
	struct strv env = { 0 };
	struct err e = { 0 };

	if (slave >= 0 && pty_adopt(slave, &e) < 0)
		fail(in, &e, e.code);
	/* a directory of the host's that is open here would be a way out */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
		err_set(&e, -errno, "keep the host's files from the root");
		fail(in, &e, e.code);
	}
	if (become_user(run, &env, &e) < 0)
		fail(in, &e, e.code);
	sigprocmask(SIG_SETMASK, &in->signals, NULL);
	environ = env.v;
	if (run->task) {
		int r = run->task(run->task_arg, &e);

		if (r < 0)
			fail(in, &e, r);
		_exit(r);
	}
	if (!run->argv)
		login_shell(in);
	/* PATH inside decides what is run */
	execvp(run->argv[0], run->argv);
	int code = errno == ENOENT ? 127 : 126;

	err_set(&e, -errno, "run '%s' in the root", run->argv[0]);
	fail(in, &e, code);
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

int inside_main(void *arg)
{
	struct inside *in = arg;
	struct err e = { 0 };
	sigset_t set;
	int sigfd, slave = -1;
	pid_t pid;

	if (set_up(in, &slave, &e) < 0)
		fail(in, &e, e.code);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < INSIDE_SIGNALS; i++)
		sigaddset(&set, inside_signals[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	pid = sigfd < 0 ? -1 : fork();
	if (pid == 0)
		program(in, slave);
	if (pid < 0) {
		err_set(&e, -errno, "start the program");
		fail(in, &e, e.code);
	}
	close(in->report);
	if (slave >= 0)
		close(slave);
	return reap(pid, sigfd);
}
