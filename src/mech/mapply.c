// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/mapply.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"
#include "os/fdio.h"

/* <sys/mount.h> of glibc 2.36 and <linux/mount.h> both name these */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define LINKS_MAX 16

static int sys_open_tree(int fd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, fd, path, flags);
}

static int sys_move_mount(int from, int to)
{
	return (int)syscall(SYS_move_mount, from, "", to, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int sys_mount_setattr(int fd, struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, attr,
			    sizeof(*attr));
}

/* Put a copy of the mount tree at @srcfd over @dstfd. */
static int attach(int srcfd, int dstfd, bool ro)
{
	_cleanup_close_ int tree = sys_open_tree(
		srcfd, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);

	if (tree < 0)
		return -errno;
	if (ro) {
		struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

		if (sys_mount_setattr(tree, &attr) < 0)
			return -errno;
	}
	return sys_move_mount(tree, dstfd) < 0 ? -errno : 0;
}

int mapply_root(const char *root, struct err *e)
{
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, -errno, "make the run's mounts private");
	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_set(e, -errno, "bind the root '%s'", root);
	/* opened after the mount, so that it names the mount and not what it covers */
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", root);
	return fd;
}

static int mkdir_inside(int rootfd, const char *path, mode_t mode)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = beneath_stat(rootfd, path, &st);

	if (r != -ENOENT)
		return r ? r : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	dir = path_dir(path);
	r = mkdir_inside(rootfd, dir, 0755);
	if (r < 0)
		return r;
	fd = beneath_open(rootfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	if (mkdirat(fd, path_base(path), mode) < 0 && errno != EEXIST)
		return -errno;
	/* the mode asked for, whatever the umask */
	if (fchmodat(fd, path_base(path), mode, 0) < 0)
		return -errno;
	return 0;
}

/*
 * Where the symlink @dst points to when nothing is there yet, NULL if it is none.
 * Links in what it names are seen to by the caller's next try.
 */
static char *dangling(int rootfd, const char *dst)
{
	_cleanup_free_ char *parent = path_dir(dst), *joined = NULL;
	_cleanup_close_ int dir =
		beneath_open(rootfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	char target[PATH_MAX];
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, path_base(dst), target, sizeof(target) - 1);

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	joined = *target == '/' ? xstrdup(target) : path_join(parent, target);
	return path_clean(joined);
}

/* Open the place @dst, making an empty file or directory there if it is missing. */
static int open_dst(int rootfd, const char *dst, bool dir)
{
	_cleanup_free_ char *parent = NULL, *target = NULL;
	int fd = beneath_open(rootfd, dst, O_PATH | O_CLOEXEC, 0), r;

	for (int links = 0; fd == -ENOENT && links < LINKS_MAX; links++) {
		char *next = dangling(rootfd, dst);

		if (!next)
			break;
		free(target);
		dst = target = next;
		fd = beneath_open(rootfd, dst, O_PATH | O_CLOEXEC, 0);
	}
	if (fd != -ENOENT)
		return fd;
	if (dir) {
		r = mkdir_inside(rootfd, dst, 0755);
	} else {
		parent = path_dir(dst);
		r = mkdir_inside(rootfd, parent, 0755);
		if (!r) {
			fd = beneath_open(rootfd, dst,
					  O_CREAT | O_RDONLY | O_CLOEXEC, 0644);
			if (fd >= 0)
				close(fd);
			else
				r = fd;
		}
	}
	if (r < 0)
		return r;
	return beneath_open(rootfd, dst, O_PATH | O_CLOEXEC, 0);
}

static int do_bind(int rootfd, const struct mop *op)
{
	_cleanup_close_ int src = -1, dst = -1;
	struct stat st;

	if (op->kind == MOP_ROOT_BIND || op->kind == MOP_ROOT_BIND_RO) {
		src = beneath_open(rootfd, op->src, O_PATH | O_CLOEXEC, 0);
	} else {
		src = open(op->src, O_PATH | O_CLOEXEC);
		if (src < 0)
			src = -errno;
	}
	if (src == -ENOENT && op->optional)
		return 0;
	if (src < 0)
		return src;
	if (fstat(src, &st) < 0)
		return -errno;
	dst = open_dst(rootfd, op->dst, S_ISDIR(st.st_mode));
	if (dst == -EROFS && op->optional)
		return 0;
	if (dst < 0)
		return dst;
	return attach(src, dst,
		      op->kind == MOP_BIND_RO || op->kind == MOP_ROOT_BIND_RO);
}

static int do_fs(int rootfd, const struct mop *op, const char *type, unsigned long flags,
		 const char *opts)
{
	_cleanup_close_ int dst = open_dst(rootfd, op->dst, true);
	char proc[64];

	if (dst < 0)
		return dst;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dst);
	return mount(type, proc, type, flags, opts) < 0 ? -errno : 0;
}

static int do_symlink(int rootfd, const struct mop *op)
{
	_cleanup_free_ char *parent = path_dir(op->dst);
	_cleanup_close_ int fd = -1;
	int r = mkdir_inside(rootfd, parent, 0755);

	if (r < 0)
		return r;
	fd = beneath_open(rootfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	if (symlinkat(op->src, fd, path_base(op->dst)) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int do_file(int rootfd, const struct mop *op)
{
	_cleanup_free_ char *parent = path_dir(op->dst);
	_cleanup_close_ int dir = -1, fd = -1;
	int r = mkdir_inside(rootfd, parent, 0755);

	if (r < 0)
		return r;
	dir = beneath_open(rootfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return dir;
	/* never over something of the root's */
	fd = openat(dir, path_base(op->dst),
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* the mode asked for, whatever the umask: users of the root read it too */
	if (fd < 0 || fchmod(fd, op->kind == MOP_SCRIPT ? 0755 : 0644) < 0)
		return -errno;
	return fdio_write_all(fd, op->src, strlen(op->src));
}

static int apply_one(int rootfd, const struct mop *op)
{
	switch (op->kind) {
	case MOP_BIND:
	case MOP_BIND_RO:
	case MOP_ROOT_BIND:
	case MOP_ROOT_BIND_RO:
		return do_bind(rootfd, op);
	case MOP_TMPFS:
		return do_fs(rootfd, op, "tmpfs", MS_NOSUID | MS_NODEV, op->src);
	case MOP_PROC:
		return do_fs(rootfd, op, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	case MOP_DEVPTS:
		return do_fs(rootfd, op, "devpts", MS_NOSUID | MS_NOEXEC,
			     "newinstance,ptmxmode=0666,mode=620,gid=5");
	case MOP_MQUEUE:
		return do_fs(rootfd, op, "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	case MOP_DIR:
		return mkdir_inside(rootfd, op->dst, (mode_t)strtoul(op->src, NULL, 8));
	case MOP_SYMLINK:
		return do_symlink(rootfd, op);
	case MOP_FILE:
	case MOP_SCRIPT:
		return do_file(rootfd, op);
	}
	return -EINVAL;
}

int mapply_run(int rootfd, const struct mplan *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct mop *op = &p->ops[i];
		int r = apply_one(rootfd, op);

		if (r < 0)
			return err_set(e, r, "%s '%.*s' at '%s' in the root",
				       mop_name(op->kind), (int)strcspn(op->src, "\n"),
				       op->src, op->dst);
	}
	return 0;
}

int mapply_pivot(int rootfd, struct err *e)
{
	/*
	 * pivot_root(".", ".") stacks the old root on the new one, from where
	 * it is detached: no directory of the root is needed to hold it.
	 */
	if (fchdir(rootfd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, -errno, "enter the root");
	return 0;
}
