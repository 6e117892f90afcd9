// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two processes and one thread:
 *
 *   caller     <- progress and the final error -  child
 *                                                  thread: decompress
 *                                                    | ring of buffers
 *                                                  main: tar -> disk
 *
 * The child exists because libarchive writes relative to the working
 * directory, and because it can then chroot. The thread exists because tar(1)
 * decompresses in a process of its own and we are to be as fast. It also reads
 * the compressed stream to its very end, which libarchive's tar reader alone
 * does not: the checksum of a single-block .xz comes after the end of the tar.
 */
#include "mech/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <langinfo.h>
#include <linux/openat2.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/ring.h"

#define READ_BLOCK (1024 * 1024)
#define TICK_NS 100000000L
#define LIST_LIMIT ((size_t)64 * 1024)

/* No FFLAGS: an immutable file could not be deleted with its root. */
#define DISK_FLAGS                                                           \
	(ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | \
	 ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_NODOTDOT |           \
	 ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS)

/* What the child sends besides one struct err, told apart by their size. */
struct tick {
	uint64_t done, entries;
};

/* The decompressing thread and what it hands over. */
struct source {
	struct ring ring;
	struct err err;	       /* of the thread; valid once the ring has ended */
	_Atomic uint64_t done; /* compressed bytes read */
	int in;
	const char *name;
};

struct unpack {
	const char *name;
	int sock;
	struct archive *tar, *disk;
	int flags; /* of the disk */
	struct source source;
	uint64_t entries;
	struct timespec last;
	struct timespec top[2]; /* times for the directory itself */
	bool has_top;
	char *plain; /* a directory proven to be reached through no symlink */
};

/* @s as it may go to a terminal: an archive chooses the names in messages. */
static const char *shown(const char *s, char *to, size_t size)
{
	size_t n = 0;

	for (; s && *s && n + 1 < size; s++)
		to[n++] = (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s;
	to[n] = '\0';
	return to;
}

static int damaged(struct err *e, const char *name, const char *why)
{
	char text[512];

	err_set(e, -ERR_FORMAT, "'%s' is damaged: %s", name,
		shown(why && *why ? why : "unreadable", text, sizeof(text)));
	return err_hint(e, "fetch it again");
}

static int refused(struct err *e, const char *name, const char *entry, const char *why)
{
	char text[400];

	err_set(e, -ERR_FORMAT, "'%s' is not safe to unpack: '%s' %s", name,
		shown(entry, text, sizeof(text)), why);
	return err_hint(e, "nothing outside the target was written; "
			   "check where the file came from");
}

/* Reading: an errno comes from read(2), all else is about the bytes read. */
static int read_failed(struct archive *a, const char *name, struct err *e)
{
	int n = archive_errno(a);

	if (n == EIO || n == ENOMEM || n == EISDIR || n == EBADF)
		return err_set(e, -n, "read '%s'", name);
	return damaged(e, name, archive_error_string(a));
}

/* Decompression */

static void *decompress(void *arg)
{
	struct source *s = arg;
	struct archive *a = archive_read_new();
	struct archive_entry *ent;
	const void *data;
	size_t n;
	la_int64_t off;
	int rc;

	if (!a)
		abort();
	/*
	 * Alone with its files, the other thread's many calls on them take no
	 * lock. Where a container forbids it they only take longer.
	 */
	unshare(CLONE_FILES | CLONE_FS);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_format_raw(a);
	rc = archive_read_open_fd(a, s->in, READ_BLOCK);
	if (rc == ARCHIVE_OK)
		rc = archive_read_next_header(a, &ent);
	while (rc == ARCHIVE_OK) {
		rc = archive_read_data_block(a, &data, &n, &off);
		if (rc == ARCHIVE_OK)
			ring_add(&s->ring, data, n);
		atomic_store_explicit(&s->done, (uint64_t)archive_filter_bytes(a, -1),
				      memory_order_relaxed);
	}
	if (rc != ARCHIVE_EOF)
		read_failed(a, s->name, &s->err);
	ring_end(&s->ring);
	archive_read_free(a);
	return NULL;
}

/* libarchive's read callback: hand out the next full slot, without copying. */
static la_ssize_t next_slot(struct archive *a, void *arg, const void **data)
{
	struct source *s = arg;
	size_t n = ring_next(&s->ring, data);

	if (!n && s->err.code) {
		archive_set_error(a, EINVAL, "%s", s->err.msg);
		return -1;
	}
	return (la_ssize_t)n;
}

/* The child has nothing to do but to abort where even this fails. */
static void source_start(struct source *s)
{
	pthread_t thread;

	ring_init(&s->ring);
	if (pthread_create(&thread, NULL, decompress, s))
		abort();
	pthread_detach(thread);
}

/* Unpacking */

/* Why @path may not be written to; NULL if it stays in the tree lexically. */
static const char *path_evil(const char *path)
{
	if (!path || !*path)
		return "is an empty name";
	if (*path == '/')
		return "is an absolute name";
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return "climbs with '..'";
		path += n;
		path += strspn(path, "/");
	}
	return NULL;
}

