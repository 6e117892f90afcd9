// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/binfmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/fdio.h"

static void add_hex(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "\\x%02x", p[i]);
}

int binfmt_register(const char *dir, const struct binfmt_entry *ent, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/register", dir);
	uint8_t magic[ARCH_MAGIC_LEN], mask[ARCH_MAGIC_LEN];
	_cleanup_close_ int fd = -1;
	_cleanup_buf_ struct buf line = { 0 };

	arch_magic(ent->arch, magic, mask);
	buf_addf(&line, ":%s:M::", ent->name);
	add_hex(&line, magic, sizeof(magic));
	buf_adds(&line, ":");
	add_hex(&line, mask, sizeof(mask));
	buf_addf(&line, ":%s:F%s", ent->interp, ent->flags);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", path);
	/* one write is one entry: it must not be split */
	if (write(fd, line.data, line.len) != (ssize_t)line.len)
		return err_set(e, -errno, "register '%s' for %s programs", ent->interp,
			       ent->arch->name);
	return 0;
}

int binfmt_register_private(const char *dir, const struct binfmt_entry *ent,
			    struct err *e)
{
	if (mount("binfmt_misc", dir, "binfmt_misc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0) {
		if (errno == EPERM || errno == ENODEV)
			return err_set(e, -ERR_UNSUPPORTED,
				       "this kernel has no private binfmt_misc");
		return err_set(e, -errno, "mount the run's binfmt_misc");
	}
	return binfmt_register(dir, ent, e);
}

int binfmt_remove(const char *dir, const char *name, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", path);
	if (write(fd, "-1", 2) != 2)
		return err_set(e, -errno, "remove binfmt_misc entry '%s'", name);
	return 0;
}
