// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "core/doctor_impl.h"
#include "mech/binfmt.h"
#include "mech/elf.h"
#include "os/proc.h"

static char *how_to_get(const char *targets)
{
	return xasprintf("install qemu-user-static (Debian), or app-emulation/qemu with "
			 "USE=static-user and QEMU_USER_TARGETS=%s (Gentoo)", targets);
}

static int is_static(const char *path, bool *out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct elf_info info;
	int r = fd < 0 ? -errno : elf_read(fd, path, &info, NULL);

	if (r < 0)
		return r;
	*out = !info.interp;
	elf_info_free(&info);
	return 0;
}

/* Take @path (taken over) for @emu unless what it has is as good. */
static void consider(struct emulator *emu, char *path)
{
	bool alone;

	if (access(path, X_OK) < 0 || is_static(path, &alone) < 0 ||
	    (emu->path && (emu->is_static || !alone))) {
		free(path);
		return;
	}
	free(emu->path);
	*emu = (struct emulator){ path, alone };
}

void doctor_find_qemu(struct emulator emu[DOCTOR_ARCHES])
{
	for (size_t i = 0; i < DOCTOR_ARCHES && arch_at(i); i++) {
		const char *name = arch_at(i)->name;

		consider(&emu[i], xasprintf("/usr/bin/qemu-%s-static", name));
		consider(&emu[i], xasprintf("/usr/bin/qemu-%s", name));
	}
}

/* The version in "qemu-arm version 7.2.9 (Debian ...)", or what went wrong. */
static char *version_of(const char *path, int *r)
{
	char *argv[] = { (char *)path, "--version", NULL };
	_cleanup_free_ char *out = NULL;
	struct err e = { 0 };
	const char *s;

	*r = proc_run(argv, NULL, &out, 4096, &e);
	if (*r)
		return xstrdup(e.msg);
	out[strcspn(out, "\n")] = '\0';
	s = strstr(out, "version ");
	return xstrdup(s ? s + strlen("version ") : out);
}

/* @registered: what the private table said of it, NULL where there was none. */
static void check_one(struct doctor *d, const struct arch *a, const struct emulator *emu,
		      const int *registered)
{
	_cleanup_free_ char *name = xasprintf("qemu-%s", a->name), *version = NULL;
	_cleanup_free_ char *mend = how_to_get(a->name);
	int r;

	if (!emu->path) {
		doctor_bad(d, name, CHECK_WARNING, mend, "not installed");
		return;
	}
	version = version_of(emu->path, &r);
	if (r)
		doctor_bad(d, name, CHECK_WARNING, mend, "'%s' does not run: %s",
			   emu->path, version);
	else if (!emu->is_static)
		doctor_bad(d, name, CHECK_WARNING, mend,
			   "%s, version %s, is not static: it does not start in a root",
			   emu->path, version);
	else if (registered && *registered)
		doctor_bad(d, name, CHECK_WARNING, mend,
			   "%s, version %s, static, but cannot be registered: %s",
			   emu->path, version, strerror(-*registered));
	else
		doctor_ok(d, name, "%s, version %s, static%s", emu->path, version,
			  registered ? ", can be registered" : "");
}

/*
 * An entry of the whole machine's table. Runs with a table of their own do not see
 * it; without one it serves them if its program is opened beforehand (flag F).
 */
static void check_entry(struct doctor *d, const struct binfmt_found *f, bool private)
{
	_cleanup_free_ char *name = xasprintf("entry %s", f->name);
	const char *state = f->enabled ? "enabled" : "disabled";

	if (private || (f->enabled && f->fixed))
		doctor_ok(d, name, "%s, flags '%s', %s", f->interp, f->flags, state);
	else
		doctor_bad(d, name, CHECK_WARNING,
			   "use Linux 6.7 or newer, or register it with flag F (Debian: "
			   "qemu-user-static; Gentoo: qemu-binfmt with USE=static-user)",
			   "%s, flags '%s', %s: does not serve a root", f->interp,
			   f->flags, state);
}

static void check_entries(struct doctor *d, const struct arch *a, bool private)
{
	_cleanup_free_ struct binfmt_found *found = NULL;
	int n = binfmt_list(BINFMT_DIR, a, &found, NULL);

	for (int i = 0; i < n; i++)
		check_entry(d, &found[i], private);
}

void doctor_check_qemu(struct doctor *d, const struct emulator *emu,
		       const struct trial *trial)
{
	_cleanup_free_ char *mend = how_to_get("what you need");
	bool private = !trial->start.code && !trial->binfmt;
	size_t usable = 0, all = 0;

	for (size_t i = 0; i < DOCTOR_ARCHES && arch_at(i); i++) {
		if (arch_at(i) == arch_host())
			continue;
		all++;
		usable += emu[i].path && emu[i].is_static;
	}
	if (usable)
		doctor_ok(d, "qemu", "static emulators for %zu of %zu architectures",
			  usable, all);
	else
		doctor_bad(d, "qemu", CHECK_MISSING, mend,
			   "no static emulator in /usr/bin for any of %zu architectures",
			   all);
	for (size_t i = 0; i < DOCTOR_ARCHES && arch_at(i); i++) {
		if (arch_at(i) == arch_host())
			continue;
		check_one(d, arch_at(i), &emu[i], private ? &trial->registered[i] : NULL);
		check_entries(d, arch_at(i), private);
	}
}
