// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/ext4.h"

#include <ext2fs/ext2fs.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"

struct ext4 {
	ext2_filsys fs;
	struct ext2_xattr_handle *attrs; /* of the file that is given some */
	bool fixed;
	int64_t now;
};

static int failed(errcode_t code, const char *what, const char *path, struct err *e)
{
	/* its small codes are those of errno */
	if (code > 0 && code < 256)
		return err_set(e, -(int)code, "%s '/%s' in the image", what, path);
	return err_set(e, -ERR_FORMAT, "%s '/%s' in the image: %s", what, path,
		       error_message(code));
}

int ext4_open(struct ext4 **out, const char *path, bool fixed, int64_t now, struct err *e)
{
	struct ext4 *x = xcalloc(1, sizeof(*x));
	errcode_t code;

	initialize_ext2_error_table();
	x->fixed = fixed;
	x->now = now;
	code = ext2fs_open(path, EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, unix_io_manager,
			   &x->fs);
	if (!code)
		code = ext2fs_read_bitmaps(x->fs);
	if (code) {
		failed(code, "open", "", e);
		ext4_free(x);
		return e ? e->code : -ERR_FORMAT;
	}
	if (fixed)
		x->fs->now = (time_t)now;
	*out = x;
	return 0;
}

static errcode_t find(struct ext4 *x, const char *path, ext2_ino_t *ino)
{
	return ext2fs_namei(x->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, *path ? path : "/", ino);
}

static int add_name(struct ext2_dir_entry *entry, int offset, int size, char *buf,
		    void *arg)
{
	_cleanup_free_ char *name = xstrndup(entry->name, ext2fs_dirent_name_len(entry));

	(void)offset, (void)size, (void)buf;
	if (strcmp(name, ".") && strcmp(name, ".."))
		strv_add(arg, name);
	return 0;
}

/* Give back what the inode has, now that no name is left. */
static errcode_t release(struct ext4 *x, ext2_ino_t ino, struct ext2_inode *inode, bool dir)
{
	errcode_t code = 0;

	if (ext2fs_inode_has_valid_blocks2(x->fs, inode))
		code = ext2fs_punch(x->fs, ino, inode, NULL, 0, ~0ULL);
	if (!code)
		code = ext2fs_free_ext_attr(x->fs, ino, NULL);
	if (!code)
		code = ext2fs_read_inode(x->fs, ino, inode);
	if (code)
		return code;
	inode->i_links_count = 0;
	inode->i_dtime = (__u32)(x->fixed ? x->now : time(NULL));
	ext2fs_inode_alloc_stats2(x->fs, ino, -1, dir);
	return ext2fs_write_inode(x->fs, ino, inode);
}

static errcode_t unlink_at(struct ext4 *x, ext2_ino_t parent, const char *name);

static errcode_t empty_dir(struct ext4 *x, ext2_ino_t ino)
{
	_cleanup_strv_ struct strv names = { 0 };
	errcode_t code = ext2fs_dir_iterate(x->fs, ino, 0, NULL, add_name, &names);

	for (size_t i = 0; !code && i < names.n; i++)
		code = unlink_at(x, ino, names.v[i]);
	return code;
}

/* The ".." of a directory is a link to the one that it is in. */
static errcode_t drop_link(struct ext4 *x, ext2_ino_t dir)
{
	struct ext2_inode inode;
	errcode_t code = ext2fs_read_inode(x->fs, dir, &inode);

	inode.i_links_count--;
	return code ? code : ext2fs_write_inode(x->fs, dir, &inode);
}

