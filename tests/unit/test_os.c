// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"
#include "os/proc.h"

/* Every test gets an empty directory: its path as *state, and open as tmp. */
static int tmp = -1;

static int setup(void **state)
{
	char *dir = xstrdup("/tmp/crossroot-test.XXXXXX");

	if (!mkdtemp(dir))
		return -1;
	tmp = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = dir;
	return tmp < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char *const argv[] = { "rm", "-rf", *state, NULL };
	int r;

	close(tmp);
	/* not by the function under test */
	r = proc_run(argv, NULL, NULL, 0, NULL);
	free(*state);
	return r;
}

static void put(const char *path, const char *text)
{
	_cleanup_close_ int fd = openat(tmp, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fdio_write_all(fd, text, strlen(text)), 0);
}

static void check_content(const char *path, const char *want)
{
	_cleanup_free_ char *got = NULL;

	assert_int_equal(fdio_read_file(tmp, path, 4096, &got, NULL, NULL), 0);
	assert_string_equal(got, want);
}

static bool present(const char *path)
{
	return !faccessat(tmp, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

static int wait_status(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return proc_exit_status(status);
}

static void nap(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000,
				      .tv_nsec = ms % 1000 * 1000000 },
		  NULL);
}

/* ---- fdio ---- */

static void read_limits(void **state _unused_)
{
	_cleanup_free_ char *data = NULL, *proc = NULL;
	struct err e = { 0 };
	size_t len = 0;

	put("f", "12345");
	assert_int_equal(fdio_read_file(tmp, "f", 5, &data, &len, &e), 0);
	assert_int_equal(len, 5);
	assert_string_equal(data, "12345");
	assert_int_equal(fdio_read_file(tmp, "f", 4, &proc, NULL, &e), -EFBIG);
	assert_null(proc);
	assert_non_null(strstr(e.msg, "'f'"));
	assert_int_equal(fdio_read_file(tmp, "none", 4, &proc, NULL, &e), -ENOENT);
	assert_int_equal(fdio_read_file(tmp, ".", 4, &proc, NULL, &e), -EISDIR);
	/* st_size is 0 there */
	assert_int_equal(
		fdio_read_file(AT_FDCWD, "/proc/self/stat", 65536, &proc, &len, &e), 0);
	assert_true(len > 20);
}

static void read_empty(void **state _unused_)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 9;

	put("f", "");
	assert_int_equal(fdio_read_file(tmp, "f", 0, &data, &len, NULL), 0);
	assert_int_equal(len, 0);
	assert_string_equal(data, "");
}

