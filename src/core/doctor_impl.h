// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "core/doctor.h"
#include "mech/arch.h"

/* Between the parts of doctor; nobody else's business. */

#define DOCTOR_ARCHES 32
#define BINFMT_DIR "/proc/sys/fs/binfmt_misc"

/* The emulator of arch_at(i), found on the host. */
struct emulator {
	char *path;	/* NULL: there is none */
	bool is_static;
};

/* What came of trying; -errno or a domain code, 0: it works. */
struct trial {
	struct err start;	       /* of the namespaces themselves */
	int binfmt;		       /* the private table */
	int overlay;
	int registered[DOCTOR_ARCHES]; /* in the private table, by arch_at's index */
};

/* Try in new namespaces what a run does there. */
void doctor_try(const struct emulator *emu, struct trial *out);

/* Add a check that found nothing wrong. */
void doctor_ok(struct doctor *d, const char *name, const char *fmt, ...) _printf_(3, 4);

/* Add one that did; @mend, which is copied, tells the user what to do. */
void doctor_bad(struct doctor *d, const char *name, enum check_status status,
		const char *mend, const char *fmt, ...) _printf_(5, 6);

void doctor_find_qemu(struct emulator emu[DOCTOR_ARCHES]);
void doctor_check_qemu(struct doctor *d, const struct emulator *emu,
		       const struct trial *trial);
