// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include "base/err.h"

/*
 * Start a child that is pid 1 of its own user (identity map), mount, pid, ipc
 * and uts namespaces, and runs @fn(@arg); its return value is the exit status.
 * The child is killed when the calling thread dies, however it dies, and with
 * it every process and mount of the run. Needs CAP_SYS_ADMIN and CAP_SETUID
 * where it is called. Returns the child's pid as seen here; the caller waits
 * for it.
 */
pid_t ns_start(int (*fn)(void *arg), void *arg, struct err *e);