static errcode_t unlink_at(struct ext4 *x, ext2_ino_t parent, const char *name)
{
	struct ext2_inode inode;
	ext2_ino_t ino;
	bool dir;
	errcode_t code = ext2fs_lookup(x->fs, parent, name, (int)strlen(name), NULL, &ino);

	if (!code)
		code = ext2fs_read_inode(x->fs, ino, &inode);
	if (code)
		return code;
	dir = LINUX_S_ISDIR(inode.i_mode);
	code = dir ? empty_dir(x, ino) : 0;
	if (!code)
		code = ext2fs_unlink(x->fs, parent, name, ino, 0);
	if (!code)
		code = ext2fs_read_inode(x->fs, ino, &inode);
	if (code)
		return code;
	if (dir)
		code = drop_link(x, parent);
	if (!code && !dir && inode.i_links_count > 1) {
		inode.i_links_count--;
		return ext2fs_write_inode(x->fs, ino, &inode);
	}
	return code ? code : release(x, ino, &inode, dir);
}

int ext4_remove(struct ext4 *x, const char *path, struct err *e)
{
	_cleanup_free_ char *dir = path_dir(path);
	ext2_ino_t parent;
	errcode_t code = find(x, strcmp(dir, ".") ? dir : "", &parent);

	if (!code)
		code = unlink_at(x, parent, path_base(path));
	return code ? failed(code, "delete", path, e) : 0;
}

/* Nanoseconds above, and below them the two bits that carry on after 2038. */
static __u32 time_extra(const struct timespec *t)
{
	int64_t high = ((int64_t)t->tv_sec - (int32_t)t->tv_sec) >> 32;

	return (__u32)t->tv_nsec << 2 | ((__u32)high & 3);
}

int ext4_settle(struct ext4 *x, const char *path, const struct stat *st, struct err *e)
{
	struct ext2_inode_large inode;
	struct timespec born = { .tv_sec = (time_t)x->now };
	ext2_ino_t ino;
	errcode_t code = find(x, path, &ino);

	if (!code)
		code = ext2fs_read_inode_full(x->fs, ino, (struct ext2_inode *)&inode,
					      sizeof(inode));
	if (code)
		return failed(code, "find", path, e);
	inode.i_mode = (__u16)st->st_mode;
	inode.i_uid = (__u16)st->st_uid;
	inode.i_gid = (__u16)st->st_gid;
	ext2fs_set_i_uid_high(inode, (__u16)(st->st_uid >> 16));
	ext2fs_set_i_gid_high(inode, (__u16)(st->st_gid >> 16));
	inode.i_mtime = inode.i_atime = inode.i_ctime = (__u32)st->st_mtim.tv_sec;
	inode.i_mtime_extra = inode.i_atime_extra = inode.i_ctime_extra =
		time_extra(&st->st_mtim);
	if (x->fixed) {
		inode.i_crtime = (__u32)born.tv_sec;
		inode.i_crtime_extra = time_extra(&born);
	}
	code = ext2fs_write_inode_full(x->fs, ino, (struct ext2_inode *)&inode,
				       sizeof(inode));
	return code ? failed(code, "write", path, e) : 0;
}

static void attrs_end(struct ext4 *x)
{
	if (x->attrs)
		ext2fs_xattrs_close(&x->attrs);
	x->attrs = NULL;
}

int ext4_attrs_begin(struct ext4 *x, const char *path, struct err *e)
{
	ext2_ino_t ino;
	errcode_t code;

	attrs_end(x);
	code = find(x, path, &ino);
	/* not read: the first one set is the only one then */
	if (!code)
		code = ext2fs_xattrs_open(x->fs, ino, &x->attrs);
	return code ? failed(code, "find the attributes of", path, e) : 0;
}

int ext4_attr(struct ext4 *x, const char *name, const void *value, size_t size,
	      struct err *e)
{
	errcode_t code = ext2fs_xattr_set(x->attrs, name, value, size);

	return code ? failed(code, "write the attribute", name, e) : 0;
}

int ext4_close(struct ext4 *x, struct err *e)
{
	errcode_t code;
	int r;

	attrs_end(x);
	code = ext2fs_close_free(&x->fs);
	r = code ? failed(code, "write", "", e) : 0;

	ext4_free(x);
	return r;
}

void ext4_free(struct ext4 *x)
{
	if (x)
		attrs_end(x);
	if (x && x->fs)
		ext2fs_free(x->fs);
	free(x);
}
