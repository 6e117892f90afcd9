// SPDX-License-Identifier: GPL-2.0-or-later
/* What export is built from: walking a tree, a file until it is whole, a tar file. */
#include "unit.h"

#include <pthread.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "core/export_impl.h"
#include "core/leftover.h"
#include "mech/archive.h"
#include "mech/archive_write.h"
#include "os/partial.h"
#include "os/ring.h"
#include "os/tree.h"

static int note(void *arg, const struct tree_file *f, struct err *e)
{
	(void)e;
	strv_addf(arg, "%s%s", f->path, S_ISDIR(f->st.st_mode) ? "/" : "");
	return !strcmp(f->path, "b/skipped") ? TREE_SKIP : TREE_NEXT;
}

static void test_tree(void **state)
{
	static const char *const want[] = { "/",   "B",	   "a",	  "b/",	      "b/c/",
					    "b/c/d", "b/e", "b/skipped/", "b.f", "link" };
	_cleanup_strv_ struct strv seen = { 0 };
	char *dir = make_dir();
	int fd = open_dir(dir);

	(void)state;
	write_file(fd, "b/c/d", "");
	write_file(fd, "b/e", "");
	write_file(fd, "b/skipped/no", "");
	write_file(fd, "b.f", "");
	write_file(fd, "a", "");
	write_file(fd, "B", "");
	assert_int_equal(symlinkat("b", fd, "link"), 0);
	assert_int_equal(tree_walk(fd, note, &seen, NULL), 0);
	assert_int_equal(seen.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < seen.n; i++)
		assert_true(strv_has(&seen, want[i]));
	assert_string_equal(seen.v[0], "/");
	assert_string_equal(seen.v[1], "B");
	assert_string_equal(seen.v[3], "b/");
	assert_string_equal(seen.v[5], "b/c/d");
	assert_string_equal(seen.v[8], "b.f");
	close(fd);
	remove_dir(dir);
}

static int refuse(void *arg, const struct tree_file *f, struct err *e)
{
	return strcmp(f->path, arg) ? TREE_NEXT : err_set(e, -EPERM, "no '%s'", f->path);
}

/* Far deeper than there are file descriptors, and longer than PATH_MAX. */
static void test_tree_deep(void **state)
{
	_cleanup_strv_ struct strv seen = { 0 };
	char *dir = make_dir();
	int top = open_dir(dir), fd = dup(top);
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "deep", 0755), 0);
		next = openat(fd, "deep", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(tree_walk(top, note, &seen, &e), 0);
	assert_int_equal(seen.n, 3001);
	assert_int_equal(strlen(seen.v[3000]), 3000 * 5);
	assert_int_equal(tree_walk(top, refuse, (void *)"deep/deep", &e), -EPERM);
	close(top);
	remove_dir(dir);
}

static char *in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static int begin(struct partial *p, const char *path, bool dir, struct err *e)
{
	int r = partial_place(p, path, dir, e);

	return r ? r : partial_begin(p, e);
}

