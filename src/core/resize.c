// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/resize.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/attach.h"
#include "mech/mount.h"
#include "os/fdio.h"
#include "os/proc.h"

#define NEW_IMAGE STORAGE_IMAGE_FILE ".new"

static int check(const struct root *root, uint64_t bytes, struct err *e)
{
	const struct storage *s = &root->storage;
	struct stat st;

	if (s->kind != STORAGE_IMAGE || s->image || !s->type || strcmp(s->type, "ext4")) {
		err_set(e, -ERR_UNSUPPORTED, "root '%s' has no image that crossroot made",
			root->name);
		return err_hint(e, s->kind == STORAGE_IMAGE ?
					   "its own tools can change that of others" :
					   "only an image has a size to change");
	}
	if (fstatat(root->dir_fd, STORAGE_IMAGE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, -errno, "open the image of root '%s'", root->name);
	if ((uint64_t)st.st_size <= bytes)
		return 0;
	err_set(e, -ERR_UNSUPPORTED,
		"the image of root '%s' has %" PRIu64 " bytes; it is not made smaller",
		root->name, (uint64_t)st.st_size);
	return err_hint(e, "what it does not hold takes no room; "
			   "'crossroot info' shows what it takes");
}

/* Make the file larger; what is in it comes after. */
static int grow_file(const struct root *root, uint64_t bytes, struct err *e)
{
	_cleanup_close_ int fd =
		openat(root->dir_fd, STORAGE_IMAGE_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return err_set(e, -errno, "make the image of root '%s' larger",
			       root->name);
	return 0;
}

static int resize2fs(const char *option, const char *where, struct err *e)
{
	int r = proc_run(option ? (char *[]){ "resize2fs", (char *)option, (char *)where,
					      NULL } :
				  (char *[]){ "resize2fs", (char *)where, NULL },
			 NULL, NULL, 0, e);

	return r == -ENOENT ? err_hint(e, "install e2fsprogs") : r;
}

/* Root of a container may not have what the kernel asks for. */
static bool may_online(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return !syscall(SYS_capget, &head, data) &&
	       data[0].effective & 1u << CAP_SYS_RESOURCE;
}

static int resize_mounted(const struct registry *reg, struct root *root, uint64_t bytes,
			  struct err *e)
{
	_cleanup_free_ char *device = NULL;
	int r = grow_file(root, bytes, e);

	/* a device has the size that its file had when it was set up */
	if (!r)
		r = attach_root(reg, root, e);
	if (!r && !(device = mount_source(root->tree)))
		r = err_set(e, -EIO, "find the device of root '%s'", root->name);
	return r ? r : resize2fs(NULL, device, e);
}

static int resize_copy(const struct registry *reg, struct root *root, uint64_t bytes,
		       struct err *e)
{
	_cleanup_free_ char *tmp = path_join(root->dir, NEW_IMAGE);
	_cleanup_close_ int in = -1, out = -1;
	struct stat st;
	int r = attach_settle(reg, root, e);

	if (r < 0)
		return r;
	in = openat(root->dir_fd, STORAGE_IMAGE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	out = openat(root->dir_fd, NEW_IMAGE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		     0600);
	r = in < 0 || out < 0 || fstat(in, &st) < 0 ?
		    -errno :
		    fdio_copy_sparse(in, 0, st.st_size, out);
	if (!r && ftruncate(out, (off_t)bytes) < 0)
		r = -errno;
	if (r < 0)
		r = err_set(e, r, "copy the image of root '%s'", root->name);
	if (!r)
		r = resize2fs("-f", tmp, e);
	if (!r && (fsync(out) < 0 || renameat(root->dir_fd, NEW_IMAGE, root->dir_fd,
					      STORAGE_IMAGE_FILE) < 0))
		r = err_set(e, -errno, "replace the image of root '%s'", root->name);
	if (r < 0)
		unlinkat(root->dir_fd, NEW_IMAGE, 0);
	else
		fsync(root->dir_fd);
	return r;
}

int root_resize(const struct registry *reg, const char *name, const char *size,
		struct err *e)
{
	struct root root;
	uint64_t bytes;
	int r = storage_parse_size(size, &bytes, e);

	if (r < 0)
		return r;
	r = root_open_closed(reg, name, LOCK_EXCLUSIVE, &root, e);
	if (r < 0)
		return r;
	r = check(&root, bytes, e);
	if (!r)
		r = may_online() ? resize_mounted(reg, &root, bytes, e) :
				   resize_copy(reg, &root, bytes, e);
	root_close(&root);
	return r;
}
