// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The caller's thread makes the tar file, another one compresses it and hands it on:
 * tar(1) has its compressor in a process of its own, and we are to be as fast. The
 * compressor is a libarchive writer too, of one raw file.
 */
#include "mech/archive_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/ring.h"

struct archive_out {
	struct archive *tar, *packed;
	struct archive_entry *ent;
	struct archive_sink sink;
	struct ring ring;
	pthread_t thread;
	bool running;
	bool lost;		/* bytes of the tar file went nowhere: the thread left */
	_Atomic bool given_up;	/* the sink is to see no more */
	locale_t locale; /* names are UTF-8 where they can be */
	struct err err;	 /* of the thread; valid once it has left the ring */
};

/*
 * libarchive's write callbacks: from the tar file to the thread, from there out. They
 * never fail: after that, libarchive would not free what it has.
 */
static la_ssize_t to_ring(struct archive *a, void *arg, const void *data, size_t n)
{
	struct archive_out *o = arg;

	(void)a;
	o->lost = o->lost || !ring_add(&o->ring, data, n);
	return (la_ssize_t)n;
}

static la_ssize_t to_sink(struct archive *a, void *arg, const void *data, size_t n)
{
	struct archive_out *o = arg;

	(void)a;
	if (!o->given_up && o->sink.write(o->sink.arg, data, n, &o->err) < 0)
		o->given_up = true;
	return (la_ssize_t)n;
}

static void *compress(void *arg)
{
	struct archive_out *o = arg;
	const void *data;
	size_t n;
	bool ok = true;

	while (ok && !o->given_up && (n = ring_next(&o->ring, &data))) {
		if (o->sink.plain)
			o->sink.plain(o->sink.arg, data, n);
		ok = archive_write_data(o->packed, data, n) == (la_ssize_t)n;
	}
	if ((archive_write_close(o->packed) != ARCHIVE_OK || !ok) && !o->err.code)
		err_set(&o->err, -ERR_UNSUPPORTED, "cannot compress: %s",
			archive_error_string(o->packed));
	ring_leave(&o->ring);
	return NULL;
}

/* Choose the compression, and all that would make the bytes differ. */
static int add_filter(struct archive *a, enum archive_pack pack)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char threads[16];

	/* with one thread xz and zstd would cut the stream at other places */
	snprintf(threads, sizeof(threads), "%ld", cpus < 2 ? 2 : cpus > 16 ? 16 : cpus);
	switch (pack) {
	case PACK_NONE:
		return ARCHIVE_OK;
	case PACK_GZIP:
		if (archive_write_add_filter_gzip(a) != ARCHIVE_OK)
			return ARCHIVE_FATAL;
		return archive_write_set_filter_option(a, "gzip", "timestamp", NULL);
	case PACK_XZ:
		if (archive_write_add_filter_xz(a) != ARCHIVE_OK)
			return ARCHIVE_FATAL;
		return archive_write_set_filter_option(a, "xz", "threads", threads);
	case PACK_ZSTD:
		if (archive_write_add_filter_zstd(a) != ARCHIVE_OK)
			return ARCHIVE_FATAL;
		return archive_write_set_filter_option(a, "zstd", "threads", threads);
	}
	return ARCHIVE_FATAL;
}

static int open_packed(struct archive_out *o, enum archive_pack pack)
{
	struct archive *a = o->packed;
	int r = add_filter(a, pack);

	if (r == ARCHIVE_OK)
		r = archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 256 * 1024);
	archive_write_set_bytes_in_last_block(a, 1);
	if (r == ARCHIVE_OK)
		r = archive_write_open(a, o, NULL, to_sink, NULL);
	archive_entry_set_filetype(o->ent, AE_IFREG);
	archive_entry_set_pathname(o->ent, "tar");
	return r == ARCHIVE_OK ? archive_write_header(a, o->ent) : r;
}

static int open_tar(struct archive_out *o)
{
	struct archive *a = o->tar;
	int r = archive_write_set_format_pax(a);

	/* as GNU tar and containers have them; libarchive would write them twice */
	if (r == ARCHIVE_OK)
		r = archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY");
	archive_write_set_bytes_per_block(a, 0);
	return r == ARCHIVE_OK ? archive_write_open(a, o, NULL, to_ring, NULL) : r;
}

int archive_out_new(struct archive_out **out, enum archive_pack pack,
		    const struct archive_sink *sink, struct err *e)
{
	_cleanup_archive_out_ struct archive_out *o = xcalloc(1, sizeof(*o));

	*out = NULL;
	o->sink = *sink;
	ring_init(&o->ring);
	o->tar = archive_write_new();
	o->packed = archive_write_new();
	o->ent = archive_entry_new();
	if (!o->tar || !o->packed || !o->ent)
		abort();
	o->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (open_packed(o, pack) != ARCHIVE_OK)
		return err_set(e, -ERR_UNSUPPORTED, "begin an archive: %s",
			       archive_error_string(o->packed));
	if (open_tar(o) != ARCHIVE_OK)
		return err_set(e, -ERR_UNSUPPORTED, "begin an archive: %s",
			       archive_error_string(o->tar));
	if (pthread_create(&o->thread, NULL, compress, o))
		return err_set(e, -EAGAIN, "start a thread");
	o->running = true;
	*out = TAKE_PTR(o);
	return 0;
}

