// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/export_impl.h"
#include "mech/ext4.h"
#include "os/proc.h"

/* The tree as a tool is to see it. */
struct survey {
	const struct export_job *job;
	struct strv skip;	 /* paths that do not go in */
	uint64_t files, bytes;	 /* inodes, and what their content takes up */
	int fd;			 /* the image to be */
};

#define BLOCK 4096U
/* files between two reports of how many there are: some hundredths of a second */
#define COUNT_TICK 2048

/* How far it is: the files there are, and what of the image is written. */
static void show(void *arg)
{
	const struct survey *s = arg;
	const struct export_progress *progress = &s->job->spec->progress;
	struct stat st;

	/* one of a file system is full of holes at first */
	if (progress->fn && !fstat(s->fd, &st))
		progress->fn(progress->arg, s->files, (uint64_t)st.st_blocks * 512);
}

/* What the regular file @f has in it, in whole blocks. */
static int64_t content(const struct tree_file *f, struct err *e)
{
	_cleanup_(facts_free) struct facts facts = { 0 };
	_cleanup_close_ int fd = export_open(f, e);
	uint64_t n = (uint64_t)f->st.st_size;
	int r = fd < 0 ? fd : facts_extents(&facts, fd, &f->st);

	if (r < 0)
		return fd < 0 ? fd : err_set(e, r, "look for holes in '/%s'", f->path);
	if (r)
		n = 0;
	for (size_t i = 0; r && i < facts.ndata; i++)
		n += facts.data[i].length + 2 * BLOCK;
	return (int64_t)((n + BLOCK - 1) / BLOCK * BLOCK);
}

static int count(void *arg, const struct tree_file *f, struct err *e)
{
	struct survey *s = arg;
	int64_t n = BLOCK;

	if (S_ISSOCK(f->st.st_mode) || export_left_out(s->job, f->path)) {
		strv_add(&s->skip, f->path);
		return TREE_SKIP;
	}
	s->files++;
	if (s->files % COUNT_TICK == 1)
		show(s);
	if (S_ISREG(f->st.st_mode))
		n = f->st.st_size ? content(f, e) : 0;
	/* not the size of a directory: it is another one on every file system */
	s->bytes += n > 0 ? (uint64_t)n + 2 * strlen(f->name) + 32 : 0;
	return n < 0 ? (int)n : TREE_NEXT;
}

/*
 * A UUID that only what is exported decides: two images of one machine are told apart
 * by theirs, so it cannot be the same for all.
 */
static int make_uuid(const struct export_job *job, char uuid[37], struct err *e)
{
	_cleanup_digest_ struct digest *d = NULL;
	char hex[DIGEST_HEX_SIZE];
	int r = digest_new(&d, DIGEST_SHA256, e);

	if (r < 0)
		return r;
	digest_add(d, job->root->name, strlen(job->root->name) + 1);
	digest_add(d, job->root->arch->name, strlen(job->root->arch->name));
	digest_add(d, &job->spec->epoch, sizeof(job->spec->epoch));
	digest_hex(d, hex);
	/* version 8 of RFC 9562: of the maker's own devising */
	snprintf(uuid, 37, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
		 hex + 18);
	return 0;
}