static void publish_sets_mode(void **state _unused_)
{
	mode_t old = umask(077);
	struct stat st;
	int r;

	assert_int_equal(fdio_mkdirs(tmp, "d", 0755, NULL), 0);
	r = fdio_publish(tmp, "d/f", "one", 3, 0664, NULL);
	umask(old);
	assert_int_equal(r, 0);
	check_content("d/f", "one");
	assert_int_equal(fstatat(tmp, "d/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0664);
	assert_int_equal(fdio_publish(tmp, "d/f", "", 0, 0600, NULL), 0);
	check_content("d/f", "");
}

static void publish_failure_leaves_nothing(void **state _unused_)
{
	struct err e = { 0 };

	assert_int_equal(fdio_mkdirs(tmp, "d/target/full", 0755, NULL), 0);
	assert_int_equal(fdio_publish(tmp, "d/target", "x", 1, 0644, &e), -EISDIR);
	assert_non_null(strstr(e.msg, "d/target"));
	assert_int_equal(unlinkat(tmp, "d/target/full", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(tmp, "d/target", AT_REMOVEDIR), 0);
	/* fails if a temporary file stayed behind */
	assert_int_equal(unlinkat(tmp, "d", AT_REMOVEDIR), 0);
	assert_int_equal(fdio_publish(tmp, "d/f", "x", 1, 0644, &e), -ENOENT);
	assert_int_equal(fdio_publish(tmp, "./", "x", 1, 0644, &e), -EISDIR);
}

static void publish_is_atomic(void **state _unused_)
{
	enum { SIZE = 200000 };
	_cleanup_free_ char *a = xmalloc(SIZE);
	int torn = 0;
	pid_t pid;

	memset(a, 'a', SIZE);
	assert_int_equal(fdio_publish(tmp, "f", a, SIZE, 0644, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		for (int i = 0;; i++) {
			memset(a, 'a' + i % 26, SIZE);
			if (fdio_publish(tmp, "f", a, SIZE, 0644, NULL) < 0)
				_exit(1);
		}
	}
	for (int i = 0; i < 500; i++) {
		_cleanup_free_ char *got = NULL;
		size_t len = 0;

		if (fdio_read_file(tmp, "f", SIZE, &got, &len, NULL) || len != SIZE ||
		    memcmp(got, got + 1, SIZE - 1))
			torn++;
	}
	/* it never ends by itself but on failure */
	kill(pid, SIGKILL);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	assert_int_equal(torn, 0);
}

static void copy_from_offset(void **state _unused_)
{
	_cleanup_close_ int in = -1, out = -1, app = -1;
	int p[2];

	put("in", "0123456789");
	in = openat(tmp, "in", O_RDONLY);
	out = openat(tmp, "out", O_WRONLY | O_CREAT, 0644);
	app = openat(tmp, "out", O_WRONLY | O_APPEND);
	assert_int_equal(lseek(in, 4, SEEK_SET), 4);
	assert_int_equal(fdio_copy(in, out), 0);
	check_content("out", "456789");
	assert_int_equal(fdio_copy(in, out), 0);
	check_content("out", "456789");
	/* neither of these can be done by copy_file_range */
	lseek(in, 8, SEEK_SET);
	assert_int_equal(fdio_copy(in, app), 0);
	check_content("out", "45678989");
	assert_int_equal(pipe(p), 0);
	assert_int_equal(fdio_write_all(p[1], "pipe", 4), 0);
	close(p[1]);
	assert_int_equal(fdio_copy(p[0], app), 0);
	close(p[0]);
	check_content("out", "45678989pipe");
	assert_int_equal(fdio_copy(app, out), -EBADF);
}

static void mkdirs(void **state _unused_)
{
	struct err e = { 0 };

	assert_int_equal(fdio_mkdirs(tmp, "a//b/c/", 0755, &e), 0);
	assert_true(present("a/b/c"));
	assert_int_equal(fdio_mkdirs(tmp, "a/b/c", 0755, &e), 0);
	put("a/f", "");
	assert_int_equal(fdio_mkdirs(tmp, "a/f", 0755, &e), -ENOTDIR);
	assert_int_equal(fdio_mkdirs(tmp, "a/f/x", 0755, &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, "'a/f'"));
}

/* ---- beneath ---- */

/* A root "r" beside a file "secret" that it must not reach. */
static int make_root(void)
{
	int fd;

	put("secret", "outside");
	assert_int_equal(fdio_mkdirs(tmp, "r/usr/bin", 0755, NULL), 0);
	assert_int_equal(fdio_mkdirs(tmp, "r/etc", 0755, NULL), 0);
	put("r/usr/bin/dash", "elf");
	put("r/etc/passwd", "inside");
	assert_int_equal(symlinkat("usr/bin", tmp, "r/bin"), 0);
	assert_int_equal(symlinkat("dash", tmp, "r/usr/bin/sh"), 0);
	assert_int_equal(symlinkat("/etc/passwd", tmp, "r/abs"), 0);
	assert_int_equal(symlinkat("../../../../etc/passwd", tmp, "r/climb"), 0);
	assert_int_equal(symlinkat("../secret", tmp, "r/out"), 0);
	assert_int_equal(symlinkat("loop", tmp, "r/loop"), 0);
	fd = openat(tmp, "r", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void check_read(int root, const char *path, const char *want)
{
	_cleanup_free_ char *got = NULL;

	assert_int_equal(beneath_read(root, path, 99, &got, NULL, NULL), 0);
	assert_string_equal(got, want);
}

static void symlinks_stay_inside(void **state _unused_)
{
	_cleanup_close_ int root = make_root();
	char *data = NULL;
	struct err e = { 0 };
	struct stat st;

	check_read(root, "/abs", "inside");
	check_read(root, "abs", "inside");
	check_read(root, "climb", "inside");
	check_read(root, "/../../usr/../etc/../abs", "inside");
	assert_int_equal(beneath_read(root, "out", 99, &data, NULL, &e), -ENOENT);
	assert_int_equal(beneath_read(root, "../secret", 99, &data, NULL, &e), -ENOENT);
	assert_int_equal(beneath_stat(root, "loop", &st), -ELOOP);
	assert_int_equal(beneath_stat(root, "/bin/sh", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 3);
	assert_int_equal(beneath_stat(root, "", &st), -ENOENT);
}

static void open_creates_inside(void **state _unused_)
{
	_cleanup_close_ int root = make_root(), fd = -1;

	assert_int_equal(symlinkat("/new", tmp, "r/dangling"), 0);
	fd = beneath_open(root, "dangling", O_WRONLY | O_CREAT, S_IFREG | 0600);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(present("r/new"));
	/* a mode without O_CREAT is no error, unlike for openat2 */
	close(fd);
	fd = beneath_open(root, "new", O_RDONLY, 0600);
	assert_true(fd >= 0);
}

static void read_only_regular_files(void **state _unused_)
{
	_cleanup_close_ int root = make_root();
	char *data = NULL;
	struct err e = { 0 };

	assert_int_equal(mkfifoat(tmp, "r/fifo", 0644), 0);
	alarm(10); /* a blocking open would hang here */
	assert_int_equal(beneath_read(root, "fifo", 99, &data, NULL, &e), -EINVAL);
	alarm(0);
	assert_int_equal(beneath_read(root, "etc", 99, &data, NULL, &e), -EISDIR);
	assert_int_equal(beneath_read(root, "abs", 3, &data, NULL, &e), -EFBIG);
	assert_null(data);
}

static void check_real(int root, const char *path, const char *want)
{
	_cleanup_free_ char *got = NULL;

	assert_int_equal(beneath_realpath(root, path, &got), 0);
	assert_string_equal(got, want);
}

static void realpath_in_root(void **state _unused_)
{
	_cleanup_close_ int root = make_root(), host = -1;
	char *got = NULL;

	check_real(root, "/bin/sh", "/usr/bin/dash");
	check_real(root, "climb", "/etc/passwd");
	check_real(root, "/", "/");
	check_real(root, "../..", "/");
	check_real(root, "bin", "/usr/bin");
	put("r/odd (deleted)", "");
	check_real(root, "odd (deleted)", "/odd (deleted)");
	assert_int_equal(beneath_realpath(root, "out", &got), -ENOENT);
	host = open("/", O_PATH | O_DIRECTORY);
	check_real(host, "/proc/../tmp/.", "/tmp");
	check_real(host, "/", "/");
	assert_null(got);
}

static void rmtree_simple(void **state _unused_)
{
	_cleanup_close_ int root = make_root();
	struct err e = { 0 };

	assert_int_equal(symlinkat("..", tmp, "r/up"), 0);
	assert_int_equal(mkfifoat(tmp, "r/etc/fifo", 0644), 0);
	assert_int_equal(fdio_mkdirs(tmp, "r/locked/in", 0755, NULL), 0);
	if (!geteuid())
		assert_int_equal(fchmodat(tmp, "r/locked", 0, 0), 0);
	assert_int_equal(beneath_rmtree(tmp, "r", &e), 0);
	assert_false(present("r"));
	check_content("secret", "outside");
	assert_int_equal(beneath_rmtree(tmp, "r", &e), 0);
	assert_int_equal(beneath_rmtree(tmp, "none/r", &e), 0);
	assert_int_equal(beneath_rmtree(tmp, "secret", &e), 0);
	assert_false(present("secret"));
}

static void rmtree_follows_no_symlink(void **state _unused_)
{
	struct err e = { 0 };

	assert_int_equal(fdio_mkdirs(tmp, "keep/me", 0755, NULL), 0);
	put("keep/me/f", "x");
	assert_int_equal(symlinkat("keep", tmp, "link"), 0);
	/* through a link to its parent: refused */
	assert_int_equal(beneath_rmtree(tmp, "link/me", &e), -ELOOP);
	/* the link itself: only the link goes */
	assert_int_equal(beneath_rmtree(tmp, "link", &e), 0);
	assert_false(present("link"));
	check_content("keep/me/f", "x");
	assert_int_equal(beneath_rmtree(tmp, "keep/..", &e), -EINVAL);
	assert_int_equal(beneath_rmtree(tmp, ".", &e), -EINVAL);
	assert_int_equal(beneath_rmtree(tmp, "", &e), -EINVAL);
	check_content("keep/me/f", "x");
}

static void rmtree_wide(void **state _unused_)
{
	char name[64];

	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "w/d%d/sub", i);
		assert_int_equal(fdio_mkdirs(tmp, name, 0755, NULL), 0);
		snprintf(name, sizeof(name), "w/d%d/sub/f", i);
		put(name, "x");
	}
	assert_int_equal(beneath_rmtree(tmp, "w", NULL), 0);
	assert_false(present("w"));
}

static void rmtree_deep(void **state _unused_)
{
	const struct rlimit few = { 32, 32 };
	struct err e = { 0 };
	int fd = dup(tmp);
	pid_t pid;

	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(fd, "deep", 0755), 0);
		next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
		close(openat(fd, "file", O_WRONLY | O_CREAT, 0644));
	}
	close(fd);
	pid = fork();
	if (!pid) {
		if (setrlimit(RLIMIT_NOFILE, &few) < 0)
			_exit(2);
		_exit(beneath_rmtree(tmp, "deep", &e) ? 1 : 0);
	}
	assert_int_equal(wait_status(pid), 0);
	assert_false(present("deep"));
}

enum { CHILD_CANNOT_MOUNT = 77 };

/* In a mount namespace of its own: exit status 0 if the deletion was refused. */
static int mounted_child(const char *dir, const char *kind)
{
	struct err e = { 0 };
	int r;

	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return CHILD_CANNOT_MOUNT;
	/* by path: tmp still belongs to the namespace it was opened in */
	if (chdir(dir) < 0)
		return 2;
	if (!strcmp(kind, "file"))
		r = mount("secret", "r/z/file", NULL, MS_BIND, NULL);
	else if (!strcmp(kind, "bind")) /* the same st_dev */
		r = mount("keep", "r/z/mnt", NULL, MS_BIND, NULL);
	else if (!strcmp(kind, "top"))
		r = mount("tmpfs", "r", "tmpfs", 0, NULL);
	else
		r = mount("tmpfs", "r/z/mnt", "tmpfs", 0, NULL);
	if (r < 0)
		return CHILD_CANNOT_MOUNT;
	r = beneath_rmtree(AT_FDCWD, "r", &e);
	if (r != -EXDEV || e.code != -EXDEV)
		return 3;
	return strstr(e.msg, "mounted") ? 0 : 4;
}

static void rmtree_refuses_mounts(void **state)
{
	static const char *const kinds[] = { "tmpfs", "bind", "file", "top" };

	assert_int_equal(fdio_mkdirs(tmp, "r/a/b", 0755, NULL), 0);
	assert_int_equal(fdio_mkdirs(tmp, "r/z/mnt", 0755, NULL), 0);
	assert_int_equal(fdio_mkdirs(tmp, "keep", 0755, NULL), 0);
	put("r/a/b/f", "x");
	put("r/z/file", "x");
	put("keep/f", "kept");
	put("secret", "kept");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(mounted_child(*state, kinds[i]));
		status = wait_status(pid);
		if (status == CHILD_CANNOT_MOUNT && !getenv("CROSSROOT_MUST_RUN")) {
			print_message("cannot mount in a private namespace\n");
			skip();
		}
		if (status)
			print_error("kind %s\n", kinds[i]);
		assert_int_equal(status, 0);
		assert_true(present("r/a/b/f"));
		assert_true(present("r/z/file"));
		check_content("keep/f", "kept");
		check_content("secret", "kept");
	}
	/* with the namespaces gone nothing is in the way */
	assert_int_equal(beneath_rmtree(tmp, "r", NULL), 0);
	assert_false(present("r"));
}

/* Another content of the same size, and a time that was put back. */
static void stamp_sees_content(void **state _unused_)
{
	_cleanup_free_ char *before = NULL, *again = NULL, *after = NULL, *none = NULL;
	struct timespec times[2];
	struct stat st;

	put("stamped", "one");
	assert_int_equal(fstatat(tmp, "stamped", &st, 0), 0);
	before = beneath_stamp(tmp, "stamped");
	again = beneath_stamp(tmp, "/stamped");
	assert_string_equal(before, again);
	/* the kernel's clock for files has ticks */
	usleep(20000);
	put("stamped", "two");
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(tmp, "stamped", times, 0), 0);
	after = beneath_stamp(tmp, "stamped");
	assert_string_not_equal(before, after);
	none = beneath_stamp(tmp, "none");
	assert_string_equal(none, "-");
}

static void list(void **state _unused_)
{
	_cleanup_strv_ struct strv names = { 0 };

	assert_int_equal(mkdirat(tmp, "list", 0755), 0);
	put("list/b", "");
	put("list/.a", "");
	assert_int_equal(mkdirat(tmp, "list/c", 0755), 0);
	assert_int_equal(beneath_list(tmp, "/list", &names), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[0], ".a");
	assert_string_equal(names.v[2], "c");
	assert_int_equal(beneath_list(tmp, "/list/b", &names), -ENOTDIR);
	assert_int_equal(beneath_list(tmp, "/list/none", &names), -ENOENT);
	assert_int_equal(names.n, 3);
}

/* ---- proc ---- */

static int sh(const char *script, char **out, size_t max, struct err *e)
{
	char *const argv[] = { "sh", "-c", (char *)script, NULL };

	return proc_run(argv, NULL, out, max, e);
}

static void run_collects(void **state _unused_)
{
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL;
	char *const env[] = { "ONLY=this", NULL };
	char *const argv[] = { "env", NULL };
	struct err e = { 0 };

	assert_int_equal(sh("echo hi; echo noise >&2", &a, 100, &e), 0);
	assert_string_equal(a, "hi\n");
	assert_int_equal(sh("true", &b, 100, &e), 0);
	assert_string_equal(b, "");
	/* far more than a pipe holds, of which little is wanted; stdin is empty */
	assert_int_equal(sh("cat; yes 2>/dev/null | head -c 1000000", &c, 5, &e), 0);
	assert_string_equal(c, "y\ny\ny");
	assert_int_equal(proc_run(argv, env, &d, 100, &e), 0);
	assert_string_equal(d, "ONLY=this\n");
	assert_int_equal(sh("echo lost", NULL, 0, &e), 0);
}

static void run_reports_failure(void **state _unused_)
{
	char *const argv[] = { "crossroot-no-such-program", NULL };
	char *out = NULL;
	struct err e = { 0 };

	assert_int_equal(sh("echo out; printf 'bad \\033[1m\\n\\n' >&2; exit 3", &out, 9, &e),
			 -ERR_CHILD);
	assert_string_equal(e.msg, "'sh' failed with status 3: bad ?[1m");
	assert_int_equal(sh("kill -9 $$", &out, 9, &e), -ERR_CHILD);
	assert_string_equal(e.msg, "'sh' was killed by signal 9 (Killed)");
	assert_int_equal(sh("yes | head -c 500000 >&2; echo END >&2; exit 1", &out, 9, &e),
			 -ERR_CHILD);
	assert_string_equal(e.msg + strlen(e.msg) - 4, "\nEND");
	assert_int_equal(proc_run(argv, NULL, &out, 9, &e), -ENOENT);
	assert_non_null(strstr(e.msg, argv[0]));
	assert_null(out);
}

/* A status that is an answer is no failure; what was said before it is kept. */
static void ask_tells_the_status(void **state _unused_)
{
	char *const three[] = { "sh", "-c", "echo out; echo noise >&2; exit 3", NULL };
	char *const killed[] = { "sh", "-c", "kill -9 $$", NULL };
	char *const none[] = { "crossroot-no-such-program", NULL };
	_cleanup_free_ char *out = NULL;
	char *no_out = NULL;
	struct err e = { 0 };
	int status = 0;

	assert_int_equal(proc_ask(three, NULL, &out, 100, &status, &e), 0);
	assert_int_equal(status, 3);
	assert_string_equal(out, "out\n");
	assert_int_equal(proc_ask(killed, NULL, &no_out, 100, &status, &e), -ERR_CHILD);
	assert_int_equal(proc_ask(none, NULL, &no_out, 100, &status, &e), -ENOENT);
	assert_null(no_out);
}

static void run_leaves_daemons_alone(void **state _unused_)
{
	_cleanup_free_ char *out = NULL;
	time_t start = time(NULL);

	assert_int_equal(sh("sleep 20 & echo $!", &out, 100, NULL), 0);
	kill((pid_t)atol(out), SIGKILL);
	assert_true(time(NULL) - start < 10);
}

/* Neither gone nor waiting for whoever adopted it to notice. */
static bool is_running(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%ld/stat", (long)pid), *text = NULL;

	if (fdio_read_file(AT_FDCWD, path, 65536, &text, NULL, NULL) < 0)
		return false;
	return strncmp(strrchr(text, ')'), ") Z", 3) != 0;
}

static void run_resets_signals(void **state _unused_)
{
	char *out = NULL;
	sigset_t set, old;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	r = sh("kill -TERM $$; echo survived", &out, 100, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(r, -ERR_CHILD);
}

/* A killed parent takes the program along: nothing goes on writing to a tree. */
static void run_dies_with_parent(void **state _unused_)
{
	char *const argv[] = { "sh", "-c", "echo $$ >pid; exec sleep 300", NULL };
	_cleanup_free_ char *text = NULL;
	pid_t pid = fork(), child = 0;

	if (!pid) {
		if (!fchdir(tmp))
			proc_run(argv, NULL, NULL, 0, NULL);
		_exit(1);
	}
	for (int i = 0; i < 1000 && !child; i++) {
		usleep(10000);
		free(TAKE_PTR(text));
		if (!fdio_read_file(tmp, "pid", 100, &text, NULL, NULL))
			child = (pid_t)atol(text);
	}
	assert_true(child > 0);
	kill(pid, SIGKILL);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
	for (int i = 0; i < 1000 && is_running(child); i++)
		usleep(10000);
	assert_false(is_running(child));
}

/* ---- lock ---- */

/* What lock_take says in another process, as a positive errno; 0 for taken. */
static int lock_elsewhere(enum lock_mode mode)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = lock_take(tmp, "l", mode, false, NULL);

		_exit(fd < 0 ? -fd : 0);
	}
	return wait_status(pid);
}

