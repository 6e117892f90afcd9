// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/partition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <blkid/blkid.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define SECTOR 512

static void free_probe(blkid_probe *pr)
{
	if (*pr)
		blkid_free_probe(*pr);
}

#define _cleanup_probe_ __attribute__((cleanup(free_probe)))

void partition_free(struct partition *p)
{
	free(p->file);
	free(p->type);
	*p = (struct partition){ 0 };
}

/* FILE%WHICH taken apart; *@which stays NULL for a file of that very name. */
static int split(const char *spec, char **file, char **which, struct err *e)
{
	_cleanup_free_ char *text = xstrdup(spec);
	size_t n = strlen(text);
	char *at = NULL;

	*which = NULL;
	if (access(spec, F_OK) < 0 && strchr(spec, '%')) {
		if (n && text[n - 1] == '%')
			text[n - 1] = '\0';
		at = strrchr(text, '%');
	}
	if (at) {
		*at = '\0';
		*which = xstrdup(at + 1);
	}
	*file = realpath(text, NULL);
	return *file ? 0 : err_set(e, -errno, "open the image '%s'", text);
}

static int open_image(const char *file, struct err *e)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open the image '%s'", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ERR_USAGE, "the image '%s' is no regular file", file);
	return TAKE_FD(fd);
}

/*
 * The value of @key ("TYPE", "LABEL") of the file system in that part of the file, NULL
 * where there is none; the caller frees it.
 */
static char *look_up(int fd, uint64_t offset, uint64_t length, const char *key)
{
	_cleanup_probe_ blkid_probe pr = blkid_new_probe();
	const char *value = NULL;

	if (!pr || blkid_probe_set_device(pr, fd, (blkid_loff_t)offset,
					  (blkid_loff_t)length))
		return NULL;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
						      BLKID_SUBLKS_USAGE);
	if (blkid_do_safeprobe(pr) ||
	    blkid_probe_lookup_value(pr, "USAGE", &value, NULL) ||
	    strcmp(value, "filesystem") ||
	    blkid_probe_lookup_value(pr, key, &value, NULL))
		return NULL;
	return xstrdup(value);
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

static bool matches(blkid_partition par, int fd, const char *which)
{
	uint64_t start = (uint64_t)blkid_partition_get_start(par) * SECTOR;
	uint64_t size = (uint64_t)blkid_partition_get_size(par) * SECTOR;
	_cleanup_free_ char *label = NULL;
	const char *own;

	if (is_number(which))
		return blkid_partition_get_partno(par) == atoi(which);
	if (!strncmp(which, "PARTUUID:", strlen("PARTUUID:"))) {
		own = blkid_partition_get_uuid(par);
		return own && !strcasecmp(own, which + strlen("PARTUUID:"));
	}
	which += strlen("LABEL:");
	own = blkid_partition_get_name(par);
	if (own && !strcmp(own, which))
		return true;
	label = look_up(fd, start, size, "LABEL");
	return label && !strcmp(label, which);
}

/* "1 (boot), 2": what can be asked for. */
static void describe(blkid_partlist ls, struct buf *b)
{
	int n = blkid_partlist_numof_partitions(ls);

	buf_adds(b, "");
	for (int i = 0; i < n && b->len < 300; i++) {
		blkid_partition par = blkid_partlist_get_partition(ls, i);
		const char *name = blkid_partition_get_name(par);

		buf_addf(b, "%s%d", i ? ", " : "", blkid_partition_get_partno(par));
		if (name && *name)
			buf_addf(b, " (%s)", name);
	}
}

static int pick(blkid_partlist ls, int fd, const char *which, struct partition *out,
		struct err *e)
{
	_cleanup_buf_ struct buf there = { 0 };
	int n = blkid_partlist_numof_partitions(ls), found = 0;

	describe(ls, &there);
	for (int i = 0; i < n; i++) {
		blkid_partition par = blkid_partlist_get_partition(ls, i);

		if (!matches(par, fd, which))
			continue;
		found++;
		out->offset = (uint64_t)blkid_partition_get_start(par) * SECTOR;
		out->length = (uint64_t)blkid_partition_get_size(par) * SECTOR;
	}
	if (found == 1)
		return 0;
	err_set(e, -ERR_STATE, "the image '%s' has %s partition '%s'", out->file,
		found ? "more than one" : "no", which);
	return err_hint(e, "it has: %s", there.data);
}

static int find_partition(int fd, const char *which, struct partition *out,
			  struct err *e)
{
	_cleanup_probe_ blkid_probe pr = blkid_new_probe();
	_cleanup_buf_ struct buf there = { 0 };
	blkid_partlist ls = NULL;

	if (which && !is_number(which) && strncmp(which, "LABEL:", 6) &&
	    strncmp(which, "PARTUUID:", 9)) {
		err_set(e, -ERR_USAGE, "'%s' names no partition", which);
		return err_hint(e, "FILE%%N, FILE%%LABEL:name%% or FILE%%PARTUUID:uuid%%");
	}
	if (pr && !blkid_probe_set_device(pr, fd, 0, 0) &&
	    !blkid_probe_enable_partitions(pr, 1))
		ls = blkid_probe_get_partitions(pr);
	if (ls && blkid_partlist_numof_partitions(ls) == 0)
		ls = NULL;
	if (ls && which)
		return pick(ls, fd, which, out, e);
	if (which)
		return err_set(e, -ERR_STATE, "the image '%s' has no partitions",
			       out->file);
	out->type = look_up(fd, 0, 0, "TYPE");
	/* a hybrid (isohybrid and the like) is taken for the file system it is */
	if (!ls || out->type)
		return 0;
	describe(ls, &there);
	err_set(e, -ERR_STATE, "the image '%s' has partitions; say which", out->file);
	return err_hint(e, "'%s%%N', where N is one of: %s", out->file, there.data);
}

int partition_find(const char *spec, struct partition *out, struct err *e)
{
	_cleanup_free_ char *which = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	*out = (struct partition){ 0 };
	r = split(spec, &out->file, &which, e);
	if (!r)
		r = fd = open_image(out->file, e);
	if (r >= 0)
		r = find_partition(fd, which, out, e);
	if (r < 0)
		goto fail;
	if (!out->type)
		out->type = look_up(fd, out->offset, out->length, "TYPE");
	if (!out->type) {
		r = err_set(e, -ERR_FORMAT, "there is no file system in '%s'", spec);
		err_hint(e, "the image may be damaged, or encrypted");
		goto fail;
	}
	out->read_only = !strcmp(out->type, "squashfs") || !strcmp(out->type, "erofs") ||
			 !strcmp(out->type, "iso9660");
	return 0;
fail:
	partition_free(out);
	return r;
}
