// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/fdio.h"

#define NS_FLAGS (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

/* Every uid maps to itself, so ownership on disk means the same inside. */
static int write_map(pid_t pid, const char *which)
{
	static const char map[] = "0 0 4294967295\n";
	_cleanup_close_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fdio_write_all(fd, map, sizeof(map) - 1);
}

static _noreturn_ void child(int sync, int (*fn)(void *arg), void *arg)
{
	char go;

	/*
	 * If the parent died before the prctl, its end of the pipe is closed
	 * and the read says so: there is no moment at which the child is left
	 * alone.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || read(sync, &go, 1) != 1)
		_exit(125);
	close(sync);
	_exit(fn(arg));
}

pid_t ns_start(int (*fn)(void *arg), void *arg, struct err *e)
{
	_cleanup_close_ int rd = -1, wr = -1;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, -errno, "create a pipe");
	rd = fds[0];
	wr = fds[1];
	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone, NS_FLAGS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0) {
		err_set(e, -errno, "create the run's namespaces");
		return err_hint(e, "'crossroot doctor' tells what this kernel lacks");
	}
	if (pid == 0) {
		close(TAKE_FD(wr));
		child(rd, fn, arg);
	}
	r = write_map(pid, "uid_map");
	if (!r)
		r = write_map(pid, "gid_map");
	if (!r)
		r = fdio_write_all(wr, "x", 1);
	if (r < 0) {
		err_set(e, r, "map the users of the run");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	return pid;
}