/*
 * An ACL entry with a name but no number would be stored for user 4294967295:
 * names are not looked up, the host's users are not those of the archive.
 */
static bool acl_unnumbered(struct archive_entry *ent)
{
	const int types[] = { ARCHIVE_ENTRY_ACL_TYPE_ACCESS,
			      ARCHIVE_ENTRY_ACL_TYPE_DEFAULT };

	if (!archive_entry_acl_types(ent))
		return false;
	for (int i = 0; i < 2; i++) {
		int type, perm, tag, id;
		const char *who;

		archive_entry_acl_reset(ent, types[i]);
		while (archive_entry_acl_next(ent, types[i], &type, &perm, &tag, &id,
					      &who) == ARCHIVE_OK)
			if ((tag == ARCHIVE_ENTRY_ACL_USER ||
			     tag == ARCHIVE_ENTRY_ACL_GROUP) && id < 0)
				return true;
	}
	return false;
}

/*
 * SECURE_SYMLINKS walks every component of every name, half of all system
 * calls made. A regular file may go without where the kernel (5.6 on) found
 * its parent free of symlinks in one call, and no entry since was of a kind
 * that could have put a symlink there. In all doubt libarchive walks.
 */
static bool way_is_plain(struct unpack *u, struct archive_entry *ent, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	mode_t type = archive_entry_filetype(ent);
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (archive_entry_hardlink(ent) || (type != AE_IFREG && type != AE_IFDIR)) {
		free(u->plain);
		u->plain = NULL;
		return false;
	}
	if (type != AE_IFREG || !n)
		return false;
	if (u->plain && strlen(u->plain) == n && !memcmp(u->plain, path, n))
		return true;
	free(u->plain);
	u->plain = xstrndup(path, n);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, u->plain, &how, sizeof(how));
	if (fd >= 0) {
		close(fd);
		return true;
	}
	free(u->plain);
	u->plain = NULL;
	return false;
}

/*
 * libarchive delays the times of the directories it makes until they are
 * full, but sets those of one already there at once: "." is such a one.
 */
static void note_top(struct unpack *u, struct archive_entry *ent, const char *path)
{
	if (path[strspn(path, "./")] || archive_entry_filetype(ent) != AE_IFDIR ||
	    !archive_entry_mtime_is_set(ent))
		return;
	u->has_top = true;
	u->top[0].tv_nsec = UTIME_OMIT;
	u->top[1].tv_sec = archive_entry_mtime(ent);
	u->top[1].tv_nsec = archive_entry_mtime_nsec(ent);
}

/* A failure of the reader; what the thread met comes first, it is the cause. */
static int tar_failed(struct unpack *u, struct err *e)
{
	if (ring_ended(&u->source.ring) && u->source.err.code) {
		*e = u->source.err;
		return e->code;
	}
	return read_failed(u->tar, u->name, e);
}

/*
 * The errors that an archive causes by its own content, such as a hard link to
 * nothing, are told apart from those of the disk.
 */
static int disk_failed(struct unpack *u, const char *entry, struct err *e)
{
	const char *why = archive_error_string(u->disk);
	int n = archive_errno(u->disk);
	char text[400], reason[500];

	if (n <= 0 || n == EILSEQ || n == ENOENT || n == ENOTDIR ||
	    n == ELOOP || n == EXDEV) {
		err_set(e, -ERR_FORMAT, "cannot unpack '%s' from '%s': %s",
			shown(entry, text, sizeof(text)), u->name,
			shown(why ? why : "no reason known", reason, sizeof(reason)));
		return err_hint(e, "fetch it again, or check where it came from");
	}
	err_set(e, -n, "unpack '%s' from '%s'", shown(entry, text, sizeof(text)),
		u->name);
	if (n == ENOSPC || n == EDQUOT)
		err_hint(e, "no space left: free some, or use another directory");
	else if (n == EOPNOTSUPP || n == EPERM)
		err_hint(e, "%s", shown(why, reason, sizeof(reason)));
	return e->code;
}

/*
 * The one harmless warning: a name that is not ASCII. libarchive then keeps its bytes as
 * they are, which is what tar(1) does always.
 */
static bool harmless(struct archive *tar)
{
	const char *s = archive_error_string(tar);

	return s && strstr(s, "can't be converted from");
}