static void lock_contention(void **state _unused_)
{
	struct err e = { 0 };
	struct stat st;
	int fd = lock_take(tmp, "l", LOCK_EXCLUSIVE, false, &e), again;

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_int_equal(lock_elsewhere(LOCK_EXCLUSIVE), EWOULDBLOCK);
	assert_int_equal(lock_elsewhere(LOCK_SHARED), EWOULDBLOCK);
	again = lock_take(tmp, "l", LOCK_SHARED, false, &e);
	assert_int_equal(again, -EWOULDBLOCK);
	assert_non_null(strstr(e.msg, "held by another process"));
	close(fd);
	assert_int_equal(lock_elsewhere(LOCK_EXCLUSIVE), 0);
	fd = lock_take(tmp, "l", LOCK_SHARED, true, &e);
	assert_int_equal(lock_elsewhere(LOCK_SHARED), 0);
	assert_int_equal(lock_elsewhere(LOCK_EXCLUSIVE), EWOULDBLOCK);
	close(fd);
	assert_int_equal(lock_take(tmp, "no/l", LOCK_SHARED, true, &e), -ENOENT);
}

static void lock_dies_with_holder(void **state _unused_)
{
	int p[2], fd;
	pid_t pid;
	char c;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (!pid) {
		fd = lock_take(tmp, "l", LOCK_EXCLUSIVE, false, NULL);
		if (fd < 0 || write(p[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
	assert_int_equal(lock_elsewhere(LOCK_SHARED), EWOULDBLOCK);
	kill(pid, SIGKILL);
	fd = lock_take(tmp, "l", LOCK_EXCLUSIVE, true, NULL);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(wait_status(pid), 128 + SIGKILL);
}

static bool is_holder(pid_t pid, enum lock_mode mode)
{
	_cleanup_free_ struct lock_holder *h = NULL;
	size_t n = lock_holders(tmp, "l", &h);

	for (size_t i = 0; i < n; i++)
		if (h[i].pid == pid)
			return h[i].mode == mode;
	return false;
}

static void lock_holders_are_told(void **state _unused_)
{
	struct lock_holder *h;
	int fd, p[2];
	pid_t pid;
	char c;

	assert_int_equal(lock_holders(tmp, "l", &h), 0);
	assert_null(h);
	fd = lock_take(tmp, "l", LOCK_SHARED, false, NULL);
	assert_true(is_holder(getpid(), LOCK_SHARED));
	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (!pid) {
		int own = lock_take(tmp, "l", LOCK_SHARED, false, NULL);

		close(fd);
		if (own < 0 || write(p[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	close(p[1]);
	assert_true(is_holder(pid, LOCK_SHARED));
	assert_true(is_holder(getpid(), LOCK_SHARED));
	close(fd);
	assert_false(is_holder(getpid(), LOCK_SHARED));
	kill(pid, SIGKILL);
	wait_status(pid);
	assert_int_equal(lock_holders(tmp, "l", &h), 0);
	fd = lock_take(tmp, "l", LOCK_EXCLUSIVE, false, NULL);
	assert_true(is_holder(getpid(), LOCK_EXCLUSIVE));
	close(fd);
}

static void copy_keeps_holes(void **state _unused_)
{
	int in = openat(tmp, "in", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int out = openat(tmp, "out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const off_t mib = 1 << 20;
	struct stat st;
	char c[4];

	assert_int_equal(ftruncate(in, 64 * mib), 0);
	assert_int_equal(pwrite(in, "here", 4, 5 * mib), 4);
	assert_int_equal(pwrite(in, "last", 4, 40 * mib - 4), 4);
	assert_int_equal(pwrite(in, "past", 4, 40 * mib), 4);
	/* from the middle of one to the end of another */
	assert_int_equal(fdio_copy_sparse(in, 2 * mib, 38 * mib, out), 0);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 38 * mib);
	assert_true(st.st_blocks * 512 < mib);
	assert_int_equal(pread(out, c, 4, 3 * mib), 4);
	assert_memory_equal(c, "here", 4);
	assert_int_equal(pread(out, c, 4, 38 * mib - 4), 4);
	assert_memory_equal(c, "last", 4);
	close(in);
	close(out);
}

static void open_exact_follows_nothing(void **state _unused_)
{
	struct stat st;
	int fd;

	assert_int_equal(mkdirat(tmp, "d", 0755), 0);
	assert_int_equal(symlinkat("d", tmp, "way"), 0);
	assert_int_equal(symlinkat("nowhere", tmp, "d/link"), 0);
	fd = beneath_open_exact(tmp, "d/link", O_PATH | O_NOFOLLOW);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close(fd);
	assert_int_equal(beneath_open_exact(tmp, "way/link", O_PATH | O_NOFOLLOW), -ELOOP);
	assert_true(beneath_open_exact(tmp, "../x", O_PATH) < 0);
	assert_true(beneath_open_exact(tmp, "/etc", O_PATH) < 0);
}

static void lock_notices_unlink(void **state _unused_)
{
	int fd = lock_take(tmp, "l", LOCK_EXCLUSIVE, false, NULL);
	struct stat a, b;
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork();
	if (!pid) {
		close(fd); /* or it would hold what it waits for */
		fd = lock_take(tmp, "l", LOCK_EXCLUSIVE, true, NULL);
		if (fd < 0 || fstat(fd, &a) < 0 || fstatat(tmp, "l", &b, 0) < 0)
			_exit(1);
		_exit(a.st_ino == b.st_ino && a.st_nlink == 1 ? 0 : 2);
	}
	nap(100); /* it sleeps in flock by then; if not, the test only proves less */
	assert_int_equal(unlinkat(tmp, "l", 0), 0);
	close(fd);
	assert_int_equal(wait_status(pid), 0);
}

#define t(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(read_limits),
		t(read_empty),
		t(publish_sets_mode),
		t(publish_failure_leaves_nothing),
		t(publish_is_atomic),
		t(copy_from_offset),
		t(mkdirs),
		t(symlinks_stay_inside),
		t(open_creates_inside),
		t(read_only_regular_files),
		t(realpath_in_root),
		t(rmtree_simple),
		t(rmtree_follows_no_symlink),
		t(rmtree_wide),
		t(rmtree_deep),
		t(rmtree_refuses_mounts),
		t(stamp_sees_content),
		t(list),
		t(run_collects),
		t(run_reports_failure),
		t(run_leaves_daemons_alone),
		t(ask_tells_the_status),
		t(run_resets_signals),
		t(run_dies_with_parent),
		t(lock_contention),
		t(lock_dies_with_holder),
		t(lock_notices_unlink),
		t(lock_holders_are_told),
		t(copy_keeps_holes),
		t(open_exact_follows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
