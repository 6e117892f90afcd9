// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/settings.h"
#include "mech/arch.h"
#include "mech/mplan.h"

/* How programs of the target are started in one run. */
struct qemu {
	const struct arch *arch; /* NULL: the kernel runs them itself */
	char *path;		 /* the static qemu-user program, a host path */
	char *interp;		 /* what the kernel starts: qemu, or our shim for args */
	const char *flags;	 /* of the binfmt_misc entry */
	struct strv args;	 /* qemu's own arguments */
	int hold_fd, table_fd;	 /* held while a global entry is in use, else -1 */
};

/* Find the interpreter that @s asks for. The caller frees it with qemu_free. */
int qemu_find(const struct arch *arch, const struct settings *s, struct qemu *out,
	      struct err *e);
void qemu_free(struct qemu *q);

/* What the inside needs of it, beside the entry: nothing without arguments. */
void qemu_mounts(const struct qemu *q, struct mplan *p);

/*
 * For kernels without a private binfmt_misc, and where one is asked for: make
 * sure that the machine's table has an entry for @q. An entry of somebody else
 * that will do is used and left alone; else ours is added, and removed by the
 * last run that lets go of it (qemu_release, or the next command after a
 * killed one: qemu_sweep).
 */
int qemu_hold_global(struct qemu *q, struct err *e);
void qemu_release(struct qemu *q);
void qemu_sweep(void);
