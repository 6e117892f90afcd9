// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/beneath.h"
#include "os/fdio.h"

int pty_open(int rootfd, int *master, int *slave, struct err *e)
{
	_cleanup_close_ int fd = beneath_open(rootfd, "/dev/pts/ptmx",
					      O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
	int unlock = 0;

	if (fd < 0)
		return err_set(e, fd, "open a terminal in the root");
	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0)
		return err_set(e, -errno, "unlock a terminal");
	/* by the master and not by name: nothing can come between */
	*slave = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		return err_set(e, -errno, "open a terminal in the root");
	*master = TAKE_FD(fd);
	return 0;
}

int pty_adopt(int slave, struct err *e)
{
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(e, -errno, "take the terminal");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			return err_set(e, -errno, "take the terminal");
	return 0;
}

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int pty_send(int sock, int fd)
{
	union control c = { 0 };
	struct iovec iov = { .iov_base = "t", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = c.buf,
			      .msg_controllen = sizeof(c.buf) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int pty_receive(int sock)
{
	union control c;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = c.buf,
			      .msg_controllen = sizeof(c.buf) };
	struct cmsghdr *h;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	h = CMSG_FIRSTHDR(&msg);
	if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

void pty_resize(const struct pty *p)
{
	struct winsize ws;

	if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &ws))
		ioctl(p->master, TIOCSWINSZ, &ws);
}

void pty_start(struct pty *p, int master)
{
	struct termios raw;

	*p = (struct pty){ .master = master, .from_open = true, .to_open = true };
	pty_resize(p);
	if (tcgetattr(STDIN_FILENO, &p->saved) < 0)
		return;
	raw = p->saved;
	cfmakeraw(&raw);
	p->raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* One read and all its writes; false at the end of @from. */
static bool pump(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	/* a terminal whose other side is closed reads as EIO */
	return n > 0 && !fdio_write_all(to, buf, (size_t)n);
}

bool pty_relay(struct pty *p, int sigfd)
{
	while (p->to_open) {
		struct pollfd fds[] = {
			{ .fd = sigfd, .events = POLLIN },
			{ .fd = p->master, .events = POLLIN },
			{ .fd = p->from_open ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			return true;
		if (fds[1].revents)
			p->to_open = pump(p->master, STDOUT_FILENO);
		if (fds[2].revents && !pump(STDIN_FILENO, p->master)) {
			static const char eof = 4;

			/* what a terminal's user would type */
			p->from_open = false;
			fdio_write_all(p->master, &eof, 1);
		}
	}
	return false;
}

void pty_stop(struct pty *p)
{
	struct pollfd fd = { .fd = p->master, .events = POLLIN };

	while (p->to_open && poll(&fd, 1, 0) > 0)
		p->to_open = pump(p->master, STDOUT_FILENO);
	if (p->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &p->saved);
	close(p->master);
}
