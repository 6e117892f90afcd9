// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "core/stage.h"
#include "mech/archive.h"

/*
 * @state is the registry's, without a symlink in it: the paths become settings.
 *
 * Native roots made of stages: STATE/natives/STAGE/tree, each unpacked once and used by
 * all roots that name it. STATE/natives is 0700, and a native root appears there when
 * it is whole.
 */

/*
 * The native root of @stage for @tuple, unpacked if it is not there yet; the caller
 * frees *@path. Returns an fd: as long as it is open, natives_prune leaves this native
 * root alone.
 */
int natives_get(const char *state, const struct stage *stage, const struct stage_id *id,
		const char *tuple, const struct archive_progress *progress, char **path,
		struct err *e);

/*
 * Delete the native roots that no root's settings name and none of @files, the machine's
 * files of settings (NULL at the end; one may be missing). @removed gets their names.
 */
int natives_prune(const char *state, const char *const *files, struct strv *removed,
		  struct err *e);
