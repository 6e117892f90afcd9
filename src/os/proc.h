// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Run @argv (found through PATH, environment @envp or ours when NULL) and wait.
 * Standard input is /dev/null. When @out is not NULL the first @max bytes of
 * standard output are stored there, NUL-terminated; the caller frees it.
 * Standard error is appended to the message when the program fails. The program,
 * not what it leaves behind, is killed when the calling thread ends.
 * Returns 0 only for exit status 0; else -ERR_CHILD or -errno.
 */
int proc_run(char *const argv[], char *const envp[], char **out, size_t max,
	     struct err *e);

/* Called some ten times a second while a program runs. */
struct proc_tick {
	void (*fn)(void *arg);
	void *arg;
};

/* The same without its output, and with @tick. */
int proc_watch(char *const argv[], char *const envp[], const struct proc_tick *tick,
	       struct err *e);

/*
 * The same for a program whose exit status is an answer: it goes into *@status, and
 * standard error is dropped. -ERR_CHILD only for one that a signal ended.
 */
int proc_ask(char *const argv[], char *const envp[], char **out, size_t max, int *status,
	     struct err *e);

/* The 128+N or plain exit status a shell would report for wait status @wstatus. */
int proc_exit_status(int wstatus);