static void test_partial(void **state)
{
	char *dir = make_dir();
	_cleanup_free_ char *path = in(dir, "file");
	_cleanup_free_ char *temp = in(dir, ".file.crossroot-partial");
	_cleanup_free_ char *made = in(dir, "made"), *inner = in(dir, "made/x");
	_cleanup_partial_ struct partial p = PARTIAL_NONE, q = PARTIAL_NONE;
	struct err e = { 0 };
	mode_t mask = umask(027);
	struct stat st;

	(void)state;
	assert_int_equal(begin(&p, path, false, &e), 0);
	assert_int_equal(write(p.fd, "whole", 5), 5);
	assert_int_equal(access(path, F_OK), -1);
	/* another one at it is told so, and takes nothing away */
	assert_int_equal(begin(&q, path, false, &e), -ERR_STATE);
	partial_free(&q);
	assert_int_equal(access(temp, F_OK), 0);
	assert_int_equal(partial_finish(&p, false, &e), 0);
	partial_free(&p);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(listxattr(path, NULL, 0), 0);
	/* what is there stays, but with replace */
	assert_int_equal(begin(&p, path, false, &e), 0);
	assert_int_equal(partial_finish(&p, false, &e), -EEXIST);
	assert_int_equal(partial_finish(&p, true, &e), 0);
	partial_free(&p);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	/* a directory in the place of one that is full */
	assert_int_equal(mkdir(made, 0700), 0);
	assert_int_equal(close(open(inner, O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(begin(&p, made, true, &e), 0);
	assert_int_equal(partial_finish(&p, false, &e), -EEXIST);
	assert_int_equal(partial_finish(&p, true, &e), 0);
	assert_int_equal(rmdir(made), 0);
	assert_int_equal(access(temp, F_OK), -1);
	umask(mask);
	remove_dir(dir);
}

/* From here on this process has no renameat2 with flags: @error; nor links, with @links.*/
static int deny(int error, bool links)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_linkat, links ? 3 : 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_renameat2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* How naming @path went where that is so. */
static int name_denied(const char *path, bool dir, int error, bool links)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		struct partial p = PARTIAL_NONE;
		int r = begin(&p, path, dir, NULL);

		if (r || (!dir && write(p.fd, "whole", 5) != 5) || deny(error, links))
			_exit(255);
		r = partial_finish(&p, false, NULL);
		partial_free(&p);
		_exit(-r);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -255;
}

/* A name is given only once, on file systems that know no flags and no links too. */
static void test_partial_poor(void **state)
{
	static const int errors[] = { EINVAL, ENOSYS, EOPNOTSUPP };
	char *dir = make_dir();
	_cleanup_free_ char *file = in(dir, "file"), *made = in(dir, "made");
	_cleanup_free_ char *inner = in(dir, "made/x");
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(errors); i++) {
		int error = errors[i / 2];
		bool links = i & 1;

		assert_int_equal(name_denied(file, false, error, links), 0);
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_size, 5);
		assert_int_equal(truncate(file, 3), 0);
		assert_int_equal(name_denied(file, false, error, links), -EEXIST);
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_size, 3);
		assert_int_equal(unlink(file), 0);
		assert_int_equal(name_denied(made, true, error, links), 0);
		assert_int_equal(close(open(inner, O_WRONLY | O_CREAT, 0600)), 0);
		assert_int_equal(name_denied(made, true, error, links), -EEXIST);
		assert_int_equal(unlink(inner), 0);
		assert_int_equal(rmdir(made), 0);
	}
	/* make_dir's own, and nothing left in it */
	assert_int_equal(rmdir(dir), 0);
	free(dir);
}

/* What a killed process left is deleted, whatever it is; of a living one it is not. */
static void test_partial_stale(void **state)
{
	char *dir = make_dir();
	_cleanup_free_ char *path = in(dir, "file");
	_cleanup_free_ char *temp = in(dir, ".file.crossroot-partial");
	_cleanup_free_ char *inner = in(dir, ".file.crossroot-partial/x");
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		_cleanup_partial_ struct partial p = PARTIAL_NONE;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			if (!begin(&p, path, i == 1, &e) && (i || write(p.fd, "x", 1)))
				raise(SIGKILL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
		assert_int_equal(access(temp, F_OK), 0);
		if (i == 1)
			assert_int_equal(close(open(inner, O_WRONLY | O_CREAT, 0600)), 0);
		assert_int_equal(begin(&p, path, i == 2, &e), 0);
		partial_free(&p);
		assert_int_equal(access(temp, F_OK), -1);
	}
	remove_dir(dir);
}

