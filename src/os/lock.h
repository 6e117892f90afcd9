// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

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
