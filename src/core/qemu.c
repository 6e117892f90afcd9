// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/libexec.h"
#include "mech/binfmt.h"
#include "mech/elf.h"
#include "os/lock.h"

/* One lock for the table and one per architecture; the kernel drops a dead holder's. */
#define LOCK_DIR "/run/crossroot"

static int check_static(const char *path, const struct arch *arch, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_info info = { 0 };
	bool dynamic;
	int r;

	if (fd < 0 || access(path, X_OK) < 0) {
		r = err_set(e, -errno, "no qemu for %s programs at '%s'", arch->name,
			    path);
		err_hint(e, "install qemu-user-static (Gentoo: app-emulation/qemu with "
			    "USE=static-user), or name one with --qemu");
		return r;
	}
	r = elf_read(fd, path, &info, e);
	if (r < 0)
		return r;
	dynamic = info.interp != NULL;
	elf_info_free(&info);
	if (!dynamic)
		return 0;
	r = err_set(e, -ERR_UNSUPPORTED, "'%s' is not statically linked: "
		    "it would not start inside a root", path);
	err_hint(e, "install qemu-user-static (Gentoo: app-emulation/qemu with "
		    "USE=static-user), or name one with --qemu");
	return r;
}

int qemu_find(const struct arch *arch, const struct settings *s, struct qemu *out,
	      struct err *e)
{
	struct qemu q = { .arch = arch, .hold_fd = -1, .table_fd = -1 };
	int r;

	*out = (struct qemu){ .hold_fd = -1, .table_fd = -1 };
	if (arch == arch_host())
		return 0;
	if (s->qemu) {
		q.path = xstrdup(s->qemu);
	} else {
		q.path = xasprintf("/usr/bin/qemu-%s-static", arch->name);
		if (access(q.path, X_OK) < 0) {
			_cleanup_free_ char *plain =
				xasprintf("/usr/bin/qemu-%s", arch->name);

			if (!access(plain, X_OK)) {
				free(q.path);
				q.path = TAKE_PTR(plain);
			}
		}
	}
	r = check_static(q.path, arch, e);
	for (size_t i = 0; i < s->qemu_args.n; i++)
		strv_add(&q.args, s->qemu_args.v[i]);
	if (!r && q.args.n)
		r = libexec_find("crossroot-qemu", &q.interp, e);
	else if (!r)
		q.interp = xstrdup(q.path);
	if (r < 0) {
		qemu_free(&q);
		return r;
	}
	/* the shim is no emulator: a descriptor or credentials would end with it */
	q.flags = q.args.n ? "P" : "POC";
	*out = q;
	return 0;
}

void qemu_free(struct qemu *q)
{
	free(q->path);
	free(q->interp);
	strv_free(&q->args);
	*q = (struct qemu){ .hold_fd = -1, .table_fd = -1 };
}

void qemu_mounts(const struct qemu *q, struct mplan *p)
{
	_cleanup_buf_ struct buf args = { 0 };

	if (!q->args.n)
		return;
	for (size_t i = 0; i < q->args.n; i++)
		buf_addf(&args, "%s\n", q->args.v[i]);
	mplan_add(p, MOP_BIND_RO, q->path, "/run/crossroot/qemu");
	mplan_add(p, MOP_FILE, args.data, "/run/crossroot/qemu.args");
}

static char *entry_name(const struct arch *arch)
{
	return xasprintf("crossroot-%s", arch->name);
}

struct table {
	int fd;
	char dir[32];
};

/* Open the machine's table; its entries live as long as a mount of it does. */
static int open_table(struct table *t, struct err *e)
{
	t->fd = binfmt_open_table();
	if (t->fd < 0) {
		int r = err_set(e, t->fd, "open the machine's binfmt_misc table");

		err_hint(e, "load the kernel module binfmt_misc (CONFIG_BINFMT_MISC)");
		return r;
	}
	snprintf(t->dir, sizeof(t->dir), "/proc/self/fd/%d", t->fd);
	return 0;
}

/* Debian names qemu by a link of its own (.../aarch64-binfmt-P). */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool usable(const struct binfmt_found *f, const struct qemu *q)
{
	return f->enabled && f->fixed && same_file(f->interp, q->interp);
}

/*
 * The shim finds qemu and its arguments in our runs only. Ahead of somebody else's
 * entry it would break the programs that entry starts, in any container.
 */