/* What another program gave the name stays, whatever it is. */
static void test_partial_foreign(void **state)
{
	char *dir = make_dir();
	_cleanup_free_ char *path = in(dir, "file");
	_cleanup_free_ char *temp = in(dir, ".file.crossroot-partial");
	_cleanup_free_ char *inner = in(dir, ".file.crossroot-partial/x");
	_cleanup_partial_ struct partial p = PARTIAL_NONE;
	int fd = open_dir(dir);
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (i == 0)
			assert_int_equal(symlink("elsewhere", temp), 0);
		else if (i == 1)
			assert_int_equal(mkfifo(temp, 0600), 0);
		else
			write_file(fd, i == 2 ? ".file.crossroot-partial" :
						".file.crossroot-partial/x", "mine");
		if (i >= 2 && !lsetxattr(temp, "user.probe", "", 0, 0))
			assert_int_equal(lremovexattr(temp, "user.probe"), 0);
		else if (i >= 2)
			skip();
		assert_int_equal(begin(&p, path, i & 1, &e), -EEXIST);
		partial_free(&p);
		assert_int_equal(partial_place(&p, path, true, &e), 0);
		assert_int_equal(partial_clean(&p, &e), 0);
		partial_free(&p);
		if (i == 3)
			assert_int_equal(unlink(inner), 0);
		assert_int_equal(i == 3 ? rmdir(temp) : unlink(temp), 0);
	}
	close(fd);
	remove_dir(dir);
}

static void *count_to_end(void *arg)
{
	struct ring *r = arg;
	const void *data;
	size_t n, sum = 0;

	while ((n = ring_next(r, &data)))
		for (size_t i = 0; i < n; i++)
			sum += ((const unsigned char *)data)[i];
	return (void *)sum;
}

static void test_ring(void **state)
{
	struct ring r;
	pthread_t thread;
	void *sum;
	char chunk[999];

	(void)state;
	memset(chunk, 1, sizeof(chunk));
	ring_init(&r);
	assert_int_equal(pthread_create(&thread, NULL, count_to_end, &r), 0);
	for (int i = 0; i < 10000; i++)
		assert_true(ring_add(&r, chunk, sizeof(chunk)));
	ring_end(&r);
	pthread_join(thread, &sum);
	assert_int_equal((size_t)sum, 9990000);
	ring_free(&r);
	/* one that leaves is not waited for */
	ring_init(&r);
	ring_leave(&r);
	for (int i = 0; i < 10000; i++)
		ring_add(&r, chunk, sizeof(chunk));
	assert_false(ring_add(&r, chunk, sizeof(chunk)));
	ring_free(&r);
}

struct sunk {
	int fd;
	uint64_t plain, room;
};

static int sink(void *arg, const void *data, size_t n, struct err *e)
{
	struct sunk *s = arg;

	if (n > s->room)
		return err_set(e, -ENOSPC, "write 'sink'");
	s->room -= n;
	return fdio_write_all(s->fd, data, n);
}

static void plain(void *arg, const void *data, size_t n)
{
	struct sunk *s = arg;

	(void)data;
	s->plain += n;
}

/* A tar file of one big file; how archive_out_* ended. */
static int make_tar(struct sunk *s, enum archive_pack pack, size_t megabytes, struct err *e)
{
	const struct archive_sink to = { .write = sink, .plain = plain, .arg = s };
	_cleanup_archive_out_ struct archive_out *o = NULL;
	_cleanup_free_ char *chunk = xmalloc(1 << 20);
	struct stat st = { .st_mode = S_IFREG | 0644,
			   .st_size = (off_t)megabytes << 20,
			   .st_mtim = { 1000, 5 } };
	const struct archive_file file = { .path = "./big", .st = &st };
	unsigned int seed = 1;
	int r;

	r = archive_out_new(&o, pack, &to, e);
	if (!r)
		r = archive_out_file(o, &file, e);
	for (size_t i = 0; !r && i < megabytes; i++) {
		/* nothing that could be compressed */
		for (size_t k = 0; k < 1 << 20; k++) {
			seed = seed * 1103515245 + 12345;
			chunk[k] = (char)(seed >> 16);
		}
		r = archive_out_data(o, chunk, 1 << 20, e);
	}
	return r ? r : archive_out_end(o, e);
}

