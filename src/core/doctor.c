// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "core/doctor_impl.h"
#include "os/fdio.h"

#define FILE_LIMIT (4u << 20)

#define AS_ROOT "run doctor as root"
#define MEND_BINFMT                                                                  \
	"use Linux 6.7 or newer with CONFIG_BINFMT_MISC; on an older one: modprobe " \
	"binfmt_misc && mount -t binfmt_misc binfmt_misc " BINFMT_DIR

const char *check_status_name(enum check_status status)
{
	static const char *const names[] = { "ok", "warning", "missing" };

	return names[status];
}

static void add(struct doctor *d, const char *name, enum check_status status,
		const char *mend, const char *fmt, va_list ap)
{
	struct check c = { xstrdup(name), status, NULL, mend ? xstrdup(mend) : NULL };

	if (vasprintf(&c.detail, fmt, ap) < 0)
		abort();
	xgrow(&d->v, &d->cap, d->n, sizeof(*d->v));
	d->v[d->n++] = c;
}

void doctor_ok(struct doctor *d, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, name, CHECK_OK, NULL, fmt, ap);
	va_end(ap);
}

void doctor_bad(struct doctor *d, const char *name, enum check_status status,
		const char *mend, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, name, status, mend, fmt, ap);
	va_end(ap);
}

void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].name);
		free(d->v[i].detail);
		free(d->v[i].mend);
	}
	free(d->v);
	*d = (struct doctor){ 0 };
}

static void check_kernel(struct doctor *d)
{
	struct utsname u = { 0 };

	uname(&u);
	doctor_ok(d, "kernel", "Linux %s on %s", u.release, u.machine);
}

static void check_privilege(struct doctor *d)
{
	if (geteuid() == 0)
		doctor_ok(d, "privilege", "root");
	else
		doctor_bad(d, "privilege", CHECK_MISSING, "try again with sudo",
			   "user %u; crossroot must be run as root for now",
			   (unsigned int)geteuid());
}

/* Call @nr on no descriptor, which fails, but differently where there is none. */
static int try_call(long nr)
{
	uint64_t zero[8] = { 0 };
	long r;

	if (nr == SYS_openat2)
		r = syscall(nr, -1, ".", zero, (size_t)24);
	else if (nr == SYS_open_tree)
		r = syscall(nr, -1, ".", 0);
	else if (nr == SYS_move_mount)
		r = syscall(nr, -1, ".", -1, ".", 0);
	else
		r = syscall(nr, -1, ".", 0, zero, (size_t)32);
	if (r >= 0 || errno == EBADF)
		return 0;
	/* a privilege is asked for first; of root it is refused by a filter */
	return errno == EPERM && geteuid() != 0 ? 0 : -errno;
}

static void check_calls(struct doctor *d)
{
	static const struct {
		const char *name, *since;
		long nr;
	} calls[] = {
		{ "openat2", "5.6", SYS_openat2 },
		{ "open_tree", "5.2", SYS_open_tree },
		{ "move_mount", "5.2", SYS_move_mount },
		{ "mount_setattr", "5.12", SYS_mount_setattr },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		_cleanup_free_ char *mend =
			xasprintf("use Linux %s or newer; in a container, let its "
				  "seccomp filter pass %s",
				  calls[i].since, calls[i].name);
		int r = try_call(calls[i].nr);

		if (!r)
			doctor_ok(d, calls[i].name, "the kernel has it");
		else
			doctor_bad(d, calls[i].name, CHECK_MISSING, mend,
				   "the kernel refuses it: %s", strerror(-r));
	}
}

/* The first line of a file of /proc, "" if it cannot be read. */
static char *first_line(const char *path)
{
	_cleanup_free_ char *text = NULL;

	if (fdio_read_file(AT_FDCWD, path, FILE_LIMIT, &text, NULL, NULL) || !text)
		return xstrdup("");
	return xstrndup(text, strcspn(text, "\n"));
}

