// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

/*
 * Take a flock(2) lock on the file @path below @dirfd (created 0600 if
 * missing). The kernel drops it when the last copy of the returned fd closes,
 * so a killed process never leaves one. With @wait false a held lock is
 * -EWOULDBLOCK. A lock file that was unlinked meanwhile is tried again, so
 * holder and path always agree. Returns the fd (close-on-exec), or a negative code.
 */
int lock_take(int dirfd, const char *path, enum lock_mode mode, bool wait, struct err *e);

struct lock_holder {
	pid_t pid; /* who took it; its children may hold it on when it is gone */
	enum lock_mode mode;
};

/*
 * Who holds the lock @path below @dirfd, as far as this pid namespace shows: *@out
 * has the returned number of elements and is the caller's to free. What it says may
 * be history by the time it is read.
 */
size_t lock_holders(int dirfd, const char *path, struct lock_holder **out);
