// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/root.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"
#include "os/fdio.h"

/* ".deleting-NAME" must still be a file name */
#define NAME_LIMIT 200

/* A set-uid program of a root, with whatever holes it has, is for its runs alone. */
static int open_private(int at, const char *name, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create directory '%s'", name);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open directory '%s'", name);
	if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700) < 0)
		return err_set(e, -errno, "close directory '%s' to others", name);
	return TAKE_FD(fd);
}

int registry_open(struct registry *reg, const char *state, struct err *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	*reg = (struct registry){ .roots_fd = -1, .locks_fd = -1 };
	r = fdio_mkdirs(AT_FDCWD, state, 0755, e);
	if (r < 0)
		return err_wrap(e, "open the state directory");
	reg->state = realpath(state, NULL);
	if (!reg->state)
		return err_set(e, -errno, "open the state directory '%s'", state);
	fd = open(reg->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open the state directory '%s'", state);
	reg->roots_fd = open_private(fd, "roots", e);
	reg->locks_fd = reg->roots_fd < 0 ? -1 : open_private(fd, "locks", e);
	if (reg->locks_fd < 0) {
		r = err_wrap(e, "open the state directory '%s'", state);
		registry_close(reg);
		return r;
	}
	return 0;
}

void registry_close(struct registry *reg)
{
	free(reg->state);
	if (reg->roots_fd >= 0)
		close(reg->roots_fd);
	if (reg->locks_fd >= 0)
		close(reg->locks_fd);
	*reg = (struct registry){ .roots_fd = -1, .locks_fd = -1 };
}

int root_check_name(const char *name, struct err *e)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._+-";
	int r = 0;

	if (!*name)
		r = err_set(e, -ERR_USAGE, "a root's name cannot be empty");
	else if (strlen(name) > NAME_LIMIT)
		r = err_set(e, -ERR_USAGE, "the name '%.40s...' is longer than %d bytes",
			    name, NAME_LIMIT);
	else if (*name == '.' || *name == '-' || name[strspn(name, ok)])
		r = err_set(e, -ERR_USAGE, "'%s' cannot name a root", name);
	else
		return 0;
	err_hint(e, "use letters, digits, '.', '_', '+' and '-', "
		    "a letter or digit first");
	return r;
}

int root_lock(const struct registry *reg, const char *name, enum lock_mode mode,
	      struct err *e)
{
	int fd = lock_take(reg->locks_fd, name, mode, false, e);

	if (fd == -EWOULDBLOCK) {
		fd = err_set(e, -ERR_STATE, "root '%s' is in use", name);
		err_hint(e, "wait for its runs to end, or stop them");
	}
	return fd;
}

int root_open(const struct registry *reg, const char *name, enum lock_mode mode,
	      struct root *out, struct err *e)
{
	struct root root = { .dir_fd = -1, .tree_fd = -1, .lock_fd = -1 };
	int r = root_check_name(name, e);

	*out = root;
	if (r < 0)
		return r;
	root.lock_fd = root_lock(reg, name, mode, e);
	if (root.lock_fd < 0)
		return root.lock_fd;
	root.dir_fd = openat(reg->roots_fd, name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root.dir_fd < 0 && errno == ENOENT) {
		r = err_set(e, -ERR_STATE, "there is no root '%s'", name);
		err_hint(e, "'crossroot list' shows the roots there are");
		goto fail;
	}
	if (root.dir_fd >= 0)
		root.tree_fd = openat(root.dir_fd, "tree",
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root.tree_fd < 0) {
		r = err_set(e, -errno, "open root '%s'", name);
		goto fail;
	}
	r = root_detect_arch(root.tree_fd, &root.arch, e);
	if (r < 0) {
		err_wrap(e, "root '%s'", name);
		goto fail;
	}
	root.name = xstrdup(name);
	root.dir = xasprintf("%s/roots/%s", reg->state, name);
	root.tree = path_join(root.dir, "tree");
	*out = root;
	return 0;
fail:
	root_close(&root);
	return r;
}

void root_close(struct root *r)
{
	free(r->name);
	free(r->dir);
	free(r->tree);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	if (r->tree_fd >= 0)
		close(r->tree_fd);
	if (r->lock_fd >= 0)
		close(r->lock_fd);
	*r = (struct root){ .dir_fd = -1, .tree_fd = -1, .lock_fd = -1 };
}

int root_list(const struct registry *reg, struct strv *names, struct err *e)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;
	int fd = openat(reg->roots_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_set(e, -errno, "read '%s/roots'", reg->state);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			strv_add(names, de->d_name);
	strv_sort(names);
	return 0;
}

int root_detect_arch(int tree_fd, const struct arch **out, struct err *e)
{
	/* what every root has, whatever its layout or distribution */
	static const char *const probes[] = { "/bin/sh", "/usr/bin/env", "/bin/busybox",
					      "/sbin/init" };
	unsigned char h[20];

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		_cleanup_close_ int fd =
			beneath_open(tree_fd, probes[i], O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0 || read(fd, h, sizeof(h)) != sizeof(h) ||
		    memcmp(h, ELFMAG, SELFMAG))
			continue;
		bool lsb = h[EI_DATA] == ELFDATA2LSB;
		uint16_t machine =
			(uint16_t)(lsb ? h[18] | h[19] << 8 : h[19] | h[18] << 8);

		*out = arch_by_elf(h[EI_CLASS], h[EI_DATA], machine);
		if (!*out)
			return err_set(e, -ERR_UNSUPPORTED,
				       "'%s' is for an unknown architecture (machine %u)",
				       probes[i], machine);
		return 0;
	}
	err_set(e, -ERR_FORMAT, "this is no root file system: no program at /bin/sh");
	return err_hint(e, "a stage is a tarball of a whole root, "
			   "such as Gentoo's stage3");
}

static int remove_leftover(const struct registry *reg, const char *prefix,
			   const char *name, bool *found, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s%s", prefix, name);
	struct stat st;

	if (fstatat(reg->roots_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	*found = true;
	return beneath_rmtree(reg->roots_fd, path, e);
}

int root_destroy(const struct registry *reg, const char *name, struct err *e)
{
	_cleanup_free_ char *doomed = NULL;
	_cleanup_close_ int lock = -1;
	bool found = false;
	int r = root_check_name(name, e);

	if (r < 0)
		return r;
	lock = root_lock(reg, name, LOCK_EXCLUSIVE, e);
	if (lock < 0)
		return lock;
	r = remove_leftover(reg, ".creating-", name, &found, e);
	if (!r)
		r = remove_leftover(reg, ".deleting-", name, &found, e);
	if (r < 0)
		return err_wrap(e, "destroy '%s'", name);
	doomed = xasprintf(".deleting-%s", name);
	if (renameat(reg->roots_fd, name, reg->roots_fd, doomed) < 0) {
		if (errno != ENOENT)
			return err_set(e, -errno, "destroy '%s'", name);
		if (found)
			return 0;
		return err_set(e, -ERR_STATE, "there is no root '%s'", name);
	}
	r = beneath_rmtree(reg->roots_fd, doomed, e);
	if (r == -EXDEV) {
		/* nothing was deleted: the root and its mounts are as before */
		if (!renameat(reg->roots_fd, doomed, reg->roots_fd, name))
			err_hint(e, "unmount it; the root is whole and called '%s' again",
				 name);
	}
	return r < 0 ? err_wrap(e, "destroy '%s'", name) : 0;
}
