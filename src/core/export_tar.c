// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/export_impl.h"
#include "os/fdio.h"
#include "os/tree.h"

#define CHUNK ((size_t)1024 * 1024)
#define ATTR_LIST_MAX 65536 /* the kernel's limits */
#define ATTR_VALUE_MAX 65536
#define TICK_NS 100000000L

/* The first name of a file that has several. */
struct first {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct pack {
	const struct export_job *job;
	struct archive_out *out;
	bool ours; /* the tree is one of this program's making */
	void *firsts; /* of tsearch(3) */
	char *chunk, *zeros;
	uint64_t entries, bytes;
	struct timespec last;
};

/* What archive_file points to. */
struct facts {
	struct buf names, values; /* of the attributes */
	struct archive_attr *attrs;
	struct archive_extent *data;
	size_t nattrs, attrs_cap, ndata, data_cap;
	char link[PATH_MAX];
	char *hardlink;
};

static void facts_free(struct facts *f)
{
	buf_free(&f->names);
	buf_free(&f->values);
	free(f->attrs);
	free(f->data);
	free(f->hardlink);
}

static int compare_firsts(const void *a, const void *b)
{
	const struct first *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void free_first(void *p)
{
	struct first *f = p;

	free(f->path);
	free(f);
}

/* The path under which @f went in already; NULL, and it is remembered, if it did not. */
static const char *seen_as(struct pack *p, const struct tree_file *f)
{
	struct first key = { .dev = f->st.st_dev, .ino = f->st.st_ino };
	struct first **found, *new;

	if (S_ISDIR(f->st.st_mode) || f->st.st_nlink < 2)
		return NULL;
	found = tfind(&key, &p->firsts, compare_firsts);
	if (found)
		return (*found)->path;
	new = xcalloc(1, sizeof(*new));
	*new = key;
	new->path = xstrdup(f->path);
	if (!tsearch(new, &p->firsts, compare_firsts))
		abort();
	return NULL;
}

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
static int read_attrs(const struct tree_file *f, struct facts *facts)
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

/* Where @fd has data. Returns 1 if there are holes, 0 if there are none. */
static int read_extents(int fd, off_t size, struct facts *f)
{
	off_t data, hole = 0;

	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		xgrow(&f->data, &f->data_cap, f->ndata, sizeof(*f->data));
		f->data[f->ndata++] = (struct archive_extent){ (uint64_t)data,
							       (uint64_t)(hole - data) };
		if (hole >= size)
			break;
	}
	if (data < 0 && errno != ENXIO)
		return -errno;
	return f->ndata != 1 || f->data[0].offset || f->data[0].length < (uint64_t)size;
}

static void tick(struct pack *p)
{
	const struct export_progress *progress = &p->job->spec->progress;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!progress->fn || (now.tv_sec - p->last.tv_sec) * 1000000000L + now.tv_nsec -
					     p->last.tv_nsec < TICK_NS)
		return;
	p->last = now;
	progress->fn(progress->arg, p->entries, p->bytes);
}

static int changed(const struct tree_file *f, struct err *e)
{
	return err_set(e, -ESTALE, "'/%s' changed while it was read", f->path);
}

/* @n bytes of @fd from @at on. */
static int put_data(struct pack *p, const struct tree_file *f, int fd, uint64_t at,
		    uint64_t n, struct err *e)
{
	while (n) {
		ssize_t k = pread(fd, p->chunk, n < CHUNK ? n : CHUNK, (off_t)at);
		int r;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_set(e, -errno, "read '/%s'", f->path);
		if (!k)
			return changed(f, e);
		r = archive_out_data(p->out, p->chunk, (size_t)k, e);
		if (r < 0)
			return r;
		at += (uint64_t)k;
		n -= (uint64_t)k;
		p->bytes += (uint64_t)k;
		tick(p);
	}
	return 0;
}

static int put_hole(struct pack *p, uint64_t n, struct err *e)
{
	int r = 0;

	for (; !r && n; n -= n < CHUNK ? n : CHUNK)
		r = archive_out_data(p->out, p->zeros, n < CHUNK ? n : CHUNK, e);
	return r;
}

static int put_content(struct pack *p, const struct tree_file *f, int fd,
		       const struct archive_file *file, struct err *e)
{
	uint64_t at = 0, size = (uint64_t)f->st.st_size;
	int r = 0;

	if (!file->sparse)
		return put_data(p, f, fd, 0, size, e);
	for (size_t i = 0; !r && i < file->ndata; i++) {
		uint64_t end = file->data[i].offset + file->data[i].length;

		r = put_hole(p, file->data[i].offset - at, e);
		at = end < size ? end : size;
		if (!r)
			r = put_data(p, f, fd, file->data[i].offset,
				     at - file->data[i].offset, e);
	}
	return r ? r : put_hole(p, size - at, e);
}