/* After any failure: what the thread met comes first, it is the cause. */
static int out_failed(struct archive_out *o, const char *path, struct err *e)
{
	if (ring_left(&o->ring) && o->err.code) {
		*e = o->err;
		return e->code;
	}
	return err_set(e, -ERR_UNSUPPORTED, "cannot put '%s' into the archive: %s", path,
		       archive_error_string(o->tar));
}

/* The kernel's form of an ACL: a version, then entries of 8 bytes, little-endian. */
static bool add_acl(struct archive_entry *ent, int type, const struct archive_attr *a)
{
	static const struct {
		uint16_t kernel;
		int tag;
	} tags[] = {
		{ 0x01, ARCHIVE_ENTRY_ACL_USER_OBJ }, { 0x02, ARCHIVE_ENTRY_ACL_USER },
		{ 0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ }, { 0x08, ARCHIVE_ENTRY_ACL_GROUP },
		{ 0x10, ARCHIVE_ENTRY_ACL_MASK }, { 0x20, ARCHIVE_ENTRY_ACL_OTHER },
	};
	const unsigned char *p = a->value;

	if (a->size < 4 || (a->size - 4) % 8 || p[0] != 2)
		return false;
	for (const unsigned char *q = p + 4; q < p + a->size; q += 8) {
		uint32_t id = q[4] | q[5] << 8 | q[6] << 16 | (uint32_t)q[7] << 24;
		size_t i = 0;

		while (i < ARRAY_SIZE(tags) && tags[i].kernel != (q[0] | q[1] << 8))
			i++;
		if (i == ARRAY_SIZE(tags) ||
		    archive_entry_acl_add_entry(ent, type, q[2] & 7, tags[i].tag, (int)id,
						NULL) != ARCHIVE_OK)
			return false;
	}
	return true;
}

static bool add_attr(struct archive_entry *ent, const struct archive_attr *a)
{
	if (!strcmp(a->name, "system.posix_acl_access"))
		return add_acl(ent, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, a);
	if (!strcmp(a->name, "system.posix_acl_default"))
		return add_acl(ent, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, a);
	archive_entry_xattr_add_entry(ent, a->name, a->value, a->size);
	return true;
}

static void describe(struct archive_entry *ent, const struct archive_file *f)
{
	const struct stat *st = f->st;

	archive_entry_copy_pathname(ent, f->path);
	archive_entry_set_mode(ent, st->st_mode);
	archive_entry_set_uid(ent, st->st_uid);
	archive_entry_set_gid(ent, st->st_gid);
	archive_entry_set_mtime(ent, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	archive_entry_set_size(ent, 0);
	if (f->hardlink)
		archive_entry_copy_hardlink(ent, f->hardlink);
	else if (S_ISREG(st->st_mode))
		archive_entry_set_size(ent, st->st_size);
	else if (S_ISLNK(st->st_mode))
		archive_entry_copy_symlink(ent, f->symlink);
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		archive_entry_set_rdev(ent, st->st_rdev);
}

int archive_out_file(struct archive_out *o, const struct archive_file *f, struct err *e)
{
	struct archive_entry *ent = archive_entry_clear(o->ent);
	locale_t old;
	const char *why;
	int r;

	describe(ent, f);
	for (size_t i = 0; i < f->nattrs; i++)
		if (!add_attr(ent, &f->attrs[i]))
			return err_set(e, -ERR_FORMAT, "'%s' has a damaged '%s'", f->path,
				       f->attrs[i].name);
	for (size_t i = 0; f->sparse && i < f->ndata; i++)
		archive_entry_sparse_add_entry(ent, (la_int64_t)f->data[i].offset,
					       (la_int64_t)f->data[i].length);
	/* a file that is one hole */
	if (f->sparse && !f->ndata)
		archive_entry_sparse_add_entry(ent, 0, 0);
	old = o->locale ? uselocale(o->locale) : (locale_t)0;
	r = archive_write_header(o->tar, ent);
	if (old)
		uselocale(old);
	why = archive_error_string(o->tar);
	/* a name that is not UTF-8 goes in as it is, and is marked as such */
	if (!o->lost && (r == ARCHIVE_OK ||
			 (r == ARCHIVE_WARN && why && strstr(why, "Can't translate"))))
		return 0;
	return out_failed(o, f->path, e);
}

int archive_out_data(struct archive_out *o, const void *data, size_t n, struct err *e)
{
	const char *from = data;

	while (n) {
		la_ssize_t k = archive_write_data(o->tar, from, n);

		if (k <= 0 || o->lost)
			return out_failed(o, archive_entry_pathname(o->ent), e);
		from += k;
		n -= (size_t)k;
	}
	return 0;
}

int archive_out_end(struct archive_out *o, struct err *e)
{
	int r = archive_write_close(o->tar);

	ring_end(&o->ring);
	pthread_join(o->thread, NULL);
	o->running = false;
	return r != ARCHIVE_OK || o->err.code ? out_failed(o, "the end", e) : 0;
}

void archive_out_free(struct archive_out *o)
{
	if (!o)
		return;
	o->given_up = true;
	ring_end(&o->ring);
	if (o->running)
		pthread_join(o->thread, NULL);
	/* unclosed, they write their ends now, to nobody */
	archive_write_free(o->tar);
	archive_write_free(o->packed);
	archive_entry_free(o->ent);
	if (o->locale)
		freelocale(o->locale);
	ring_free(&o->ring);
	free(o);
}

void archive_out_freep(struct archive_out **o)
{
	archive_out_free(*o);
}
