// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <ftw.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "mech/archive.h"

/* Version 2 capability: cap_net_raw=ep. */
static const unsigned char net_raw[20] = { 1, 0, 0, 2, 0, 0x20 };

struct box {
	char top[64]; /* holds "in", the target, and "out", which nothing may touch */
	int in;
};

static int rm_one(const char *p, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(p);
}

static int setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	_cleanup_free_ char *in = NULL, *out = NULL;

	strcpy(b->top, "/var/tmp/test_archive.XXXXXX");
	assert_non_null(mkdtemp(b->top));
	in = xasprintf("%s/in", b->top);
	out = xasprintf("%s/out", b->top);
	assert_int_equal(mkdir(in, 0755), 0);
	assert_int_equal(mkdir(out, 0755), 0);
	b->in = open(in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(b->in >= 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	close(b->in);
	nftw(b->top, rm_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return 0;
}

/* An archive in a memfd. */
struct tarball {
	int fd;
	struct archive *a;
};

static struct tarball tar_new(int filter)
{
	struct tarball t = { .fd = memfd_create("tar", MFD_CLOEXEC) };

	assert_true(t.fd >= 0);
	t.a = archive_write_new();
	archive_write_set_format_pax(t.a);
	assert_int_equal(archive_write_add_filter(t.a, filter), ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(t.a, 1);
	assert_int_equal(archive_write_open_fd(t.a, t.fd), ARCHIVE_OK);
	return t;
}

static struct archive_entry *entry(const char *path, mode_t mode)
{
	struct archive_entry *ent = archive_entry_new();

	archive_entry_copy_pathname(ent, path);
	archive_entry_set_mode(ent, mode);
	archive_entry_set_uid(ent, geteuid());
	archive_entry_set_gid(ent, getegid());
	archive_entry_set_uname(ent, "daemon"); /* to be ignored */
	archive_entry_set_mtime(ent, 1000000000, 123456789);
	return ent;
}

static void put(struct tarball *t, struct archive_entry *ent, const void *data, size_t n)
{
	archive_entry_set_size(ent, (la_int64_t)n);
	/* the writer warns of names not in its locale */
	assert_true(archive_write_header(t->a, ent) >= ARCHIVE_WARN);
	if (n)
		assert_int_equal(archive_write_data(t->a, data, n), n);
	archive_entry_free(ent);
}

static void put_file(struct tarball *t, const char *path, mode_t mode, const char *text)
{
	put(t, entry(path, S_IFREG | mode), text, strlen(text));
}

static void put_link(struct tarball *t, const char *path, const char *to, bool hard)
{
	struct archive_entry *ent = entry(path, hard ? S_IFREG | 0644 : S_IFLNK | 0777);

	if (hard)
		archive_entry_set_hardlink(ent, to);
	else
		archive_entry_set_symlink(ent, to);
	put(t, ent, NULL, 0);
}

static int tar_done(struct tarball *t)
{
	assert_int_equal(archive_write_close(t->a), ARCHIVE_OK);
	archive_write_free(t->a);
	assert_int_equal(lseek(t->fd, 0, SEEK_SET), 0);
	return t->fd;
}

static int unpack(struct box *b, struct tarball *t, struct err *e)
{
	_cleanup_close_ int fd = tar_done(t);

	return archive_unpack(fd, "x.tar", b->in, NULL, e);
}

static void assert_untouched(struct box *b)
{
	_cleanup_free_ char *out = xasprintf("%s/out", b->top);

	assert_int_equal(rmdir(out), 0); /* works only while it is empty */
	assert_int_equal(mkdir(out, 0755), 0);
}

static void assert_evil(struct box *b, struct tarball *t, const char *says)
{
	struct err e = { 0 };

	assert_int_equal(unpack(b, t, &e), -ERR_FORMAT);
	if (!strstr(e.msg, says))
		fail_msg("'%s' does not say '%s'", e.msg, says);
	assert_true(*e.hint);
	assert_untouched(b);
}

static void test_evil_names(void **state)
{
	static const char *const names[] = { "../out/f", "a/../../out/f", "/etc/f", "..",
					     "./../out/f", "a/.." };
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tarball t = tar_new(ARCHIVE_FILTER_NONE);

		put_file(&t, names[i], 0644, "evil");
		assert_evil(b, &t, names[i]);
	}
}

static void test_dots_in_names(void **state)
{
	struct box *b = *state;
	struct tarball t = tar_new(ARCHIVE_FILTER_NONE);
	struct err e = { 0 };

	put(&t, entry("./", S_IFDIR | 0711), NULL, 0);
	put_file(&t, "./..a", 0644, "x");
	put_file(&t, "./b../...", 0644, "x");
	put_file(&t, "./na\xc3\xafve", 0644, "x");
	put_file(&t, "./latin\xef", 0644, "x");
	assert_int_equal(unpack(b, &t, &e), 0);
	assert_int_equal(faccessat(b->in, "..a", F_OK, 0), 0);
	assert_int_equal(faccessat(b->in, "b../...", F_OK, 0), 0);
	assert_int_equal(faccessat(b->in, "na\xc3\xafve", F_OK, 0), 0);
	assert_int_equal(faccessat(b->in, "latin\xef", F_OK, 0), 0);
}

/* "e" and an accent, in UTF-8: to compose them would be another name. */
static void test_names_are_bytes(void **state)
{
	struct box *b = *state;
	struct tarball t = tar_new(ARCHIVE_FILTER_NONE);
	struct err e = { 0 };
	char target[64] = "";

	/* else the writer marks them as bytes, and the reader leaves them alone */
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	put_file(&t, "./cafe\xcc\x81", 0644, "x");
	put_link(&t, "./link", "cafe\xcc\x81", false);
	put_link(&t, "./same", "./cafe\xcc\x81", true);
	setlocale(LC_CTYPE, "C");
	assert_int_equal(unpack(b, &t, &e), 0);
	assert_int_equal(faccessat(b->in, "cafe\xcc\x81", F_OK, 0), 0);
	assert_int_equal(faccessat(b->in, "same", F_OK, 0), 0);
	assert_int_equal(readlinkat(b->in, "link", target, sizeof(target)), 6);
	assert_string_equal(target, "cafe\xcc\x81");
}

static void test_through_symlink(void **state)
{
	struct box *b = *state;
	_cleanup_free_ char *out = xasprintf("%s/out", b->top);
	const char *const targets[] = { "../out", out, "." };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct tarball t = tar_new(ARCHIVE_FILTER_NONE);
		_cleanup_free_ char *link = xasprintf("link%zu", i);
		_cleanup_free_ char *through = xasprintf("./link%zu/f", i);

		put_link(&t, link, targets[i], false);
		put_file(&t, through, 0644, "evil");
		assert_evil(b, &t, through);
	}
}

/* A directory that was plain when last looked at, and is a symlink now. */
static void test_dir_becomes_symlink(void **state)
{
	struct box *b = *state;

	for (int hard = 0; hard < 2; hard++) {
		struct tarball t = tar_new(ARCHIVE_FILTER_NONE);

		put_link(&t, "link", "../out", false);
		put(&t, entry("p", S_IFDIR | 0755), NULL, 0);
		put_file(&t, "p/f", 0644, "x");
		put_file(&t, "p", 0644, "x"); /* fails or replaces: p is not empty */
		put_link(&t, "p", hard ? "link" : "../out", hard);
		put_file(&t, "p/f", 0644, "evil");
		assert_int_not_equal(unpack(b, &t, NULL), 0);
		assert_untouched(b);

		t = tar_new(ARCHIVE_FILTER_NONE);
		put(&t, entry("q/r", S_IFDIR | 0755), NULL, 0);
		put_file(&t, "q/a", 0644, "x");
		put_link(&t, "q/l", "../../out", false);
		put_link(&t, "q/r", hard ? "q/l" : "../../out", hard);
		put_file(&t, "q/b", 0644, "x");
		put_file(&t, "q/r/f", 0644, "evil");
		assert_evil(b, &t, "q/r/f");
	}
}

/* A file that replaces a symlink must not be written through it. */
static void test_over_symlink(void **state)
{
	struct box *b = *state;
	struct tarball t = tar_new(ARCHIVE_FILTER_NONE);
	struct err e = { 0 };
	struct stat st;

	put_link(&t, "f", "../out/f", false);
	put_file(&t, "f", 0644, "new");
	put(&t, entry("d", S_IFDIR | 0755), NULL, 0);
	put_file(&t, "d/a", 0644, "x"); /* makes d a place known to be plain */
	put_link(&t, "d/f", "../../out/f", false);
	put_file(&t, "d/f", 0644, "new");
	assert_int_equal(unpack(b, &t, &e), 0);
	assert_int_equal(fstatat(b->in, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_untouched(b);
}

static void test_hardlink_outside(void **state)
{
	static const char *const to[] = { "../out/victim", "/etc/passwd", "a/../../x" };
	struct box *b = *state;
	struct tarball t;

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		t = tar_new(ARCHIVE_FILTER_NONE);
		put_link(&t, "h", to[i], true);
		assert_evil(b, &t, to[i]);
		assert_int_equal(faccessat(b->in, "h", F_OK, 0), -1);
	}
	t = tar_new(ARCHIVE_FILTER_NONE);
	put_link(&t, "up", "../out", false);
	put_link(&t, "h", "up/victim", true);
	assert_evil(b, &t, "'h'");
	t = tar_new(ARCHIVE_FILTER_NONE);
	put_link(&t, "h", "missing", true);
	assert_evil(b, &t, "'h'");
}

static void test_message_is_printable(void **state)
{
	struct box *b = *state;
	struct tarball t = tar_new(ARCHIVE_FILTER_NONE);

	put_file(&t, "../\x1b[2J\n", 0644, "x");
	assert_evil(b, &t, "'../?[2J?'");
}

static void put_noise(struct tarball *t, int files)
{
	char data[30000];
	unsigned int x = 1;

	for (int i = 0; i < files; i++) {
		_cleanup_free_ char *name = xasprintf("noise%d", i);

		for (size_t k = 0; k < sizeof(data); k++)
			data[k] = (char)((x = x * 1103515245 + 12345) >> 16);
		put(t, entry(name, S_IFREG | 0644), data, sizeof(data));
	}
}

static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
			       ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
			       ARCHIVE_FILTER_ZSTD };

static void test_filters(void **state)
{
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct tarball t = tar_new(filters[i]);
		struct err e = { 0 };
		struct stat st;

		put_noise(&t, 200); /* more than all the slots together hold */
		if (unpack(*state, &t, &e) != 0)
			fail_msg("filter %d: %s", filters[i], e.msg);
		assert_int_equal(fstatat(b->in, "noise199", &st, 0), 0);
		assert_int_equal(st.st_size, 30000);
		assert_int_equal(unlinkat(b->in, "noise199", 0), 0);
	}
}

