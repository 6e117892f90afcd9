// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/macro.h"

/*
 * Errors travel upward as a value: a fallible function returns 0 or a
 * negative code and fills the struct err given to it last. The code is
 * -errno, or the negative of one of the domain codes below. Only cli/
 * prints an error, once.
 */
enum {
	ERR_USAGE = 1024, /* the user asked for something malformed */
	ERR_CONFIG,	  /* a configuration file is wrong */
	ERR_STATE,	  /* a root is missing, busy, broken, already there */
	ERR_FORMAT,	  /* an archive, ELF file or database is damaged */
	ERR_UNSUPPORTED,  /* this kernel, layout or architecture cannot do it */
	ERR_MISMATCH,	  /* two things that must agree do not */
	ERR_CHILD,	  /* a program that was run failed */
	ERR_FETCH,	  /* a server or the network did not give what it should */
	ERR_MISSING,	  /* a server has no such file */
	ERR_VERIFY,	  /* a signature or digest is not what it has to be */
	ERR_UNTOLD,	  /* something failed, and the caller had no struct err for it */
};

struct err {
	int code;
	char msg[1536];
	char hint[768]; /* what the user can do; "" where nothing is known */
};

/*
 * Fill @e (which may be NULL) with @code and a message. For -errno codes the
 * text of the errno is appended after ": ". Returns @code.
 */
int err_set(struct err *e, int code, const char *fmt, ...) _printf_(3, 4);

/*
 * Put "context: " before the message of @e; what does not fit is cut off the context.
 * Returns its code, -ERR_UNTOLD without @e.
 */
int err_wrap(struct err *e, const char *fmt, ...) _printf_(2, 3);

/* Replace the hint of @e. Returns its code, -ERR_UNTOLD without @e. */
int err_hint(struct err *e, const char *fmt, ...) _printf_(2, 3);
