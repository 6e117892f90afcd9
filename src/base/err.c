// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!e)
		return code;
	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (code > -ERR_USAGE && n >= 0 && (size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s",
			 strerror(-code));
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char ctx[sizeof(e->msg)];
	size_t n, old;
	va_list ap;

	if (!e)
		return -ERR_UNTOLD;
	va_start(ap, fmt);
	vsnprintf(ctx, sizeof(ctx), fmt, ap);
	va_end(ap);
	/* the cause is at the end of the message: what does not fit is of the context */
	old = strlen(e->msg) + 1;
	n = strlen(ctx);
	if (old + 2 >= sizeof(e->msg))
		return e->code;
	if (n > sizeof(e->msg) - old - 2)
		n = sizeof(e->msg) - old - 2;
	memmove(e->msg + n + 2, e->msg, old);
	memcpy(e->msg, ctx, n);
	memcpy(e->msg + n, ": ", 2);
	return e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -ERR_UNTOLD;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return e->code;
}