static void send_tick(struct unpack *u)
{
	struct tick t = { .entries = u->entries };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((now.tv_sec - u->last.tv_sec) * 1000000000L + now.tv_nsec - u->last.tv_nsec <
	    TICK_NS)
		return;
	u->last = now;
	t.done = atomic_load_explicit(&u->source.done, memory_order_relaxed);
	/* never waits for a caller busy elsewhere: a lost tick is no loss */
	send(u->sock, &t, sizeof(t), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int unpack_data(struct unpack *u, const char *entry, struct err *e)
{
	const void *data;
	la_int64_t off;
	size_t n;
	int rc;

	while ((rc = archive_read_data_block(u->tar, &data, &n, &off)) == ARCHIVE_OK) {
		/* a count of bytes written, or negative; never ARCHIVE_OK by contract */
		if (archive_write_data_block(u->disk, data, n, off) < 0)
			return disk_failed(u, entry, e);
		send_tick(u);
	}
	return rc == ARCHIVE_EOF ? 0 : tar_failed(u, e);
}

static int unpack_entry(struct unpack *u, struct archive_entry *ent, struct err *e)
{
	const char *path = archive_entry_pathname(ent);
	const char *link = archive_entry_hardlink(ent);
	const char *why = path_evil(path);
	mode_t type = archive_entry_filetype(ent);
	int rc;

	if (why)
		return refused(e, u->name, path, why);
	if (link && (why = path_evil(link))) {
		_cleanup_free_ char *both = xasprintf("%s -> %s", path, link);

		return refused(e, u->name, both, "is a hard link to a place outside");
	}
	if (acl_unnumbered(ent))
		return refused(e, u->name, path, "has an ACL without user numbers");
	note_top(u, ent, path);
	archive_write_disk_set_options(
		u->disk, way_is_plain(u, ent, path) ?
				 u->flags & ~ARCHIVE_EXTRACT_SECURE_SYMLINKS :
				 u->flags);
	if (archive_write_header(u->disk, ent) != ARCHIVE_OK) {
		/* a user namespace may not mknod; the root gets its own /dev anyway */
		if ((type == AE_IFCHR || type == AE_IFBLK) &&
		    archive_errno(u->disk) == EPERM)
			return 0;
		return disk_failed(u, path, e);
	}
	if (archive_entry_size(ent) > 0) {
		rc = unpack_data(u, path, e);
		if (rc < 0)
			return rc;
	}
	return archive_write_finish_entry(u->disk) == ARCHIVE_OK ?
		       0 : disk_failed(u, path, e);
}

static int unpack_all(struct unpack *u, struct err *e)
{
	struct archive_entry *ent = archive_entry_new();
	const void *rest;
	int rc, ret;

	if (!ent)
		abort();
	while ((rc = archive_read_next_header2(u->tar, ent)) != ARCHIVE_EOF) {
		if (rc != ARCHIVE_OK && !(rc == ARCHIVE_WARN && harmless(u->tar)))
			return tar_failed(u, e);
		ret = unpack_entry(u, ent, e);
		if (ret < 0)
			return ret;
		u->entries++;
		send_tick(u);
	}
	archive_entry_free(ent);
	/*
	 * libarchive takes a file cut between two entries for a whole one. Only
	 * where an end-of-archive block was read did the position move on.
	 */
	if (archive_filter_bytes(u->tar, 0) <= archive_read_header_position(u->tar))
		return damaged(e, u->name, "it has no end");
	/* directory times and modes are set only now */
	if (archive_write_close(u->disk) != ARCHIVE_OK)
		return disk_failed(u, ".", e);
	if (u->has_top && utimensat(AT_FDCWD, ".", u->top, 0) < 0)
		return err_set(e, -errno, "set the times of '.' from '%s'", u->name);
	/* what follows the end is padding, but the checksum stands after it */
	do
		rc = (int)next_slot(u->tar, &u->source, &rest);
	while (rc > 0);
	return rc < 0 ? tar_failed(u, e) : 0;
}

/*
 * Names in a pax header are UTF-8, and libarchive converts them to the charset of the
 * locale; between UTF-8 and UTF-8 it would also compose "e" and an accent to one
 * character, another name. In the C locale what is not ASCII cannot be converted, and
 * its bytes are kept. iconv reads its tables, and would load a plugin, when it is first
 * used: that must not happen inside the chroot, where the archive decides what those
 * files are.
 */
static void settle_charset(void)
{
	setlocale(LC_CTYPE, "C");
	/* never closed: an open descriptor keeps the tables in memory */
	iconv_open(nl_langinfo(CODESET), "UTF-8");
	iconv_open("UTF-8", nl_langinfo(CODESET));
}

static int child(struct unpack *u, int in, int dirfd, struct err *e)
{
	bool root = geteuid() == 0;

	settle_charset();
	umask(0);
	if (fchdir(dirfd) < 0)
		return err_set(e, -errno, "enter the directory for '%s'", u->name);
	/*
	 * A second wall behind the SECURE flags. A container may lack
	 * CAP_SYS_CHROOT; the flags alone are still a wall.
	 */
	if (root && chroot(".") < 0 && errno != EPERM)
		return err_set(e, -errno, "chroot to unpack '%s'", u->name);

	u->tar = archive_read_new();
	u->disk = archive_write_disk_new();
	if (!u->tar || !u->disk)
		abort();
	/* no standard lookup is set: owners are numbers, NSS is never asked */
	u->flags = DISK_FLAGS | (root ? ARCHIVE_EXTRACT_OWNER : 0);
	archive_write_disk_set_options(u->disk, u->flags);
	archive_read_support_format_tar(u->tar);
	u->source.in = in;
	u->source.name = u->name;
	source_start(&u->source);
	if (archive_read_open(u->tar, &u->source, NULL, next_slot, NULL) != ARCHIVE_OK)
		return tar_failed(u, e);
	return unpack_all(u, e);
}

_noreturn_ static void child_main(int sock, int in, const char *name, int dirfd,
				  pid_t parent)
{
	struct unpack u = { .name = name, .sock = sock };
	struct err e = { 0 };

	/* nobody would delete what a child without its caller goes on to write */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_IGN);
	if (child(&u, in, dirfd, &e) == 0) {
		struct tick t = { .done = u.source.done, .entries = u.entries };

		send(sock, &t, sizeof(t), MSG_NOSIGNAL);
		_exit(0);
	}
	send(sock, &e, sizeof(e), MSG_NOSIGNAL);
	_exit(1);
}

/* Compressed bytes from the offset of @in to its end, 0 where not known. */
static uint64_t bytes_left(int in)
{
	off_t pos = lseek(in, 0, SEEK_CUR);
	struct stat st;

	if (pos < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < pos)
		return 0;
	return (uint64_t)(st.st_size - pos);
}

int archive_unpack(int in, const char *name, int dirfd, const struct archive_progress *p,
		   struct err *e)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	uint64_t total = bytes_left(in), entries = 0;
	struct err got = { 0 };
	pid_t self = getpid(), pid;
	int sv[2], status;
	union {
		struct tick t;
		struct err e;
	} msg;

	/* SEQPACKET: a message arrives whole or not at all */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_set(e, -errno, "socketpair");
	ours = sv[0];
	theirs = sv[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork");
	if (pid == 0) {
		close(TAKE_FD(ours));
		child_main(theirs, in, name, dirfd, self);
	}
	close(TAKE_FD(theirs));

	for (;;) {
		ssize_t n = recv(ours, &msg, sizeof(msg), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (n == sizeof(msg.t)) {
			entries = msg.t.entries;
			if (p && p->fn)
				p->fn(p->arg, msg.t.done, total, entries);
		} else if (n == sizeof(msg.e)) {
			got = msg.e;
		}
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "wait for the unpacking of '%s'", name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		if (p && p->fn)
			p->fn(p->arg, total, total, entries);
		return 0;
	}
	if (got.code < 0) {
		if (e)
			*e = got;
		return got.code;
	}
	if (WIFSIGNALED(status))
		return err_set(e, -ERR_CHILD,
			       "unpacking '%s' was killed by signal %d (%s)", name,
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_set(e, -ERR_CHILD, "unpacking '%s' failed without a reason", name);
}

/* Listing */

static int list_entry(struct archive *a, const char *name, struct archive_entry *ent,
		      archive_list_fn fn, void *arg, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	const char *path = archive_entry_pathname(ent);
	la_ssize_t n;
	int r = path ? fn(arg, path, NULL) : 0;

	if (r <= 0)
		return r;
	data = xmalloc(LIST_LIMIT + 1);
	n = archive_read_data(a, data, LIST_LIMIT);
	if (n < 0)
		return read_failed(a, name, e);
	data[n] = '\0';
	return fn(arg, path, data);
}

int archive_list(int in, const char *name, archive_list_fn fn, void *arg, struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *ent;
	struct err inner = { 0 };
	int rc, r = 0;

	if (!a)
		abort();
	settle_charset();
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_format_tar(a);
	rc = archive_read_open_fd(a, in, READ_BLOCK);
	while (rc == ARCHIVE_OK && !r) {
		rc = archive_read_next_header(a, &ent);
		if (rc == ARCHIVE_WARN && harmless(a))
			rc = ARCHIVE_OK;
		if (rc == ARCHIVE_OK)
			r = list_entry(a, name, ent, fn, arg, &inner);
	}
	if (inner.code) {
		if (e)
			*e = inner;
		r = inner.code;
	} else if (rc != ARCHIVE_OK && rc != ARCHIVE_EOF) {
		r = read_failed(a, name, e);
	} else {
		r = 0;
	}
	archive_read_free(a);
	return r;
}
