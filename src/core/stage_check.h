// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"
#include "core/stage_table.h"

/*
 * Compare the unpacked stage at @tree_fd with what was asked for: its CHOST, as its
 * package database or else its make.conf has it, with @tuple, and its profile with that
 * of @id. -ERR_MISMATCH where they differ, or where the stage does not say.
 */
int stage_check(int tree_fd, const char *tuple, const struct stage_id *id, struct err *e);