/* Open the regular file @f, made sure that it is the one seen. */
static int open_file(const struct tree_file *f, struct err *e)
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
		return changed(f, e);
	return TAKE_FD(fd);
}

/* What @st is to be in the archive. */
static struct stat settled(const struct pack *p, const struct stat *st)
{
	const struct export_spec *spec = p->job->spec;
	struct stat out = *st;

	if (spec->has_epoch && (out.st_mtim.tv_sec > spec->epoch ||
				(out.st_mtim.tv_sec == spec->epoch && out.st_mtim.tv_nsec)))
		out.st_mtim = (struct timespec){ .tv_sec = (time_t)spec->epoch };
	if (p->ours) {
		out.st_uid = 0;
		out.st_gid = 0;
		out.st_mode = S_ISDIR(st->st_mode) ? S_IFDIR | 0755 : S_IFREG | 0644;
	}
	return out;
}

static int put_file(struct pack *p, const struct tree_file *f, struct err *e)
{
	_cleanup_(facts_free) struct facts facts = { 0 };
	_cleanup_free_ char *path = xasprintf("./%s", f->path);
	_cleanup_close_ int fd = -1;
	const char *seen = seen_as(p, f);
	struct stat st = settled(p, &f->st);
	struct archive_file file = { .path = path, .st = &st };
	int r;

	if (seen) {
		file.hardlink = facts.hardlink = xasprintf("./%s", seen);
		return archive_out_file(p->out, &file, e);
	}
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlinkat(f->dirfd, f->name, facts.link,
				       sizeof(facts.link) - 1);

		if (n < 0)
			return err_set(e, -errno, "read the link '/%s'", f->path);
		facts.link[n] = '\0';
		file.symlink = facts.link;
	}
	r = p->ours ? 0 : read_attrs(f, &facts);
	if (r < 0)
		return err_set(e, r, "read the attributes of '/%s'", f->path);
	if (S_ISREG(st.st_mode) && st.st_size) {
		fd = open_file(f, e);
		if (fd < 0)
			return fd;
		r = st.st_blocks < (st.st_size + 511) / 512 ?
			    read_extents(fd, st.st_size, &facts) : 0;
		if (r < 0)
			return err_set(e, r, "look for holes in '/%s'", f->path);
	}
	file.sparse = r > 0;
	file.attrs = facts.attrs;
	file.nattrs = facts.nattrs;
	file.data = facts.data;
	file.ndata = facts.ndata;
	r = archive_out_file(p->out, &file, e);
	return r || fd < 0 ? r : put_content(p, f, fd, &file, e);
}

static int visit(void *arg, const struct tree_file *f, struct err *e)
{
	struct pack *p = arg;
	int r;

	if (!p->ours && export_left_out(p->job, f->path))
		return TREE_SKIP;
	if (S_ISSOCK(f->st.st_mode)) {
		log_info("'/%s' is a socket: left out", f->path);
		return TREE_NEXT;
	}
	r = put_file(p, f, e);
	p->entries++;
	tick(p);
	return r < 0 ? r : TREE_NEXT;
}

static int write_out(void *arg, const void *data, size_t n, struct err *e)
{
	return export_write(arg, data, n, e);
}

static void note_plain(void *arg, const void *data, size_t n)
{
	struct export_out *to = arg;

	digest_add(to->plain, data, n);
}

static int pack_tree(const struct export_job *job, int dirfd, bool ours,
		     enum archive_pack how, struct export_out *to, struct err *e)
{
	const struct archive_sink sink = { .write = write_out,
					   .plain = to->plain ? note_plain : NULL,
					   .arg = to };
	_cleanup_archive_out_ struct archive_out *out = NULL;
	_cleanup_free_ char *chunk = xmalloc(CHUNK), *zeros = xcalloc(1, CHUNK);
	struct pack p = { .job = job, .ours = ours, .chunk = chunk, .zeros = zeros };
	int r = archive_out_new(&out, how, &sink, e);

	p.out = out;
	if (!r)
		r = tree_walk(dirfd, visit, &p, e);
	if (!r)
		r = archive_out_end(out, e);
	tdestroy(p.firsts, free_first);
	return r;
}

int export_tar(const struct export_job *job, enum archive_pack pack, struct export_out *to,
	       struct err *e)
{
	return pack_tree(job, job->root->tree_fd, false, pack, to, e);
}

int export_tar_dir(const struct export_job *job, int dirfd, struct export_out *to,
		   struct err *e)
{
	return pack_tree(job, dirfd, true, PACK_NONE, to, e);
}

int export_write(struct export_out *to, const void *data, size_t n, struct err *e)
{
	int r = fdio_write_all(to->fd, data, n);

	if (to->packed)
		digest_add(to->packed, data, n);
	to->bytes += n;
	if (!r)
		return 0;
	err_set(e, r, "write '%s'", to->name);
	if (r == -ENOSPC || r == -EDQUOT)
		err_hint(e, "no space left: free some, or write to another directory");
	return r;
}
