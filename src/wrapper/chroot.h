// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * Each helper is one static file: what two of them need is here. The functions
 * return NULL, or what they failed to do, with errno set.
 */

static inline int write_proc(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -1;
	/* both, also when the first fails */
	return (fputs(text, f) < 0) | (fclose(f) != 0) ? -1 : 0;
}

/* What chroot(2) takes, for who is not root: a user namespace of one's own. */
static inline const char *get_chroot(void)
{
	char uids[64], gids[64];

	snprintf(uids, sizeof(uids), "%u %u 1", geteuid(), geteuid());
	snprintf(gids, sizeof(gids), "%u %u 1", getegid(), getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return "create a user namespace";
	if (write_proc("/proc/self/setgroups", "deny") < 0 ||
	    write_proc("/proc/self/uid_map", uids) < 0 ||
	    write_proc("/proc/self/gid_map", gids) < 0)
		return "map the user";
	return NULL;
}

/* Make the view @dir of the root "/", and stay in the directory one is in. */
static inline const char *enter_view(const char *dir)
{
	char cwd[PATH_MAX];
	const char *failed;

	if (!getcwd(cwd, sizeof(cwd)))
		return "find the working directory";
	if (chroot(dir) < 0) {
		failed = get_chroot();
		if (failed)
			return failed;
		if (chroot(dir) < 0)
			return "enter the view of the root";
	}
	return chdir(cwd) < 0 ? "find the working directory in the view of the root" : NULL;
}
