// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Run @argv (found through PATH, environment @envp or ours when NULL) and wait.
 * Standard input is /dev/null. When @out is not NULL the first @max bytes of
 * standard output are stored there, NUL-terminated; the caller frees it.
 * Standard error is appended to the message when the program fails.
 * Returns 0 only for exit status 0; else -ERR_CHILD or -errno.
 */
int proc_run(char *const argv[], char *const envp[], char **out, size_t max,
	     struct err *e);

/* Start time of @pid in clock ticks since boot (field 22 of stat), 0 if it is gone. */
unsigned long long proc_start_time(pid_t pid);

/* The 128+N or plain exit status a shell would report for wait status @wstatus. */
int proc_exit_status(int wstatus);
