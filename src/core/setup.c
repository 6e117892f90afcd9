// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/path.h"
#include "core/libexec.h"
#include "core/retry.h"
#include "os/beneath.h"
#include "os/fdio.h"

#define MANIFEST "setup"
#define FILE_LIMIT (1 << 20)

/* A file of the share, or a line of the manifest. */
struct item {
	char *path; /* absolute, in the root */
	char *data; /* a file's bytes; NULL in a manifest and of a directory */
	size_t len;
	mode_t mode;
	uint64_t hash; /* of a file's bytes; 0: a directory that setup made */
};

struct items {
	struct item *v;
	size_t n, cap;
};

static struct item *item_add(struct items *l, const char *path)
{
	xgrow(&l->v, &l->cap, l->n, sizeof(*l->v));
	l->v[l->n] = (struct item){ .path = xstrdup(path) };
	return &l->v[l->n++];
}

static struct item *item_find(const struct items *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].path, path))
			return &l->v[i];
	return NULL;
}

static void items_free(struct items *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].data);
	}
	free(l->v);
	*l = (struct items){ 0 };
}

/* Every file below @path of the directory @fd, which is to be @to in the root. */
static int read_share(int fd, const char *path, const char *to, struct items *l,
		      struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = beneath_list(fd, path, &names);

	if (r < 0)
		return err_set(e, r, "read '%s' of crossroot's files", path);
	for (size_t i = 0; i < names.n && !r; i++) {
		_cleanup_free_ char *sub = path_join(path, names.v[i]);
		struct stat st;

		r = beneath_stat(fd, sub, &st);
		if (r < 0)
			return err_set(e, r, "read '%s' of crossroot's files", sub);
		if (S_ISDIR(st.st_mode)) {
			r = read_share(fd, sub, to, l, e);
			continue;
		}

		_cleanup_free_ char *path_in_root = xasprintf("%s%s", to, sub);
		struct item *it = item_add(l, path_in_root);

		it->mode = st.st_mode & 0755;
		r = beneath_read(fd, sub, FILE_LIMIT, &it->data, &it->len, e);
		it->hash = r ? 0 : hash_fnv1a(it->data, it->len);
	}
	return r;
}

/* Lines "HASH PATH"; a directory's hash is 0. */
static int read_manifest(const struct root *root, struct items *l, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = { 0 };
	int r = fdio_read_file(root->dir_fd, MANIFEST, FILE_LIMIT, &text, NULL, e);

	if (r < 0) {
		if (r == -ENOENT)
			*e = (struct err){ 0 };
		return r == -ENOENT ? 0 : r;
	}
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *path;
		uint64_t hash = strtoull(lines.v[i], &path, 16);

		if (*path == ' ' && path[1] == '/')
			item_add(l, path + 1)->hash = hash;
	}
	return 0;
}

static int write_manifest(const struct root *root, const struct items *l, struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < l->n; i++)
		buf_addf(&b, "%016" PRIx64 " %s\n", l->v[i].hash, l->v[i].path);
	return fdio_publish(root->dir_fd, MANIFEST, b.data, b.len, 0644, e);
}

/* Whether the root has something at @it's path that is neither ours nor as we left it. */
static bool is_others(const struct root *root, const struct item *it)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	if (beneath_read(root->tree_fd, it->path, FILE_LIMIT, &data, &len, NULL) < 0)
		return true;
	return hash_fnv1a(data, len) != it->hash;
}

/* What stands in the way of @path: a file where it needs a directory. */
static int check_parents(const struct root *root, const char *path, struct err *e)
{
	_cleanup_free_ char *dir = path_dir(path);
	struct stat st;
	int r = beneath_stat(root->tree_fd, dir, &st);

	if (r == -ENOENT)
		return check_parents(root, dir, e);
	if (r < 0)
		return err_set(e, r, "look at '%s' in the root", dir);
	if (S_ISDIR(st.st_mode))
		return 0;
	err_set(e, -ERR_STATE, "'%s' of the root is a file, where '%s' has to go", dir, path);
	return err_hint(e, "Portage reads a directory of files there as well: move the file "
			   "to '%s/local'", dir);
}

