// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/export_impl.h"

#define ATTR_LIST_MAX 65536 /* the kernel's limits */
#define ATTR_VALUE_MAX 65536

static bool prefixed(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/*
 * Labels and overlay marks are this machine's, not the root's; what is in "system." but
 * for ACLs, the file system's.
 */
static bool wanted_attr(const char *name)
{
	if (prefixed(name, "user."))
		return !prefixed(name, "user.overlay.");
	if (prefixed(name, "trusted."))
		return !prefixed(name, "trusted.overlay.");
	if (prefixed(name, "security."))
		return strcmp(name, "security.selinux") && strcmp(name, "security.SMACK64");
	return prefixed(name, "system.posix_acl_");
}

static int by_name(const void *a, const void *b)
{
	const struct archive_attr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/*
 * The extended attributes of @f, by way of /proc: there is no l*xattrat() before
 * Linux 6.13.
 */
int facts_attrs(struct facts *facts, const struct tree_file *f)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d/%s", f->dirfd, f->name);
	char list[ATTR_LIST_MAX], value[ATTR_VALUE_MAX];
	ssize_t n = llistxattr(path, list, sizeof(list));
	size_t at = 0;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = list; name < list + n; name += strlen(name) + 1) {
		ssize_t size;

		if (!wanted_attr(name))
			continue;
		size = lgetxattr(path, name, value, sizeof(value));
		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0)
			return -errno;
		xgrow(&facts->attrs, &facts->attrs_cap, facts->nattrs,
		      sizeof(*facts->attrs));
		facts->attrs[facts->nattrs++].size = (size_t)size;
		buf_add(&facts->names, name, strlen(name) + 1);
		buf_add(&facts->values, value, (size_t)size);
	}
	/* the buffers have stopped moving */
	for (size_t i = 0, name = 0; i < facts->nattrs; i++) {
		facts->attrs[i].name = facts->names.data + name;
		facts->attrs[i].value = facts->values.data + at;
		name += strlen(facts->attrs[i].name) + 1;
		at += facts->attrs[i].size;
	}
	if (facts->nattrs)
		qsort(facts->attrs, facts->nattrs, sizeof(*facts->attrs), by_name);
	return 0;
}

int facts_extents(struct facts *f, int fd, const struct stat *st)
{
	off_t data, hole = 0;

	if (st->st_blocks >= (st->st_size + 511) / 512)
		return 0;
	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		xgrow(&f->data, &f->data_cap, f->ndata, sizeof(*f->data));
		f->data[f->ndata++] = (struct archive_extent){ (uint64_t)data,
							       (uint64_t)(hole - data) };
		if (hole >= st->st_size)
			break;
	}
	if (data < 0 && errno != ENXIO)
		return -errno;
	return f->ndata != 1 || f->data[0].offset ||
	       f->data[0].length < (uint64_t)st->st_size;
}

int export_open(const struct tree_file *f, struct err *e)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	_cleanup_close_ int fd = openat(f->dirfd, f->name, flags | O_NOATIME);
	struct stat st;

	if (fd < 0 && errno == EPERM)
		fd = openat(f->dirfd, f->name, flags);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open '/%s'", f->path);
	if (st.st_dev != f->st.st_dev || st.st_ino != f->st.st_ino ||
	    st.st_size != f->st.st_size)
		return err_set(e, -ESTALE, "'/%s' changed while it was read", f->path);
	return TAKE_FD(fd);
}

struct stat export_settled(const struct export_job *job, const struct stat *st)
{
	struct stat out = *st;

	if (job->spec->has_epoch && (out.st_mtim.tv_sec > job->spec->epoch ||
				     (out.st_mtim.tv_sec == job->spec->epoch &&
				      out.st_mtim.tv_nsec)))
		out.st_mtim = (struct timespec){ .tv_sec = (time_t)job->spec->epoch };
	return out;
}

void facts_free(struct facts *f)
{
	buf_free(&f->names);
	buf_free(&f->values);
	free(f->attrs);
	free(f->data);
	free(f->hardlink);
}
