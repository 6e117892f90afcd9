// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Mounts that a command makes for itself. The kernel owns their lifetime: they are in
 * a mount namespace that ends with the command and what it started, however these end,
 * and a loop device goes with the last mount of it.
 */

/*
 * Give this process, which has one thread, a mount namespace of its own, whose mounts
 * the host does not see; the host's later ones do appear in it. An fd of a directory
 * opened before still shows what was mounted then.
 */
int mount_private(struct err *e);

/*
 * The same, starting from what process @pid sees, if it has something mounted on the
 * absolute path @path; both are looked up of one process, whoever gets its number
 * later. The working directory stays the same by its path, or becomes "/". -ESRCH when
 * that process is gone or has nothing there: then this one's mounts are as before.
 */
int mount_join(pid_t pid, const char *path, struct err *e);

/* Whether this process has something mounted on the absolute path @path. */
bool mount_listed(const char *path);

/* The mount points below the directory @dir, what was mounted last first. */
void mount_list(const char *dir, struct strv *points);

/* Take what is on @dir out of this process's mounts, used or not. */
int mount_forget(const char *dir, struct err *e);

/* A file with a file system in it, or in the part of it that is given. */
struct mount_image {
	const char *file;
	const char *type; /* of the file system, NULL: found out */
	uint64_t offset;  /* bytes */
	uint64_t length;  /* bytes, 0: to the end */
	bool read_only;
	const char *options; /* of the file system, NULL: none */
};

/* Mount @img on the directory @dir through a loop device that goes by itself. */
int mount_image(const struct mount_image *img, const char *dir, struct err *e);

/* The device mounted on @dir ("/dev/loop3"); the caller frees it. NULL: not mounted. */
char *mount_source(const char *dir);

/* Whether the loop device @device ("/dev/loop3") has the file @file. */
bool mount_loop_has(const char *device, const char *file);

/* Make the directory @src, without what is mounted below it, visible at @dir. */
int mount_bind(const char *src, const char *dir, struct err *e);

/* mount(2) takes one page of options */
#define MOUNT_OPTIONS_MAX 4095

/*
 * Mount an overlay on @dir. @options may name directories relative to @base: many
 * layers have to fit in a page.
 */
int mount_overlay(const char *base, const char *options, const char *dir, struct err *e);

int mount_tmpfs(const char *options, const char *dir, struct err *e);

/* Take off what is on @dir; what still uses it is an error. */
int mount_undo(const char *dir, struct err *e);