static int check(const struct root *root, const struct items *share,
		 const struct items *old, struct err *e)
{
	for (size_t i = 0; i < share->n; i++) {
		const char *path = share->v[i].path;
		struct stat st;
		int r = check_parents(root, path, e);

		if (r < 0)
			return r;
		/* the same bytes are as good as ours: what a killed setup left */
		if (item_find(old, path) || beneath_stat(root->tree_fd, path, &st) < 0 ||
		    !is_others(root, &share->v[i]))
			continue;
		err_set(e, -ERR_STATE, "the root has a file '%s' that is not crossroot's", path);
		return err_hint(e, "move it away, and try again");
	}
	return 0;
}

/* Note the directories above @path that are not there yet, the topmost first. */
static void note_dirs(const struct root *root, const char *path, struct items *l)
{
	_cleanup_free_ char *dir = path_dir(path);
	struct stat st;

	if (!beneath_stat(root->tree_fd, dir, &st))
		return;
	note_dirs(root, dir, l);
	if (!item_find(l, dir))
		item_add(l, dir);
}

static int make_dir(const struct root *root, const char *path, struct err *e)
{
	_cleanup_free_ char *dir = path_dir(path);
	_cleanup_close_ int fd =
		beneath_open(root->tree_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, fd, "open '%s' in the root", dir);
	if (mkdirat(fd, path_base(path), 0755) < 0)
		return errno == EEXIST ? 0 : err_set(e, -errno, "create '%s' in the root", path);
	/* whatever the umask */
	if (fchmodat(fd, path_base(path), 0755, 0) < 0)
		return err_set(e, -errno, "create '%s' in the root", path);
	return 0;
}

static int put(const struct root *root, const struct item *it, struct err *e)
{
	_cleanup_free_ char *dir = path_dir(it->path);
	_cleanup_close_ int fd =
		beneath_open(root->tree_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return err_set(e, fd, "open '%s' in the root", dir);
	/* what is as it should be keeps its times */
	if (!beneath_stat(root->tree_fd, it->path, &st) && S_ISREG(st.st_mode) &&
	    (st.st_mode & 07777) == it->mode && !is_others(root, it))
		return 0;
	return fdio_publish(fd, path_base(it->path), it->data, it->len, it->mode, e);
}

/* Whether what is at @path of the root is as one of the items of @l left it. */
static bool is_ours(const struct root *root, const struct items *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].hash && !strcmp(l->v[i].path, path) && !is_others(root, &l->v[i]))
			return true;
	return false;
}

