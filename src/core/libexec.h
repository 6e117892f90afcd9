// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/err.h"

/*
 * The path of crossroot's own helper program @name, into *@out, which the caller
 * frees: beside this program (a build tree), else where it was installed.
 */
int libexec_find(const char *name, char **out, struct err *e);

/* The same for the directory of its data: share/ beside it, or where it was installed. */
int libexec_data(char **out, struct err *e);
