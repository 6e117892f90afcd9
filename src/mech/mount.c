// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmount/libmount.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "os/fdio.h"

int mount_private(struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(e, -errno, "keep mounts from the host");
	return 0;
}

static struct libmnt_table *read_table(const char *of)
{
	_cleanup_free_ char *path = xasprintf("/proc/%s/mountinfo", of);

	return mnt_new_table_from_file(path);
}

static bool listed(const char *of, const char *path)
{
	struct libmnt_table *tb = read_table(of);
	bool found = tb && mnt_table_find_target(tb, path, MNT_ITER_BACKWARD);

	mnt_unref_table(tb);
	return found;
}

bool mount_listed(const char *path)
{
	return listed("self", path);
}

int mount_join(pid_t pid, const char *path, struct err *e)
{
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	_cleanup_free_ char *name = xasprintf("/proc/%d", (int)pid);
	/* of this very process; when it is gone nothing can be opened there */
	_cleanup_close_ int proc = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *of = xasprintf("self/fd/%d", proc);
	_cleanup_close_ int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int ns = -1;
	bool left;

	if (proc >= 0 && listed(of, path))
		ns = openat(proc, "ns/mnt", O_RDONLY | O_CLOEXEC);
	/* gone, or about to be: its namespaces go before its entry in /proc */
	if (ns < 0)
		return err_set(e, -ESRCH, "enter the mounts of process %d", (int)pid);
	if (own < 0 || setns(ns, CLONE_NEWNS) < 0)
		return err_set(e, -errno, "enter the mounts of process %d", (int)pid);
	/* taken off between the look and now */
	left = !listed("self", path);
	if (left && setns(own, CLONE_NEWNS) < 0)
		return err_set(e, -errno, "leave the mounts of process %d", (int)pid);
	/* that process's root and not its directory is where setns leaves us */
	if ((!cwd || chdir(cwd) < 0) && chdir("/") < 0)
		return err_set(e, -errno, "change to directory '/'");
	if (left)
		return err_set(e, -ESRCH, "find '%s' with process %d", path, (int)pid);
	return mount_private(e);
}

void mount_list(const char *dir, struct strv *points)
{
	struct libmnt_table *tb = read_table("self");
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;

	while (tb && it && !mnt_table_next_fs(tb, it, &fs)) {
		const char *at = mnt_fs_get_target(fs);

		if (at && path_beneath(at, dir) && strcmp(at, dir))
			strv_add(points, at);
	}
	mnt_free_iter(it);
	mnt_unref_table(tb);
}

int mount_forget(const char *dir, struct err *e)
{
	if (umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_set(e, -errno, "unmount '%s'", dir);
	return 0;
}

char *mount_source(const char *dir)
{
	struct libmnt_table *tb = read_table("self");
	struct libmnt_fs *fs =
		tb ? mnt_table_find_target(tb, dir, MNT_ITER_BACKWARD) : NULL;
	const char *source = fs ? mnt_fs_get_source(fs) : NULL;
	char *copy = source ? xstrdup(source) : NULL;

	mnt_unref_table(tb);
	return copy;
}

/* What went wrong in libmount's own words, which know of loop devices and the like. */
static int image_err(struct libmnt_context *cxt, int rc, const struct mount_image *img,
		     struct err *e)
{
	int code = mnt_context_syscall_called(cxt) ?
			   -mnt_context_get_syscall_errno(cxt) :
			   rc;
	char said[256] = "";

	mnt_context_get_excode(cxt, rc, said, sizeof(said));
	if (said[0]) {
		said[strcspn(said, "\n")] = '\0';
		err_set(e, -ERR_FORMAT, "mount the image '%s': %s", img->file, said);
	} else {
		err_set(e, code < 0 && code > -4096 ? code : -EIO, "mount the image '%s'",
			img->file);
	}
	if (code == -EUCLEAN || code == -EINVAL || code == -EBADMSG)
		err_hint(e, "the file system in it may be damaged: try fsck on a copy");
	return e ? e->code : -ERR_FORMAT;
}

int mount_image(const struct mount_image *img, const char *dir, struct err *e)
{
	struct libmnt_context *cxt = mnt_new_context();
	_cleanup_buf_ struct buf opts = { 0 };
	int r = 0;

	if (!cxt)
		return err_set(e, -ENOMEM, "mount the image '%s'", img->file);
	buf_adds(&opts, img->read_only ? "loop,ro" : "loop,rw");
	if (img->offset)
		buf_addf(&opts, ",offset=%ju", (uintmax_t)img->offset);
	if (img->length)
		buf_addf(&opts, ",sizelimit=%ju", (uintmax_t)img->length);
	if (img->options)
		buf_addf(&opts, ",%s", img->options);
	/* what others mounted is none of our business, nor is ours theirs */
	mnt_context_disable_mtab(cxt, true);
	mnt_context_disable_helpers(cxt, true);
	/* else a device that cannot be written to becomes a root that cannot */
	mnt_context_enable_rwonly_mount(cxt, !img->read_only);
	if (mnt_context_set_source(cxt, img->file) ||
	    mnt_context_set_target(cxt, dir) ||
	    (img->type && mnt_context_set_fstype(cxt, img->type)) ||
	    mnt_context_set_options(cxt, opts.data)) {
		r = err_set(e, -EINVAL, "mount the image '%s'", img->file);
	} else {
		int rc = mnt_context_mount(cxt);

		if (rc)
			r = image_err(cxt, rc, img, e);
	}
	mnt_free_context(cxt);
	return r;
}

bool mount_loop_has(const char *device, const char *file)
{
	_cleanup_close_ int fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct loop_info64 info;
	struct stat st;

	return fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info) && !stat(file, &st) &&
	       info.lo_inode == st.st_ino && info.lo_device == st.st_dev;
}

int mount_bind(const char *src, const char *dir, struct err *e)
{
	if (mount(src, dir, NULL, MS_BIND, NULL) < 0)
		return err_set(e, -errno, "show '%s' at '%s'", src, dir);
	return 0;
}

int mount_overlay(const char *base, const char *options, const char *dir, struct err *e)
{
	_cleanup_close_ int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int code = 0;

	if (strlen(options) > MOUNT_OPTIONS_MAX) {
		err_set(e, -ERR_UNSUPPORTED, "'%s' has too many layers", dir);
		return err_hint(e, "'crossroot rollback' goes back to an earlier one");
	}
	if (chdir(base) < 0)
		return err_set(e, -errno, "open '%s'", base);
	if (mount("crossroot", dir, "overlay", 0, options) < 0)
		code = -errno;
	/* one that is gone, or whose fd is not to be had, leaves us in "/" */
	if ((cwd < 0 || fchdir(cwd) < 0) && chdir("/") < 0)
		return err_set(e, -errno, "change to directory '/'");
	if (!code)
		return 0;
	err_set(e, code, "mount the overlay on '%s'", dir);
	if (code == -EINVAL)
		err_hint(e, "an upper layer needs a file system with extended "
			    "attributes, such as ext4, xfs or btrfs");
	return code;
}

int mount_tmpfs(const char *options, const char *dir, struct err *e)
{
	if (mount("crossroot", dir, "tmpfs", 0, options) < 0)
		return err_set(e, -errno, "mount a tmpfs on '%s'", dir);
	return 0;
}

int mount_undo(const char *dir, struct err *e)
{
	if (umount2(dir, UMOUNT_NOFOLLOW) < 0)
		return err_set(e, -errno, "unmount '%s'", dir);
	return 0;
}