/* The kernel options of the namespaces this kernel was built without. */
static void absent_namespaces(struct buf *out)
{
	static const struct {
		const char *file, *option;
	} kinds[] = {
		{ "user", "CONFIG_USER_NS" }, { "mnt", "CONFIG_NAMESPACES" },
		{ "pid", "CONFIG_PID_NS" },   { "ipc", "CONFIG_IPC_NS" },
		{ "uts", "CONFIG_UTS_NS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ char *path = xasprintf("/proc/self/ns/%s", kinds[i].file);

		if (access(path, F_OK) < 0)
			buf_addf(out, "%s%s", out->len ? ", " : "", kinds[i].option);
	}
}

static void check_namespaces(struct doctor *d, const struct trial *trial)
{
	static const char name[] = "namespaces";
	_cleanup_free_ char *max = first_line("/proc/sys/user/max_user_namespaces");
	_cleanup_free_ char *build = NULL;
	_cleanup_buf_ struct buf absent = { 0 };

	absent_namespaces(&absent);
	if (!trial->start.code) {
		doctor_ok(d, name, "user, mount, pid, ipc and uts work; user.max_user_"
			  "namespaces is %s", *max ? max : "unknown");
	} else if (absent.len) {
		build = xasprintf("build the kernel with %s", absent.data);
		doctor_bad(d, name, CHECK_MISSING, build, "the kernel lacks %s",
			   absent.data);
	} else if (!strcmp(max, "0")) {
		doctor_bad(d, name, CHECK_MISSING,
			   "sysctl -w user.max_user_namespaces=15000",
			   "user namespaces are switched off");
	} else if (geteuid() != 0) {
		doctor_bad(d, name, CHECK_WARNING, AS_ROOT,
			   "the kernel has them; only root can try them as a run does");
	} else {
		doctor_bad(d, name, CHECK_MISSING,
			   "in a container, give it CAP_SYS_ADMIN and CAP_SETUID, every "
			   "user id, and a seccomp filter that passes clone and mount",
			   "%s", trial->start.msg);
	}
}

/* Whether the kernel has it now; a module that is not loaded is not listed. */
static bool has_filesystem(const char *name)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv words = { 0 };

	fdio_read_file(AT_FDCWD, "/proc/filesystems", FILE_LIMIT, &text, NULL, NULL);
	strv_split(&words, text ? text : "", " \t\n");
	return strv_has(&words, name);
}

static void check_private(struct doctor *d, const struct trial *trial, bool global)
{
	static const char name[] = "binfmt private";

	if (trial->start.code)
		doctor_bad(d, name, CHECK_WARNING, geteuid() ? AS_ROOT : MEND_BINFMT,
			   "not tried: there were no namespaces");
	else if (!trial->binfmt)
		doctor_ok(d, name, "each run has a table of its own");
	else
		doctor_bad(d, name, global ? CHECK_WARNING : CHECK_MISSING, MEND_BINFMT,
			   "%s", trial->binfmt == -ERR_UNSUPPORTED ?
					 "this kernel has one table for all" :
					 strerror(-trial->binfmt));
}

/* One of the two must do: a table of the run's own, or the machine's. */
static void check_binfmt(struct doctor *d, const struct trial *trial)
{
	static const char name[] = "binfmt global";
	bool private = !trial->start.code && !trial->binfmt;
	struct statfs fs;
	bool mounted = !statfs(BINFMT_DIR, &fs) && fs.f_type == BINFMTFS_MAGIC;
	bool writable = mounted && !access(BINFMT_DIR "/register", W_OK);
	bool known = has_filesystem("binfmt_misc");

	check_private(d, trial, writable || (!mounted && !geteuid() && known));
	if (mounted && (writable || private))
		doctor_ok(d, name, "mounted on " BINFMT_DIR);
	else if (mounted)
		doctor_bad(d, name, CHECK_WARNING, AS_ROOT,
			   "mounted on " BINFMT_DIR ", not writable here");
	else if (private)
		doctor_ok(d, name, "not mounted, not needed");
	else
		doctor_bad(d, name, CHECK_WARNING, MEND_BINFMT, "not mounted%s",
			   known ? "" : ", and the kernel does not list it");
}

