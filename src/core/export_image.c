// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/export_impl.h"
#include "os/proc.h"
#include "os/tree.h"

/* The tree as a tool is to see it. */
struct survey {
	const struct export_job *job;
	struct strv skip;	 /* paths that do not go in */
	uint64_t files, bytes;	 /* inodes, and what their content takes up */
};

static int count(void *arg, const struct tree_file *f, struct err *e)
{
	struct survey *s = arg;

	(void)e;
	if (S_ISSOCK(f->st.st_mode) || export_left_out(s->job, f->path)) {
		strv_add(&s->skip, f->path);
		return TREE_SKIP;
	}
	s->files++;
	s->bytes += (uint64_t)f->st.st_blocks * 512;
	return TREE_NEXT;
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

static int run_tool(const struct strv *argv, const char *package, struct err *e)
{
	int r = proc_run(argv->v, NULL, NULL, 0, e);

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
	return run_tool(&argv, "squashfs-tools", e);
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
	return r ? r : run_tool(&argv, "erofs-utils", e);
}

int export_image(const struct export_job *job, struct partial *to, struct err *e)
{
	struct survey s = { .job = job };
	_cleanup_free_ char *path = NULL;
	int r = temp_path(to, &path, e);

	if (!r)
		r = tree_walk(job->root->tree_fd, count, &s, e);
	if (!r)
		r = job->spec->format == EXPORT_SQUASHFS ? squashfs(&s, path, e) :
		    job->spec->format == EXPORT_EROFS ? erofs(&s, path, e) :
		    err_set(e, -ERR_UNSUPPORTED, "not yet");
	strv_free(&s.skip);
	return r;
}
