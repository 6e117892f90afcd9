// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/environ.h"
#include "core/expose.h"
#include "core/inside.h"
#include "mech/ns.h"
#include "mech/pty.h"
#include "os/beneath.h"
#include "os/proc.h"

void run_free(struct run *run)
{
	qemu_free(&run->qemu);
	mplan_free(&run->mounts);
	strv_free(&run->env);
	*run = (struct run){ 0 };
}

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
	mplan_add_optional(p, MOP_BIND_RO, "/etc/resolv.conf", "/etc/resolv.conf");
}

/* Where Portage builds by default, in memory. */
static void build_tmpfs(const struct settings *s, struct mplan *p)
{
	_cleanup_free_ char *opts = NULL;

	if (!s->tmpfs_build)
		return;
	opts = xasprintf("mode=775,size=%s", s->tmpfs_build);
	mplan_add(p, MOP_TMPFS, opts, "/var/tmp/portage");
}

/* Directories in memory, which look like those they cover. */
static int user_tmpfs(const struct root *root, const struct settings *s,
		      struct mplan *p, struct err *e)
{
	for (size_t i = 0; i < s->tmpfs.n; i++) {
		_cleanup_free_ char *path = NULL, *size = NULL;
		_cleanup_buf_ struct buf opts = { 0 };
		struct stat st = { .st_mode = 0755 };
		int r = tmpfs_parse(s->tmpfs.v[i], &path, &size, e);

		if (r < 0)
			return r;
		beneath_stat(root->tree_fd, path, &st);
		buf_addf(&opts, "mode=%o,uid=%u,gid=%u", st.st_mode & 07777u, st.st_uid,
			 st.st_gid);
		if (size)
			buf_addf(&opts, ",size=%s", size);
		mplan_add(p, MOP_TMPFS, opts.data, path);
	}
	return 0;
}

static int user_binds(const struct settings *s, struct mplan *p, struct err *e)
{
	for (size_t i = 0; i < s->binds.n; i++) {
		_cleanup_free_ char *src = NULL, *dst = NULL;
		bool ro;
		int r = bind_parse(s->binds.v[i], &src, &dst, &ro, e);

		if (r < 0)
			return r;
		mplan_add(p, ro ? MOP_BIND_RO : MOP_BIND, src, dst);
	}
	return 0;
}

int run_prepare(struct run *run, const struct root *root, const struct settings *s,
		struct err *e)
{
	int r;

	*run = (struct run){ .root = root, .global_binfmt = s->global_binfmt };
	r = qemu_find(root->arch, s, &run->qemu, e);
	if (r < 0)
		return r;
	environ_default(&run->env);
	standard_mounts(&run->mounts);
	qemu_mounts(&run->qemu, &run->mounts);
	build_tmpfs(s, &run->mounts);
	r = user_tmpfs(root, s, &run->mounts, e);
	if (!r)
		r = user_binds(s, &run->mounts, e);
	if (!r)
		r = expose_helpers(&run->mounts, e);
	/* everything but swaps: where an original sees no native program */
	mplan_add(&run->mounts, MOP_ROOT_BIND, "/", "/run/crossroot/emulated");
	return r;
}

/* One signal for the front process: hand it on, or act on it. */
static void take_signal(pid_t pid, int sigfd, const struct pty *pty)
{
	struct signalfd_siginfo si;

	if (read(sigfd, &si, sizeof(si)) != sizeof(si) || si.ssi_signo == SIGCHLD)
		return;
	if (si.ssi_signo == SIGWINCH && pty)
		pty_resize(pty);
	else if (si.ssi_signo == SIGTSTP && si.ssi_code == SI_KERNEL)
		/* the program got it from the terminal too: stop with it */
		raise(SIGSTOP);
	else if (si.ssi_code != SI_KERNEL ||
		 /* a hangup's goes to nobody but the session's leader */
		 (si.ssi_signo == SIGHUP && getsid(0) == getpid()))
		kill(pid, (int)si.ssi_signo);
}

static int wait_front(pid_t pid, const sigset_t *set, struct pty *pty)
{
	_cleanup_close_ int sigfd = signalfd(-1, set, SFD_CLOEXEC);
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (pty && !pty_relay(pty, sigfd)) {
			pty_stop(pty);
			pty = NULL;
		}
		take_signal(pid, sigfd, pty);
	}
	if (pty)
		pty_stop(pty);
	return proc_exit_status(status);
}

/* Let the run of @in->run happen; the last thing it said goes to @e. */
static int start(struct inside *in, int sock, const sigset_t *set, struct err *e)
{
	struct pty pty;
	bool terminal = false;
	int status, master;
	struct err said;
	pid_t pid;

	pid = ns_start(inside_main, in, e);
	close(in->report);
	if (pid < 0)
		return pid;
	if (in->run->terminal && (master = pty_receive(sock)) >= 0) {
		pty_start(&pty, master);
		terminal = true;
	}
	status = wait_front(pid, set, terminal ? &pty : NULL);
	/* a program that started closed the socket without a word */
	if (recv(sock, &said, sizeof(said), MSG_DONTWAIT) != sizeof(said))
		return status;
	*e = said;
	return e->code;
}

int run_exec(struct run *run, struct err *e)
{
	sigset_t set, old;
	int socks[2], r;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < INSIDE_SIGNALS; i++)
		sigaddset(&set, inside_signals[i]);
	/* blocked from here on: none may be lost between fork and signalfd */
	sigprocmask(SIG_BLOCK, &set, &old);
	for (;;) {
		struct inside in = { .run = run, .signals = old };

		r = 0;
		if (run->qemu.arch && run->global_binfmt)
			r = qemu_hold_global(&run->qemu, e);
		if (!r && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
			r = err_set(e, -errno, "create a socket pair");
		if (r < 0)
			break;
		in.report = socks[1];
		r = start(&in, socks[0], &set, e);
		close(socks[0]);
		/* a kernel before 6.7: nothing has run yet, so try the other way */
		if (r != -ERR_UNSUPPORTED || run->global_binfmt || !run->qemu.arch)
			break;
		run->global_binfmt = true;
		*e = (struct err){ 0 };
	}
	if (r == -EROFS && storage_is_read_only(&run->root->storage))
		err_hint(e, "the root is a read-only image: try --ephemeral, or "
			    "'crossroot create NEW --base IMAGE'");
	qemu_release(&run->qemu);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
