// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/export_impl.h"
#include "core/leftover.h"

static const struct {
	const char *name;
	const char *endings[2];
	bool stream; /* written from start to end, so a pipe will do */
	enum archive_pack pack;
} formats[] = {
	[EXPORT_TAR] = { "tar", { ".tar" }, true, PACK_NONE },
	[EXPORT_TAR_XZ] = { "tar.xz", { ".tar.xz", ".txz" }, true, PACK_XZ },
	[EXPORT_TAR_ZST] = { "tar.zst", { ".tar.zst", ".tzst" }, true, PACK_ZSTD },
	[EXPORT_TAR_GZ] = { "tar.gz", { ".tar.gz", ".tgz" }, true, PACK_GZIP },
	[EXPORT_SQUASHFS] = { "squashfs", { ".squashfs", ".sqfs" }, false, PACK_NONE },
	[EXPORT_EROFS] = { "erofs", { ".erofs" }, false, PACK_NONE },
	[EXPORT_EXT4] = { "ext4", { ".ext4", ".img" }, false, PACK_NONE },
	[EXPORT_OCI] = { "oci", { ".oci" }, false, PACK_NONE },
	[EXPORT_OCI_TAR] = { "oci.tar", { ".oci.tar" }, false, PACK_NONE },
};

#define NAMES "tar, tar.xz, tar.zst, tar.gz, squashfs, erofs, ext4, oci and oci.tar"

int export_format_named(const char *name, enum export_format *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(name, formats[i].name)) {
			*out = (enum export_format)i;
			return 0;
		}
	err_set(e, -ERR_USAGE, "there is no format '%s'", name);
	return err_hint(e, "there are " NAMES);
}

