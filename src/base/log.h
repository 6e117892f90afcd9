// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/macro.h"

/* stderr only; stdout is for results. errno survives every call. */
enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE, LOG_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_level(void);

void log_warn(const char *fmt, ...) _printf_(1, 2);  /* unless quiet */
void log_info(const char *fmt, ...) _printf_(1, 2);  /* verbose and up */
void log_debug(const char *fmt, ...) _printf_(1, 2); /* debug only */