static void test_truncated(void **state)
{
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		for (int step = 0; step < 8; step++) {
			struct tarball t = tar_new(filters[i]);
			_cleanup_close_ int fd = -1;
			struct err e = { 0 };
			off_t size;

			put_noise(&t, 4);
			fd = tar_done(&t);
			size = lseek(fd, 0, SEEK_END);
			/* 7: only the very last bytes miss, checksum or end marker */
			size = step == 7 ? size - (filters[i] ? 3 : 1024) :
					   size * step / 7;
			assert_int_equal(ftruncate(fd, size), 0);
			lseek(fd, 0, SEEK_SET);
			if (archive_unpack(fd, "x.tar", b->in, NULL, &e) != -ERR_FORMAT)
				fail_msg("filter %d, %ld bytes: %d %s", filters[i],
					 (long)size, e.code, e.msg);
			assert_non_null(strstr(e.msg, "'x.tar' is damaged: "));
			assert_string_equal(e.hint, "fetch it again");
		}
}

static void test_corrupt(void **state)
{
	struct box *b = *state;

	/* the formats with checksums that libarchive writes and checks: bzip2, xz */
	for (size_t i = 2; i < 4; i++)
		for (int step = 1; step < 8; step++) {
			struct tarball t = tar_new(filters[i]);
			_cleanup_close_ int fd = -1;
			struct err e = { 0 };
			unsigned char c;
			off_t at;

			put_noise(&t, 4);
			fd = tar_done(&t);
			at = lseek(fd, 0, SEEK_END) * step / 8;
			assert_int_equal(pread(fd, &c, 1, at), 1);
			c ^= 0x10;
			assert_int_equal(pwrite(fd, &c, 1, at), 1);
			lseek(fd, 0, SEEK_SET);
			if (archive_unpack(fd, "x.tar", b->in, NULL, &e) != -ERR_FORMAT)
				fail_msg("filter %d, byte %ld: %d %s", filters[i],
					 (long)at, e.code, e.msg);
			assert_string_equal(e.hint, "fetch it again");
		}
}

