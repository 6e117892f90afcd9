// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * The shared libraries that a set of programs of a native root needs: found the
 * way its loader would, by RPATH, RUNPATH, the root's ld.so.cache (or ld.so.conf)
 * and the default directories.
 */
struct closure;

struct closure_lib {
	char *soname; /* what is asked for */
	char *path;   /* canonical, in the native root */
};

/* @native_fd stays the caller's and has to outlive the closure. NULL: see @e. */
struct closure *closure_new(int native_fd, struct err *e);
void closure_free(struct closure *c);

/*
 * Add the program or library @path of the native root with all it needs, or
 * nothing: then the message says what is missing. A static program needs nothing.
 */
int closure_add(struct closure *c, const char *path, struct err *e);

/*
 * Add the library @soname, found the way a program without RPATH finds it, for what
 * is loaded by name only (dlopen). One that is missing is none that is used.
 */
void closure_add_named(struct closure *c, const char *soname);

/* The libraries, sorted by soname; and the programs' loader, NULL without any. */
const struct closure_lib *closure_libs(const struct closure *c, size_t *n);
const char *closure_loader(const struct closure *c);