static void test_archive_out(void **state)
{
	struct err e = { 0 };

	(void)state;
	for (int pack = PACK_NONE; pack <= PACK_ZSTD; pack++) {
		struct sunk s = { .fd = memfd_create("tar", 0), .room = UINT64_MAX };
		char *dir = make_dir();
		int fd = open_dir(dir);
		struct stat st;

		assert_int_equal(make_tar(&s, (enum archive_pack)pack, 3, &e), 0);
		assert_true(s.plain > 3 << 20);
		assert_int_equal(lseek(s.fd, 0, SEEK_SET), 0);
		assert_int_equal(archive_unpack(s.fd, "x", fd, NULL, &e), 0);
		assert_int_equal(fstatat(fd, "big", &st, 0), 0);
		assert_int_equal(st.st_size, 3 << 20);
		assert_int_equal(st.st_mtim.tv_nsec, 5);
		close(s.fd);
		close(fd);
		remove_dir(dir);
	}
}

/* The sink's own error arrives, at whatever point; and nothing waits for ever. */
static void test_archive_out_fails(void **state)
{
	static const uint64_t rooms[] = { 0, 1000, 300000, 2000000 };

	(void)state;
	for (int pack = PACK_NONE; pack <= PACK_ZSTD; pack++)
		for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
			struct sunk s = { .fd = memfd_create("tar", 0), .room = rooms[i] };
			struct err e = { 0 };

			assert_int_equal(make_tar(&s, (enum archive_pack)pack, 12, &e),
					 -ENOSPC);
			assert_non_null(strstr(e.msg, "write 'sink'"));
			close(s.fd);
		}
}

/* Given up in the middle: the sink sees nothing that looks like an end. */
static void test_archive_out_given_up(void **state)
{
	struct sunk s = { .fd = memfd_create("tar", 0), .room = UINT64_MAX };
	const struct archive_sink to = { .write = sink, .arg = &s };
	struct archive_out *o;
	struct stat st = { .st_mode = S_IFREG | 0644, .st_size = 100000 }, after;
	const struct archive_file file = { .path = "./f", .st = &st };

	(void)state;
	assert_int_equal(archive_out_new(&o, PACK_NONE, &to, NULL), 0);
	assert_int_equal(archive_out_file(o, &file, NULL), 0);
	assert_int_equal(archive_out_data(o, "abc", 3, NULL), 0);
	archive_out_free(o);
	assert_int_equal(fstat(s.fd, &after), 0);
	assert_int_equal(after.st_size, 0);
	close(s.fd);
}

