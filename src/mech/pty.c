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

	/* anything longer is the error that came instead: it stays to be read */
	if (recv(sock, NULL, 0, MSG_PEEK | MSG_TRUNC) != 1 ||
	    recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
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

	*p = (struct pty){ .master = master, .open = true };
	/* waiting for room there would be for ever while its output waits for us */
	fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	pty_resize(p);
	if (tcgetattr(STDIN_FILENO, &p->saved) < 0)
		return;
	raw = p->saved;
	cfmakeraw(&raw);
	p->raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* One read of the terminal's output and all its writes; false at its end. */
static bool show(const struct pty *p)
{
	char buf[16384];
	ssize_t n = read(p->master, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	/* a terminal whose other side is closed reads as EIO */
	return n > 0 && !fdio_write_all(STDOUT_FILENO, buf, (size_t)n);
}

/* Read what was typed; false when our terminal is gone: a raw one has no other end. */
static bool take(struct pty *p)
{
	ssize_t n = read(STDIN_FILENO, p->typed, sizeof(p->typed));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	p->from = 0;
	p->to = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Pass on what was typed, as far as there is room. */
static void give(struct pty *p)
{
	ssize_t n = write(p->master, p->typed + p->from, p->to - p->from);

	if (n > 0)
		p->from += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		p->from = p->to; /* nobody is there: its output's end will tell */
}

bool pty_relay(struct pty *p, int sigfd)
{
	while (p->open) {
		bool waiting = p->from < p->to;
		struct pollfd fds[] = {
			{ .fd = sigfd, .events = POLLIN },
			{ .fd = p->master, .events = POLLIN | (waiting ? POLLOUT : 0) },
			{ .fd = STDIN_FILENO, .events = waiting ? 0 : POLLIN },
		};

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			return true;
		if (fds[1].revents & ~POLLOUT)
			p->open = show(p);
		if (waiting && fds[1].revents & POLLOUT)
			give(p);
		if (waiting ? fds[2].revents & (POLLHUP | POLLERR) : fds[2].revents)
			p->open = p->open && !waiting && take(p);
	}
	return false;
}

void pty_stop(struct pty *p)
{
	struct pollfd fd = { .fd = p->master, .events = POLLIN };

	while (poll(&fd, 1, 0) > 0 && show(p))
		;
	if (p->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &p->saved);
	close(p->master);
}
