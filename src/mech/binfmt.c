// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/binfmt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "mech/arch.h"
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

int binfmt_open_table(void)
{
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "binfmt_misc", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
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

/* The rest of the line of @text that starts with @key, cut to @size. */
static bool line_of(const char *text, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	for (const char *l = text; l && *l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL)
		if (!strncmp(l, key, n)) {
			snprintf(out, size, "%.*s", (int)strcspn(l + n, "\n"), l + n);
			return true;
		}
	return false;
}

static unsigned int hex_byte(const char *s)
{
	char pair[3] = { s[0], s[1], '\0' };

	return (unsigned int)strtoul(pair, NULL, 16);
}

/* Whether the entry @text takes the programs of @arch, by magic and mask. */
static bool takes(const char *text, const struct arch *arch)
{
	char magic[2 * 256 + 1], mask[2 * 256 + 1], offset[16];
	uint8_t ours[ARCH_MAGIC_LEN], unused[ARCH_MAGIC_LEN];
	bool masked = line_of(text, "mask ", mask, sizeof(mask));
	size_t n;

	if (!line_of(text, "magic ", magic, sizeof(magic)) ||
	    !line_of(text, "offset ", offset, sizeof(offset)) || strcmp(offset, "0"))
		return false;
	n = strlen(magic) / 2;
	if (!n || (masked && strlen(mask) != strlen(magic)))
		return false;
	arch_magic(arch, ours, unused);
	for (size_t i = 0; i < n && i < sizeof(ours); i++) {
		unsigned int bits = masked ? hex_byte(mask + 2 * i) : 0xff;

		if ((hex_byte(magic + 2 * i) & bits) != (ours[i] & bits))
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct binfmt_found *)a)->name,
		      ((const struct binfmt_found *)b)->name);
}

int binfmt_list(const char *dir, const struct arch *arch, struct binfmt_found **out,
		struct err *e)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	size_t n = 0, cap = 0;
	struct dirent *de;

	*out = NULL;
	if (!d)
		return err_set(e, -errno, "read '%s'", dir);
	while ((de = readdir(d))) {
		_cleanup_free_ char *text = NULL;
		struct binfmt_found f = { 0 };

		/* gone meanwhile, or no entry */
		if (de->d_name[0] == '.' || !strcmp(de->d_name, "register") ||
		    !strcmp(de->d_name, "status") ||
		    fdio_read_file(dirfd(d), de->d_name, 65536, &text, NULL, NULL) < 0 ||
		    !takes(text, arch))
			continue;
		snprintf(f.name, sizeof(f.name), "%s", de->d_name);
		line_of(text, "interpreter ", f.interp, sizeof(f.interp));
		line_of(text, "flags: ", f.flags, sizeof(f.flags));
		f.enabled = !strncmp(text, "enabled\n", 8);
		f.fixed = strchr(f.flags, 'F');
		xgrow(out, &cap, n, sizeof(f));
		(*out)[n++] = f;
	}
	if (n)
		qsort(*out, n, sizeof(**out), by_name);
	return (int)n;
}