static int check_shim_alone(const struct binfmt_found *found, int n, const struct qemu *q,
			    const char *name, struct err *e)
{
	for (int i = 0; q->args.n && i < n; i++) {
		if (!found[i].enabled || !strcmp(found[i].name, name))
			continue;
		err_set(e, -ERR_STATE, "arguments for qemu would break %s programs outside of "
			"the run, which '%s' starts", q->arch->name, found[i].name);
		return err_hint(e, "leave out qemu_args, or use a private binfmt_misc "
				   "(--binfmt private, Linux 6.7 or later)");
	}
	return 0;
}

/* The kernel does not tell which entry it asks first: each that is enabled must do. */
static bool all_usable(const struct binfmt_found *found, int n, const struct qemu *q)
{
	bool any = false;

	for (int i = 0; i < n; i++) {
		if (found[i].enabled && !usable(&found[i], q))
			return false;
		any |= found[i].enabled;
	}
	return any;
}

/*
 * Have an entry for @q in the table @dir. @first: no other run uses ours, so that
 * an old one may be replaced.
 */
static int have_entry(const char *dir, const struct qemu *q, const char *name, bool first,
		      struct err *e)
{
	struct binfmt_entry ent = {
		.name = name,
		.arch = q->arch,
		.interp = q->interp,
		.flags = "P", /* never C: a set-uid program would be root anywhere */
	};
	_cleanup_free_ struct binfmt_found *found = NULL;
	int n = binfmt_list(dir, q->arch, &found, e), r;

	r = check_shim_alone(found, n, q, name, e);
	if (r < 0)
		return r;
	if (all_usable(found, n, q))
		return 0;
	/* somebody else's that would not do stay; a later entry is asked first */
	for (int i = 0; i < n; i++) {
		if (strcmp(found[i].name, name))
			continue;
		if (!first && usable(&found[i], q))
			return 0;
		if (!first)
			return err_set(e, -ERR_STATE,
				       "another run has '%s' for all %s programs of this "
				       "machine", found[i].interp, q->arch->name);
		r = binfmt_remove(dir, name, e);
		if (r < 0)
			return r;
	}
	return n < 0 ? n : binfmt_register(dir, &ent, e);
}

static int lock_dir(struct err *e)
{
	int fd;

	if (mkdir(LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create '" LOCK_DIR "'");
	fd = open(LOCK_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open '" LOCK_DIR "'") : fd;
}

int qemu_hold_global(struct qemu *q, struct err *e)
{
	_cleanup_close_ int dir = lock_dir(e), lock = -1, hold = -1;
	_cleanup_free_ char *name = entry_name(q->arch);
	struct table table;
	bool first;
	int r;

	if (dir < 0)
		return dir;
	lock = lock_take(dir, "binfmt.lock", LOCK_EXCLUSIVE, true, e);
	if (lock < 0)
		return lock;
	hold = lock_take(dir, name, LOCK_EXCLUSIVE, false, NULL);
	first = hold >= 0;
	if (first)
		close(TAKE_FD(hold));
	hold = lock_take(dir, name, LOCK_SHARED, true, e);
	if (hold < 0)
		return hold;
	r = open_table(&table, e);
	if (r < 0)
		return r;
	r = have_entry(table.dir, q, name, first, e);
	if (r < 0) {
		close(table.fd);
		return r;
	}
	q->hold_fd = TAKE_FD(hold);
	q->table_fd = table.fd;
	return 0;
}

/* Remove our entry for @arch unless a run holds it. */
static void remove_unused(int dir, const struct arch *arch)
{
	_cleanup_free_ char *name = entry_name(arch);
	_cleanup_close_ int hold = -1;
	struct table table;

	if (faccessat(dir, name, F_OK, 0) < 0)
		return;
	hold = lock_take(dir, name, LOCK_EXCLUSIVE, false, NULL);
	if (hold < 0 || open_table(&table, NULL) < 0)
		return;
	if (!binfmt_remove(table.dir, name, NULL))
		unlinkat(dir, name, 0);
	close(table.fd);
}

void qemu_release(struct qemu *q)
{
	if (q->hold_fd < 0)
		return;
	close(TAKE_FD(q->hold_fd));
	qemu_sweep();
	close(TAKE_FD(q->table_fd));
}

void qemu_sweep(void)
{
	_cleanup_close_ int dir = open(LOCK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int lock = -1;

	if (dir < 0)
		return;
	lock = lock_take(dir, "binfmt.lock", LOCK_EXCLUSIVE, true, NULL);
	for (size_t i = 0; lock >= 0 && arch_at(i); i++)
		remove_unused(dir, arch_at(i));
}