/* The leftovers of a tree of these files (a "/" at the end: a directory), in one string. */
static char *leftovers(const char *files, const char *link, const char *to)
{
	_cleanup_strv_ struct strv list = { 0 }, found = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	char *dir = make_dir();
	int fd = open_dir(dir);

	if (link)
		assert_int_equal(symlinkat(to, fd, link), 0);
	strv_split(&list, files, " ");
	for (size_t i = 0; i < list.n; i++) {
		char *text = strchr(list.v[i], '=');

		if (text)
			*text++ = '\0';
		if (list.v[i][strlen(list.v[i]) - 1] == '/')
			assert_int_equal(fdio_mkdirs(fd, list.v[i], 0755, NULL), 0);
		else
			write_file(fd, list.v[i], text ? text : "");
	}
	leftover_find(fd, &found);
	buf_adds(&b, "");
	for (size_t i = 0; i < found.n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", found.v[i]);
	close(fd);
	remove_dir(dir);
	return TAKE_PTR(b.data);
}

static void test_leftovers(void **state)
{
	static const struct {
		const char *files, *link, *to, *want;
	} cases[] = {
		{ "bin/ lib64/libc.so.6=x run/ lost+found/", NULL, NULL, "" },
		/* made by a run, where there was nothing */
		{ "lib64/ld-linux-x86-64.so.2", NULL, NULL, "lib64" },
		/* in a directory of the root's own */
		{ "lib64/ld-linux-x86-64.so.2 lib64/libc.so.6=x", NULL, NULL,
		  "lib64/ld-linux-x86-64.so.2" },
		{ "usr/lib64/ld-linux-x86-64.so.2", "lib64", "usr/lib64",
		  "usr/lib64/ld-linux-x86-64.so.2" },
		/* the root's own loader */
		{ "lib64/ld-linux-x86-64.so.2=ELF", NULL, NULL, "" },
		{ "lib64/ld-2.36.so=ELF lib64/x", "ld", "lib64/ld-2.36.so", "" },
		{ "run/crossroot/native/lib/libc.so.6=x", NULL, NULL, "run/crossroot" },
		{ "var/run/crossroot/", "run", "/var/run", "var/run/crossroot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got =
			leftovers(cases[i].files, cases[i].link, cases[i].to);

		assert_string_equal(got, cases[i].want);
	}
}

static void test_formats(void **state)
{
	static const struct {
		const char *file;
		int want; /* -1: none */
	} cases[] = {
		{ "-", EXPORT_TAR },	      { "a.tar", EXPORT_TAR },
		{ "a.tar.xz", EXPORT_TAR_XZ }, { "a.b.txz", EXPORT_TAR_XZ },
		{ "/x/a.tzst", EXPORT_TAR_ZST }, { "a.tgz", EXPORT_TAR_GZ },
		{ "a.sqfs", EXPORT_SQUASHFS }, { "a.img", EXPORT_EXT4 },
		{ "a.oci", EXPORT_OCI },      { "a.oci/", EXPORT_OCI },
		{ "a.oci.tar", EXPORT_OCI_TAR }, { "a.erofs", EXPORT_EROFS },
		{ "tar", -1 },		      { ".tar", -1 },
		{ "a.TAR", -1 },	      { "a.tar.bz2", -1 },
		{ "", -1 },		      { "a.", -1 },
	};
	enum export_format f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = export_format_of(cases[i].file, &f, &e);

		assert_int_equal(r, cases[i].want < 0 ? -ERR_USAGE : 0);
		if (!r)
			assert_int_equal(f, cases[i].want);
	}
	assert_int_equal(export_format_named("oci.tar", &f, &e), 0);
	assert_int_equal(f, EXPORT_OCI_TAR);
	assert_int_equal(export_format_named("Tar", &f, &e), -ERR_USAGE);
	assert_int_equal(export_format_named("", &f, &e), -ERR_USAGE);
}

/* The attributes of a real program, up to its architecture; whole, and cut off. */
static void test_arm(void **state)
{
	static const char *const want[] = { NULL, NULL, NULL, "v5", "v5", "v5", "v6", "v6",
					    "v6", "v6", "v7", NULL, NULL, NULL, "v8" };
	/* vendor "gnu", which has others; Tag_CPU_name "7-A", Tag_CPU_arch */
	char attrs[] = "A\x09\0\0\0gnu\0\x06" "\x1a\0\0\0aeabi\0"
		       "\x01\x10\0\0\0" "\x05" "7-A\0" "\x06\0\x08\x01\x09\x02";
	const size_t n = sizeof(attrs) - 1, at = n - 5;

	(void)state;
	for (size_t i = 0; i < 30; i++) {
		const char *got, *expected = i < ARRAY_SIZE(want) ? want[i] : NULL;

		attrs[at] = (char)i;
		got = export_arm_attributes(attrs, n);
		assert_int_equal(!got, !expected);
		if (got)
			assert_string_equal(got, expected);
	}
	attrs[at] = 10;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *cut = xmalloc(i ? i : 1);
		_cleanup_free_ char *odd = xmalloc(n);

		/* none reads past the end, whatever is said */
		memcpy(cut, attrs, i);
		assert_null(export_arm_attributes(cut, i));
		memcpy(odd, attrs, n);
		odd[i] = (char)0xff;
		export_arm_attributes(odd, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_deep),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_partial_poor),
		cmocka_unit_test(test_partial_stale),
		cmocka_unit_test(test_partial_foreign),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_archive_out),
		cmocka_unit_test(test_archive_out_fails),
		cmocka_unit_test(test_archive_out_given_up),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_arm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