/* The absolute path of the file to be: it may begin with a dash as given. */
static int temp_path(const struct partial *to, char **out, struct err *e)
{
	char link[64], dir[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", to->dirfd);
	n = readlink(link, dir, sizeof(dir) - 1);
	if (n < 0)
		return err_set(e, -errno, "find '%s'", to->path);
	dir[n] = '\0';
	*out = path_join(dir, to->temp);
	return 0;
}

/* Run a tool of @package, with the variable @extra beside ours. */
static int run_tool(const struct survey *s, const struct strv *argv, const char *extra,
		    const char *package, struct err *e)
{
	const struct proc_tick tick = { .fn = show, .arg = (void *)(uintptr_t)s };
	_cleanup_strv_ struct strv env = { 0 };
	int r;

	for (char **v = environ; *v; v++)
		strv_add(&env, *v);
	if (extra)
		strv_add(&env, extra);
	r = proc_watch(argv->v, env.v, &tick, e);
	show((void *)(uintptr_t)s);
	return r == -ENOENT ? err_hint(e, "install it: the package is %s", package) : r;
}

/* It takes SOURCE_DATE_EPOCH from the environment: no time is later. */
static int squashfs(const struct survey *s, const char *path, struct err *e)
{
	_cleanup_strv_ struct strv argv = { 0 };

	strv_add(&argv, "mksquashfs");
	strv_add(&argv, s->job->root->tree);
	strv_add(&argv, path);
	strv_split(&argv, "-noappend -quiet -no-progress -exit-on-error -comp zstd "
			  "-Xcompression-level 9", " ");
	/* all that follows it is paths */
	if (s->skip.n)
		strv_add(&argv, "-e");
	for (size_t i = 0; i < s->skip.n; i++)
		strv_add(&argv, s->skip.v[i]);
	return run_tool(s, &argv, NULL, "squashfs-tools", e);
}

/* It does the same. */
static int erofs(const struct survey *s, const char *path, struct err *e)
{
	_cleanup_strv_ struct strv argv = { 0 };
	char uuid[37];
	int r = 0;

	strv_split(&argv, "mkfs.erofs --quiet -zlz4hc", " ");
	if (s->job->spec->has_epoch) {
		r = make_uuid(s->job, uuid, e);
		strv_addf(&argv, "-U%s", uuid);
	}
	for (size_t i = 0; i < s->skip.n; i++)
		strv_addf(&argv, "--exclude-path=%s", s->skip.v[i]);
	strv_add(&argv, path);
	strv_add(&argv, s->job->root->tree);
	return r ? r : run_tool(s, &argv, NULL, "erofs-utils", e);
}

/* Room for what is in it, for its own tables, and some to work with. */
static int make_ext4(const struct survey *s, const char *path, struct err *e)
{
	const struct export_spec *spec = s->job->spec;
	uint64_t inodes = s->files + s->files / 10 + 1024;
	uint64_t size = s->bytes + s->bytes / 10 + inodes * 512 + (64U << 20);
	_cleanup_free_ char *fake = xasprintf("E2FSPROGS_FAKE_TIME=%jd",
					      (intmax_t)spec->epoch);
	_cleanup_strv_ struct strv argv = { 0 };
	char uuid[37];
	int r = make_uuid(s->job, uuid, e);

	if (r < 0)
		return r;
	strv_split(&argv, "mkfs.ext4 -q -F -b 4096 -I 256 -m 0 -J size=16", " ");
	/* else it asks the running kernel; the journal's blocks are zero as they are */
	strv_addf(&argv, "-Elazy_itable_init=0,lazy_journal_init=1%s%s",
		  spec->has_epoch ? ",hash_seed=" : "", spec->has_epoch ? uuid : "");
	strv_addf(&argv, "-N%ju", (uintmax_t)inodes);
	if (spec->has_epoch)
		strv_addf(&argv, "-U%s", uuid);
	strv_add(&argv, "-d");
	strv_add(&argv, s->job->root->tree);
	strv_add(&argv, path);
	strv_addf(&argv, "%juk", (uintmax_t)(size >> 20 << 10));
	return run_tool(s, &argv, spec->has_epoch ? fake : NULL, "e2fsprogs", e);
}

struct settling {
	const struct export_job *job;
	struct ext4 *image;
};

static int settle(void *arg, const struct tree_file *f, struct err *e)
{
	const struct settling *s = arg;
	_cleanup_(facts_free) struct facts facts = { 0 };
	struct stat st = export_settled(s->job, &f->st);
	int r;

	if (S_ISSOCK(f->st.st_mode) || export_left_out(s->job, f->path))
		return TREE_SKIP;
	r = ext4_settle(s->image, f->path, &st, e);
	if (r < 0)
		return r;
	r = facts_attrs(&facts, f);
	if (r < 0)
		return err_set(e, r, "read the attributes of '/%s'", f->path);
	if (facts.nattrs)
		r = ext4_attrs_begin(s->image, f->path, e);
	for (size_t i = 0; !r && i < facts.nattrs; i++)
		r = ext4_attr(s->image, facts.attrs[i].name, facts.attrs[i].value,
			      facts.attrs[i].size, e);
	return r;
}

static int ext4(const struct survey *s, const char *path, struct err *e)
{
	const struct export_spec *spec = s->job->spec;
	struct settling work = { .job = s->job };
	/* the image has one of its own, but mkfs gives it the times of one in the tree */
	struct stat lost = { .st_mode = S_IFDIR | 0700 };
	int r = make_ext4(s, path, e);

	if (!r)
		r = ext4_open(&work.image, path, spec->has_epoch, spec->epoch, e);
	if (r < 0)
		return r;
	lost.st_mtim.tv_sec = spec->has_epoch ? (time_t)spec->epoch : time(NULL);
	for (size_t i = 0; !r && i < s->skip.n; i++)
		r = strcmp(s->skip.v[i], "lost+found") ?
			    ext4_remove(work.image, s->skip.v[i], e) :
			    ext4_settle(work.image, s->skip.v[i], &lost, e);
	if (!r)
		r = tree_walk(s->job->root->tree_fd, settle, &work, e);
	if (!r)
		return ext4_close(work.image, e);
	ext4_free(work.image);
	return r;
}

int export_image(const struct export_job *job, struct partial *to, struct err *e)
{
	struct survey s = { .job = job, .fd = to->fd };
	_cleanup_free_ char *path = NULL;
	int r = temp_path(to, &path, e);

	if (!r)
		r = tree_walk(job->root->tree_fd, count, &s, e);
	if (!r)
		r = job->spec->format == EXPORT_SQUASHFS ? squashfs(&s, path, e) :
		    job->spec->format == EXPORT_EROFS	 ? erofs(&s, path, e) :
							   ext4(&s, path, e);
	strv_free(&s.skip);
	return r;
}
