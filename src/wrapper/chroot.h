// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

/*
 * Let programs that this one becomes use chroot(2) too: in a view compilers go on to
 * another one, and the kernel gives who is chrooted no new user namespace.
 */
static inline int keep_chroot(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	data[0].inheritable |= 1U << CAP_SYS_CHROOT;
	if (syscall(SYS_capset, &head, data) < 0)
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0);
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
	return keep_chroot() < 0 ? "keep the capability for chroot" : NULL;
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