static void test_not_a_tar(void **state)
{
	struct box *b = *state;
	_cleanup_close_ int fd = memfd_create("html", MFD_CLOEXEC);
	struct err e = { 0 };

	for (int i = 0; i < 100; i++)
		assert_int_equal(write(fd, "<html>404 not found</html>", 26), 26);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(archive_unpack(fd, "x.tar", b->in, NULL, &e), -ERR_FORMAT);
	assert_non_null(strstr(e.msg, "x.tar"));
}

static void test_attributes(void **state)
{
	struct box *b = *state;
	struct tarball t = tar_new(ARCHIVE_FILTER_ZSTD);
	struct archive_entry *ent;
	struct stat st, other;
	struct err e = { 0 };
	char link[16] = "";
	mode_t mask = umask(077);

	put(&t, entry("./", S_IFDIR | 0711), NULL, 0);
	put(&t, entry("./d", S_IFDIR | S_ISVTX | 0577), NULL, 0);
	put_file(&t, "./d/suid", S_ISUID | S_ISGID | 0755, "s");
	put_file(&t, "./d/a", 0640, "a");
	put_link(&t, "./d/b", "./d/a", true);
	put_link(&t, "./abs", "/usr/bin", false);
	put(&t, entry("./fifo", S_IFIFO | 0626), NULL, 0);
	ent = entry("./holes", S_IFREG | 0644);
	archive_entry_set_size(ent, (8 << 20) + 1); /* first, or the next is ignored */
	archive_entry_sparse_add_entry(ent, 8 << 20, 1);
	assert_int_equal(archive_write_header(t.a, ent), ARCHIVE_OK);
	{
		char *zero = xcalloc((8 << 20) + 1, 1);

		zero[8 << 20] = 'x';
		archive_write_data(t.a, zero, (8 << 20) + 1);
		free(zero);
	}
	archive_entry_free(ent);
	if (unpack(b, &t, &e) != 0)
		fail_msg("%s (%s)", e.msg, e.hint);
	umask(mask);

	assert_int_equal(fstat(b->in, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0711);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(fstatat(b->in, "d", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | S_ISVTX | 0577);
	assert_int_equal(fchmodat(b->in, "d", 0700, 0), 0); /* for teardown */
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(fstatat(b->in, "d/suid", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | S_ISUID | S_ISGID | 0755);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(fstatat(b->in, "d/a", &st, 0), 0);
	assert_int_equal(fstatat(b->in, "d/b", &other, 0), 0);
	assert_int_equal(st.st_ino, other.st_ino);
	assert_int_equal(st.st_nlink, 2);
	assert_true(readlinkat(b->in, "abs", link, sizeof(link)) > 0);
	assert_string_equal(link, "/usr/bin");
	assert_int_equal(fstatat(b->in, "abs", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(fstatat(b->in, "fifo", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0626);
	assert_int_equal(fstatat(b->in, "holes", &st, 0), 0);
	assert_int_equal(st.st_size, (8 << 20) + 1);
	assert_true(st.st_blocks * 512 < 1 << 20);
}

static void test_attributes_root(void **state)
{
	struct box *b = *state;
	struct tarball t;
	struct archive_entry *ent;
	_cleanup_close_ int fd = -1;
	unsigned char got[64];
	struct err e = { 0 };
	struct stat st;

	if (geteuid() != 0)
		skip();
	t = tar_new(ARCHIVE_FILTER_XZ);
	ent = entry("ping", S_IFREG | S_ISUID | 0711);
	archive_entry_set_uid(ent, 3210123);
	archive_entry_set_gid(ent, 77);
	archive_entry_xattr_add_entry(ent, "security.capability", net_raw,
				      sizeof(net_raw));
	archive_entry_xattr_add_entry(ent, "user.note", "hello", 5);
	put(&t, ent, "x", 1);
	put_link(&t, "pong", "ping", true);
	ent = entry("null", S_IFCHR | 0666);
	archive_entry_set_rdev(ent, makedev(1, 3));
	put(&t, ent, NULL, 0);
	ent = entry("acl", S_IFREG | 0640);
	archive_entry_acl_add_entry(ent, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 6,
				    ARCHIVE_ENTRY_ACL_USER_OBJ, -1, NULL);
	archive_entry_acl_add_entry(ent, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 4,
				    ARCHIVE_ENTRY_ACL_USER, 4242, NULL);
	archive_entry_acl_add_entry(ent, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 4,
				    ARCHIVE_ENTRY_ACL_GROUP_OBJ, -1, NULL);
	archive_entry_acl_add_entry(ent, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 4,
				    ARCHIVE_ENTRY_ACL_MASK, -1, NULL);
	archive_entry_acl_add_entry(ent, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 0,
				    ARCHIVE_ENTRY_ACL_OTHER, -1, NULL);
	put(&t, ent, NULL, 0);
	if (unpack(b, &t, &e) != 0)
		fail_msg("%s (%s)", e.msg, e.hint);

	assert_int_equal(fstatat(b->in, "ping", &st, 0), 0);
	assert_int_equal(st.st_uid, 3210123);
	assert_int_equal(st.st_gid, 77);
	assert_int_equal(st.st_mode, S_IFREG | S_ISUID | 0711);
	assert_int_equal(st.st_nlink, 2);
	fd = openat(b->in, "ping", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "security.capability", got, sizeof(got)), 20);
	assert_memory_equal(got, net_raw, 20);
	assert_int_equal(fgetxattr(fd, "user.note", got, sizeof(got)), 5);
	close(TAKE_FD(fd));
	assert_int_equal(fstatat(b->in, "null", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_rdev, makedev(1, 3));
	fd = openat(b->in, "acl", O_RDONLY | O_CLOEXEC);
	/* header 4 bytes, then 8 an entry: tag, perm, id */
	assert_int_equal(fgetxattr(fd, "system.posix_acl_access", got, sizeof(got)), 44);
	assert_int_equal(got[4 + 8 + 4] | got[4 + 8 + 5] << 8, 4242);
}

static void test_no_space(void **state)
{
	struct box *b = *state;
	_cleanup_free_ char *in = xasprintf("%s/in", b->top);
	_cleanup_close_ int dir = -1, fd = -1;
	struct tarball t;
	struct err e = { 0 };

	if (geteuid() != 0 || mount("tmpfs", in, "tmpfs", 0, "size=1m") < 0)
		skip();
	dir = open(in, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t = tar_new(ARCHIVE_FILTER_ZSTD);
	put_noise(&t, 100);
	fd = tar_done(&t);
	archive_unpack(fd, "x.tar", dir, NULL, &e);
	close(TAKE_FD(dir));
	umount2(in, MNT_DETACH);
	assert_int_equal(e.code, -ENOSPC);
	assert_non_null(strstr(e.hint, "no space left"));
}

struct seen {
	uint64_t done, total, entries;
	int calls;
};

static void see(void *arg, uint64_t done, uint64_t total, uint64_t entries)
{
	struct seen *s = arg;

	assert_true(done >= s->done && entries >= s->entries);
	*s = (struct seen){ done, total, entries, s->calls + 1 };
}

static void test_progress(void **state)
{
	struct box *b = *state;
	struct seen s = { 0 };
	struct archive_progress p = { see, &s };
	struct tarball t = tar_new(ARCHIVE_FILTER_ZSTD);
	_cleanup_close_ int fd = -1;
	struct err e = { 0 };
	struct stat st;

	put_noise(&t, 50);
	fd = tar_done(&t);
	fstat(fd, &st);
	assert_int_equal(archive_unpack(fd, "x.tar", b->in, &p, &e), 0);
	assert_true(s.calls > 0);
	assert_int_equal(s.entries, 50);
	assert_int_equal(s.done, st.st_size);
	assert_int_equal(s.total, st.st_size);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_evil_names), T(test_dots_in_names), T(test_names_are_bytes),
		T(test_through_symlink),
		T(test_over_symlink), T(test_dir_becomes_symlink),
		T(test_hardlink_outside), T(test_message_is_printable),
		T(test_filters), T(test_truncated), T(test_corrupt), T(test_not_a_tar),
		T(test_attributes), T(test_attributes_root), T(test_no_space),
		T(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