int export_format_of(const char *file, enum export_format *out, struct err *e)
{
	size_t n = strlen(file), best = 0;

	while (n > 1 && file[n - 1] == '/')
		n--;
	*out = EXPORT_TAR;
	if (!strcmp(file, "-"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (size_t k = 0; k < ARRAY_SIZE(formats[i].endings); k++) {
			const char *end = formats[i].endings[k];
			size_t len = end ? strlen(end) : 0;

			/* ".oci.tar" is no ".tar" */
			if (len > best && len < n && !memcmp(file + n - len, end, len)) {
				best = len;
				*out = (enum export_format)i;
			}
		}
	if (best)
		return 0;
	err_set(e, -ERR_USAGE, "the name '%s' does not say what format it is to be", file);
	return err_hint(e, "give a --format: there are " NAMES);
}

bool export_left_out(const struct export_job *job, const char *path)
{
	return strv_has(&job->left_out, path);
}

static int to_stdout(const struct export_job *job, struct err *e)
{
	struct export_out out = { .fd = STDOUT_FILENO, .name = "standard output" };
	enum export_format f = job->spec->format;

	if (!formats[f].stream) {
		err_set(e, -ERR_USAGE, "%s cannot be written to standard output",
			formats[f].name);
		return err_hint(e, "only a tar file can; name a file instead of '-'");
	}
	if (isatty(STDOUT_FILENO)) {
		err_set(e, -ERR_USAGE, "standard output is a terminal");
		return err_hint(e, "redirect it, or name a file instead of '-'");
	}
	return export_tar(job, formats[f].pack, &out, e);
}

/* Whether @st at @to is what an export of this kind may have left there. */
static bool same_kind(const struct partial *to, const struct stat *st)
{
	_cleanup_free_ char *mark = path_join(to->name, "oci-layout");
	struct stat found;

	if (!to->dir)
		return S_ISREG(st->st_mode);
	/* no directory of the user's goes for a slip of the pen */
	return S_ISDIR(st->st_mode) &&
	       !fstatat(to->dirfd, mark, &found, AT_SYMLINK_NOFOLLOW);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the directory @dirfd is @top or beneath it: 1, 0 or -errno. */
static int is_beneath(int dirfd, const struct stat *top)
{
	_cleanup_close_ int fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, above;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	for (;; st = above) {
		int up;

		if (same_file(&st, top))
			return 1;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &above) < 0)
			return -errno;
		/* the top of all there is */
		if (same_file(&st, &above))
			return 0;
	}
}

/*
 * Whether the directory @dirfd, which is at @dir, is in what the root is made of. Its
 * files may be elsewhere than below its own directory, and be known by several names.
 */
static int in_root(const struct root *root, int dirfd, const char *dir)
{
	_cleanup_free_ char *roots = path_dir(root->dir), *state = path_dir(roots);
	_cleanup_free_ char *layers = path_join(state, "overlays"), *base = NULL;
	const struct storage *s = &root->storage;
	struct stat st;
	int r;

	if (path_beneath(dir, root->dir) ||
	    (s->kind == STORAGE_OVERLAY && path_beneath(dir, layers)))
		return 1;
	if (fstat(root->tree_fd, &st) < 0)
		return -errno;
	r = is_beneath(dirfd, &st);
	if (r || !s->base)
		return r;
	/* what is written to its lowest layer would be seen in it too */
	if (s->base_kind == BASE_ROOT)
		base = xasprintf("%s/%s/tree", roots, s->base);
	else if (s->base_kind == BASE_DIR)
		base = xstrdup(s->base);
	if (!base)
		return 0;
	return stat(base, &st) < 0 ? -errno : is_beneath(dirfd, &st);
}

/* What can be known to fail is found before hours of work, not at the end. */
static int check_place(const struct export_job *job, const struct partial *to,
		       struct err *e)
{
	char link[64], dir[PATH_MAX];
	struct stat st;
	ssize_t n;
	int r;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", to->dirfd);
	n = readlink(link, dir, sizeof(dir) - 1);
	if (n < 0)
		return err_set(e, -errno, "find '%s'", to->path);
	dir[n] = '\0';
	r = in_root(job->root, to->dirfd, dir);
	if (r < 0)
		return err_set(e, r, "find '%s'", to->path);
	if (r)
		return err_set(e, -ERR_USAGE, "'%s' would be in the root itself", to->path);
	if (fstatat(to->dirfd, to->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "stat '%s'", to->path);
	if (!same_kind(to, &st)) {
		err_set(e, -EEXIST, "write '%s'", to->path);
		return err_hint(e, "there is something that is no %s",
				to->dir ? "OCI image layout" : "regular file");
	}
	if (job->spec->force)
		return 0;
	err_set(e, -EEXIST, "write '%s'", to->path);
	return err_hint(e, "--force replaces it");
}

/* A layout has many files: it is made beside the file that it becomes. */
static int place_layout(struct partial *layout, const struct partial *to, struct err *e)
{
	size_t n = strlen(to->path);
	_cleanup_free_ char *path = NULL;

	while (n > 1 && to->path[n - 1] == '/')
		n--;
	path = xasprintf("%.*s.layout", (int)n, to->path);
	return partial_place(layout, path, true, e);
}

static int oci_tar(const struct export_job *job, const struct partial *to,
		   struct export_out *out, struct err *e)
{
	_cleanup_partial_ struct partial layout = PARTIAL_NONE;
	int r = place_layout(&layout, to, e);

	if (!r)
		r = partial_begin(&layout, e);
	if (!r)
		r = export_oci(job, layout.fd, e);
	return r ? r : export_tar_dir(job, layout.fd, out, e);
}

/* One of an export that was killed, which another format to this file would not see. */
static int clean_layout(const struct partial *to, struct err *e)
{
	_cleanup_partial_ struct partial layout = PARTIAL_NONE;
	int r = place_layout(&layout, to, e);

	return r ? r : partial_clean(&layout, e);
}

static int fill(const struct export_job *job, struct partial *to, struct err *e)
{
	struct export_out out = { .fd = to->fd, .name = to->path };
	enum export_format f = job->spec->format;

	if (formats[f].stream)
		return export_tar(job, formats[f].pack, &out, e);
	if (f == EXPORT_OCI)
		return export_oci(job, to->fd, e);
	if (f == EXPORT_OCI_TAR)
		return oci_tar(job, to, &out, e);
	return export_image(job, to, e);
}

static int to_file(const struct export_job *job, struct err *e)
{
	const struct export_spec *spec = job->spec;
	_cleanup_partial_ struct partial to = PARTIAL_NONE;
	int r = partial_place(&to, spec->file, spec->format == EXPORT_OCI, e);

	if (!r)
		r = check_place(job, &to, e);
	if (!r)
		r = partial_begin(&to, e);
	if (!r)
		r = clean_layout(&to, e);
	if (!r)
		r = fill(job, &to, e);
	return r ? r : partial_finish(&to, spec->force, e);
}

int export_root(const struct root *root, const struct export_spec *spec, struct err *e)
{
	struct export_job job = { .root = root, .spec = spec };
	enum export_format f = spec->format;
	int r;

	job.layer = f == EXPORT_OCI || f == EXPORT_OCI_TAR;
	leftover_find(root->tree_fd, &job.left_out);
	r = !strcmp(spec->file, "-") ? to_stdout(&job, e) : to_file(&job, e);
	strv_free(&job.left_out);
	return r < 0 ? err_wrap(e, "export '%s'", root->name) : 0;
}
