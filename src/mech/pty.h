// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/err.h"

/*
 * A terminal of the run's own. Its slave belongs to the devpts inside, so that
 * ttyname(3) and job control work there; its master is passed out to the front
 * process, which relays between it and the user's terminal.
 */

/* Inside: open a new pair from the /dev/pts of @rootfd, both close-on-exec. */
int pty_open(int rootfd, int *master, int *slave, struct err *e);

/* Inside, in the program's process: make @slave its terminal and its 0, 1 and 2. */
int pty_adopt(int slave, struct err *e);

/* Pass the descriptor @fd over the socket @sock; receive one, or -1 when none came. */
int pty_send(int sock, int fd);
int pty_receive(int sock);

struct pty {
	int master;
	bool open; /* both ends are */
	struct termios saved;
	bool raw;
	char typed[4096]; /* what the terminal has no room for yet: [from, to) */
	size_t from, to;
};

/* Outside: make our terminal raw and give @master its size. */
void pty_start(struct pty *p, int master);
void pty_resize(const struct pty *p);

/* Relay until @sigfd is readable (returns true) or either end has hung up (false). */
bool pty_relay(struct pty *p, int sigfd);

/*
 * Relay what is still to be read, put our terminal back, close the master: to those
 * inside who still use the terminal, a hangup.
 */
void pty_stop(struct pty *p);