static void check_overlay(struct doctor *d, const struct trial *trial)
{
	static const char mend[] = "modprobe overlay; Linux 5.11 or newer with "
				   "CONFIG_OVERLAY_FS";

	if (trial->start.code && has_filesystem("overlay"))
		doctor_ok(d, "overlayfs", "the kernel has it");
	else if (trial->start.code)
		doctor_bad(d, "overlayfs", CHECK_WARNING, mend,
			   "the kernel does not list it");
	else if (!trial->overlay)
		doctor_ok(d, "overlayfs", "works in a user namespace");
	else
		doctor_bad(d, "overlayfs", CHECK_WARNING, mend,
			   "does not work in a user namespace: %s",
			   strerror(-trial->overlay));
}

static void check_cgroup(struct doctor *d)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = { 0 };

	fdio_read_file(AT_FDCWD, "/proc/self/mountinfo", FILE_LIMIT, &text, NULL, NULL);
	strv_split(&lines, text ? text : "", "\n");
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct strv w = { 0 };

		strv_split(&w, lines.v[i], " ");
		if (w.n < 5 || !strstr(lines.v[i], " - cgroup2 "))
			continue;
		doctor_ok(d, "cgroup v2", "mounted on %s", w.v[4]);
		return;
	}
	doctor_bad(d, "cgroup v2", CHECK_WARNING,
		   "mount -t cgroup2 cgroup2 /sys/fs/cgroup, with CONFIG_CGROUPS; "
		   "systemd does it, and OpenRC with rc_cgroup_mode=unified",
		   "not mounted");
}

static void check_device(struct doctor *d, const char *name, const char *path,
			 const char *mend)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	int code = errno;

	if (fd >= 0)
		doctor_ok(d, name, "%s opens", path);
	else if (code == EACCES && geteuid() != 0)
		doctor_bad(d, name, CHECK_WARNING, AS_ROOT,
			   "%s is there, but not for this user", path);
	else
		doctor_bad(d, name, CHECK_WARNING, mend, "open '%s': %s", path,
			   strerror(code));
}

/*
 * Makes the cache of the native layer: each tier but none needs the native root's,
 * which is this machine's own unless a setting names another one.
 */
static void check_ldconfig(struct doctor *d)
{
	if (!access("/sbin/ldconfig", X_OK))
		doctor_ok(d, "ldconfig", "/sbin/ldconfig");
	else
		doctor_bad(d, "ldconfig", CHECK_WARNING,
			   "install libc-bin (Debian) or sys-libs/glibc (Gentoo), or "
			   "name a native root of a glibc system; else only the tier "
			   "none works",
			   "'/sbin/ldconfig', for the native root /: %s",
			   strerror(errno));
}

/* A program that crossroot calls for @what; the rest goes without it. */
static void check_program(struct doctor *d, const char *name, const char *what,
			  const char *remedy)
{
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_free_ char *path = path_join(dirs[i], name);

		if (!access(path, X_OK)) {
			doctor_ok(d, name, "%s", path);
			return;
		}
	}
	doctor_bad(d, name, CHECK_WARNING, remedy, "not found: %s", what);
}

void doctor_examine(struct doctor *d)
{
	struct emulator emu[DOCTOR_ARCHES] = { 0 };
	struct trial trial;

	*d = (struct doctor){ 0 };
	doctor_find_qemu(emu);
	doctor_try(emu, &trial);
	check_kernel(d);
	check_privilege(d);
	check_calls(d);
	check_namespaces(d, &trial);
	check_binfmt(d, &trial);
	check_overlay(d, &trial);
	check_cgroup(d);
	check_device(d, "loop", "/dev/loop-control",
		     "modprobe loop, with CONFIG_BLK_DEV_LOOP");
	check_device(d, "fuse", "/dev/fuse", "modprobe fuse, with CONFIG_FUSE_FS");
	check_ldconfig(d);
	check_program(d, "gpgv", "stages cannot be fetched, only given with create --stage",
		      "install gpgv (Debian) or app-crypt/gnupg (Gentoo)");
	check_program(d, "mkfs.ext4", "no root of storage image can be created",
		      "install e2fsprogs (Debian) or sys-fs/e2fsprogs (Gentoo)");
	doctor_check_qemu(d, emu, &trial);
	for (size_t i = 0; i < DOCTOR_ARCHES; i++)
		free(emu[i].path);
}
