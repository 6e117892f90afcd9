// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/export_impl.h"
#include "os/fdio.h"

#define CHUNK ((size_t)1024 * 1024)
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
			return err_set(e, -ESTALE, "'/%s' changed while it was read",
				       f->path);
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

/* What a file of a directory made by this program is to be, whatever it is there. */
static void disown(struct stat *st)
{
	st->st_uid = 0;
	st->st_gid = 0;
	st->st_mode = S_ISDIR(st->st_mode) ? S_IFDIR | 0755 : S_IFREG | 0644;
}

static int put_file(struct pack *p, const struct tree_file *f, struct err *e)
{
	_cleanup_(facts_free) struct facts facts = { 0 };
	_cleanup_free_ char *path = xasprintf("./%s", f->path);
	_cleanup_close_ int fd = -1;
	const char *seen = seen_as(p, f);
	struct stat st = export_settled(p->job, &f->st);
	struct archive_file file = { .path = path, .st = &st };
	int r;

	if (p->ours)
		disown(&st);
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
	r = p->ours ? 0 : facts_attrs(&facts, f);
	if (r < 0)
		return err_set(e, r, "read the attributes of '/%s'", f->path);
	if (S_ISREG(st.st_mode) && st.st_size) {
		fd = export_open(f, e);
		if (fd < 0)
			return fd;
		r = facts_extents(&facts, fd, &st);
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
	/* a reader of layers takes it for the deletion of another file */
	if (!p->ours && p->job->layer && !strncmp(f->name, ".wh.", 4)) {
		err_set(e, -ERR_UNSUPPORTED, "'/%s' cannot be in an OCI image: names that "
			"begin with '.wh.' mean deleted files there", f->path);
		return err_hint(e, "rename it, or export to another format");
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