/* Remove what @it of @l says was put there, unless somebody changed it. */
static int take(const struct root *root, const struct items *l, const struct item *it,
		struct err *e)
{
	_cleanup_free_ char *dir = path_dir(it->path);
	_cleanup_close_ int fd =
		beneath_open(root->tree_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	struct stat st;

	if (fd < 0 || fstatat(fd, path_base(it->path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!it->hash) {
		/* with something of somebody else's in it, it stays */
		if (unlinkat(fd, path_base(it->path), AT_REMOVEDIR) < 0 &&
		    errno != ENOTEMPTY && errno != ENOTDIR)
			return err_set(e, -errno, "remove '%s' from the root", it->path);
		return 0;
	}
	if (!S_ISREG(st.st_mode) || !is_ours(root, l, it->path)) {
		log_warn("'%s' of root '%s' was changed: it stays", it->path, root->name);
		return 0;
	}
	if (unlinkat(fd, path_base(it->path), 0) < 0)
		return err_set(e, -errno, "remove '%s' from the root", it->path);
	return 0;
}

/* Carry out @now, of which every file is one of @share or was changed by somebody. */
static int write_all(const struct root *root, const struct items *now,
		     const struct items *share, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < now->n && !r; i++) {
		const struct item *it = item_find(share, now->v[i].path);

		if (!now->v[i].hash)
			r = make_dir(root, now->v[i].path, e);
		else if (it && it->hash == now->v[i].hash)
			r = put(root, it, e);
	}
	return r;
}

static int install(const struct root *root, const struct items *share,
		   const struct items *old, struct err *e)
{
	struct items now = { 0 }, both = { 0 };
	int r;

	/* directories of before, so that they are still known */
	for (size_t i = 0; i < old->n; i++)
		if (!old->v[i].hash)
			item_add(&now, old->v[i].path);
	for (size_t i = 0; i < share->n; i++) {
		const struct item *it = &share->v[i], *was = item_find(old, it->path);
		struct stat st;
		bool changed = was && !beneath_stat(root->tree_fd, it->path, &st) &&
			       !is_ours(root, old, it->path) && is_others(root, it);

		note_dirs(root, it->path, &now);
		if (changed)
			log_warn("'%s' of root '%s' was changed: it stays as it is", it->path,
				 root->name);
		item_add(&now, it->path)->hash = changed ? was->hash : it->hash;
	}
	/* known before it is there, and both ways, for the undo of who is killed here */
	for (size_t i = 0; i < old->n; i++)
		item_add(&both, old->v[i].path)->hash = old->v[i].hash;
	for (size_t i = 0; i < now.n; i++)
		item_add(&both, now.v[i].path)->hash = now.v[i].hash;
	r = write_manifest(root, &both, e);
	if (!r)
		r = write_all(root, &now, share, e);
	for (size_t i = old->n; i-- > 0 && !r;)
		if (old->v[i].hash && !item_find(share, old->v[i].path))
			r = take(root, old, &old->v[i], e);
	if (!r)
		r = write_manifest(root, &now, e);
	items_free(&now);
	items_free(&both);
	return r;
}

static int read_shares(struct items *l, struct err *e)
{
	static const struct {
		const char *name, *to;
	} parts[] = {
		{ "root", "" },
		{ "repo", "/var/db/repos/crossroot" },
	};
	_cleanup_free_ char *dir = NULL;
	int r = libexec_data(&dir, e);

	for (size_t i = 0; !r && i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = path_join(dir, parts[i].name);
		_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = fd < 0 ? err_set(e, -errno, "open crossroot's '%s'", path) :
			     read_share(fd, "/", parts[i].to, l, e);
	}
	return r;
}

int setup_install(const struct root *root, struct err *e)
{
	struct items share = { 0 }, old = { 0 };
	int r;

	r = read_shares(&share, e);
	if (!r)
		r = read_manifest(root, &old, e);
	if (!r)
		r = check(root, &share, &old, e);
	if (!r)
		r = install(root, &share, &old, e);
	items_free(&share);
	items_free(&old);
	if (r < 0)
		err_wrap(e, "set up root '%s'", root->name);
	return r;
}

/* Its lines name files that are gone now. */
static int forget_learnt(const struct root *root, struct err *e)
{
	_cleanup_free_ char *dir = path_dir(RETRY_LEARNT);
	_cleanup_close_ int fd =
		beneath_open(root->tree_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd >= 0 && unlinkat(fd, path_base(RETRY_LEARNT), 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "remove '" RETRY_LEARNT "' from the root");
	return 0;
}

int setup_undo(const struct root *root, struct err *e)
{
	struct items old = { 0 };
	int r = read_manifest(root, &old, e);

	/* what is in a directory comes after it */
	for (size_t i = old.n; i-- > 0 && !r;)
		if (old.v[i].hash)
			r = take(root, &old, &old.v[i], e);
	for (size_t i = old.n; i-- > 0 && !r;)
		if (!old.v[i].hash)
			r = take(root, &old, &old.v[i], e);
	items_free(&old);
	if (!r)
		r = forget_learnt(root, e);
	if (!r && unlinkat(root->dir_fd, MANIFEST, 0) < 0 && errno != ENOENT)
		r = err_set(e, -errno, "remove the list of what was set up");
	return r;
}

bool setup_wanted(const struct root *root)
{
	struct stat st;

	return !beneath_stat(root->tree_fd, "/usr/lib/portage", &st) &&
	       !beneath_stat(root->tree_fd, "/etc/portage", &st);
}
