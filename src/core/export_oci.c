// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An image layout as https://github.com/opencontainers/image-spec has it: blobs named
 * by their SHA-256, of which index.json names the manifest, that the configuration and
 * the one layer. The layer is gzip: not all that reads layouts knows zstd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/export_impl.h"
#include "mech/json.h"
#include "os/fdio.h"

#define TYPE "application/vnd.oci.image."
#define BLOBS "blobs/sha256"

struct blob {
	char digest[sizeof("sha256:") + DIGEST_HEX_SIZE];
	uint64_t size;
};

/* What Go calls an architecture, for those that it or qemu calls otherwise. */
static void set_platform(struct json *o, const struct root *root)
{
	static const struct {
		const char *ours, *go, *variant;
	} names[] = {
		{ "x86_64", "amd64", NULL },	{ "aarch64", "arm64", "v8" },
		{ "arm", "arm", NULL },		{ "i386", "386", NULL },
		{ "mips64el", "mips64le", NULL }, { "mipsel", "mipsle", NULL },
		{ "loongarch64", "loong64", NULL },
	};
	const struct arch *arch = root->arch;
	const char *go = arch->name, *variant = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].ours, arch->name)) {
			go = names[i].go;
			variant = names[i].variant;
		}
	if (!strcmp(arch->name, "arm"))
		variant = export_arm_variant(root->tree_fd);
	json_set_str(o, "architecture", go);
	json_set_str(o, "os", "linux");
	if (variant)
		json_set_str(o, "variant", variant);
}

static void name_blob(struct blob *b, struct digest *d)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	snprintf(b->digest, sizeof(b->digest), "sha256:%s", hex);
}

static char *blob_path(const struct blob *b)
{
	return xasprintf(BLOBS "/%s", b->digest + strlen("sha256:"));
}

/* The descriptor of a blob. */
static struct json *describe(const char *type, const struct blob *b)
{
	struct json *o = json_obj();

	json_set_str(o, "mediaType", type);
	json_set_str(o, "digest", b->digest);
	json_set_int(o, "size", (int64_t)b->size);
	return o;
}

static int put_text(int dirfd, const char *name, const char *text, size_t n, struct err *e)
{
	_cleanup_close_ int fd = openat(
		dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	struct export_out out = { .fd = fd, .name = name };

	if (fd < 0)
		return err_set(e, -errno, "create '%s'", name);
	return export_write(&out, text, n, e);
}

/* Print @doc, which is taken over. */
static int print(struct json *doc, char **text, size_t *n, struct err *e)
{
	_cleanup_json_ struct json *owned = doc;
	FILE *f = open_memstream(text, n);
	int r = f ? json_print(f, owned, e) : err_set(e, -errno, "print a document");

	if (f)
		fclose(f);
	return r;
}

static int put_json(int dirfd, const char *name, struct json *doc, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	int r = print(doc, &text, &n, e);

	return r < 0 ? r : put_text(dirfd, name, text, n, e);
}

/* The same as a blob, which becomes *@b. */
static int put_blob(int dirfd, struct json *doc, struct blob *b, struct err *e)
{
	_cleanup_digest_ struct digest *d = NULL;
	_cleanup_free_ char *text = NULL, *path = NULL;
	size_t n = 0;
	int r = print(doc, &text, &n, e);

	if (!r)
		r = digest_new(&d, DIGEST_SHA256, e);
	if (r < 0)
		return r;
	digest_add(d, text, n);
	name_blob(b, d);
	b->size = n;
	path = blob_path(b);
	return put_text(dirfd, path, text, n, e);
}

/* Write the layer; @diff becomes the name that it has uncompressed. */
static int put_layer(const struct export_job *job, int dirfd, struct blob *layer,
		     struct blob *diff, struct err *e)
{
	static const char temp[] = BLOBS "/layer";
	_cleanup_digest_ struct digest *plain = NULL, *packed = NULL;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = openat(
		dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	struct export_out out = { .fd = fd, .name = "the layer" };
	int r;

	if (fd < 0)
		return err_set(e, -errno, "create the layer");
	r = digest_new(&plain, DIGEST_SHA256, e);
	if (!r)
		r = digest_new(&packed, DIGEST_SHA256, e);
	out.plain = plain;
	out.packed = packed;
	if (!r)
		r = export_tar(job, PACK_GZIP, &out, e);
	if (r < 0)
		return r;
	name_blob(layer, packed);
	name_blob(diff, plain);
	layer->size = out.bytes;
	path = blob_path(layer);
	if (renameat(dirfd, temp, dirfd, path) < 0)
		return err_set(e, -errno, "name the layer");
	return 0;
}

static struct json *list_of(struct json *first)
{
	struct json *a = json_arr();

	json_append(a, first);
	return a;
}

static struct json *config(const struct export_job *job, const struct blob *diff)
{
	struct json *doc = json_obj(), *run = json_obj(), *rootfs = json_obj();
	struct json *step = json_obj();
	time_t when = job->spec->has_epoch ? (time_t)job->spec->epoch : time(NULL);
	struct tm tm;
	char created[40] = "1970-01-01T00:00:00Z";

	if (gmtime_r(&when, &tm))
		strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_set_str(doc, "created", created);
	set_platform(doc, job->root);
	json_set(run, "Env", list_of(json_str(
				     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
				     "/usr/bin:/sbin:/bin")));
	json_set(run, "Cmd", list_of(json_str("/bin/sh")));
	json_set(doc, "config", run);
	json_set_str(rootfs, "type", "layers");
	json_set(rootfs, "diff_ids", list_of(json_str(diff->digest)));
	json_set(doc, "rootfs", rootfs);
	json_set_str(step, "created", created);
	json_set_str(step, "created_by", "crossroot export");
	json_set(doc, "history", list_of(step));
	return doc;
}

static struct json *manifest(const struct blob *conf, const struct blob *layer)
{
	struct json *doc = json_obj();

	json_set_int(doc, "schemaVersion", 2);
	json_set_str(doc, "mediaType", TYPE "manifest.v1+json");
	json_set(doc, "config", describe(TYPE "config.v1+json", conf));
	json_set(doc, "layers", list_of(describe(TYPE "layer.v1.tar+gzip", layer)));
	return doc;
}

static struct json *index_of(const struct export_job *job, const struct blob *b)
{
	struct json *doc = json_obj(), *platform = json_obj(), *notes = json_obj();
	struct json *entry = describe(TYPE "manifest.v1+json", b);

	set_platform(platform, job->root);
	json_set(entry, "platform", platform);
	json_set_str(notes, "org.opencontainers.image.ref.name", "latest");
	json_set(entry, "annotations", notes);
	json_set_int(doc, "schemaVersion", 2);
	json_set_str(doc, "mediaType", TYPE "index.v1+json");
	json_set(doc, "manifests", list_of(entry));
	return doc;
}

int export_oci(const struct export_job *job, int dirfd, struct err *e)
{
	struct blob layer = { 0 }, diff = { 0 }, conf = { 0 }, man = { 0 };
	struct json *doc;
	int r = fdio_mkdirs(dirfd, BLOBS, 0755, e);

	if (!r)
		r = put_layer(job, dirfd, &layer, &diff, e);
	if (!r)
		r = put_blob(dirfd, config(job, &diff), &conf, e);
	if (!r)
		r = put_blob(dirfd, manifest(&conf, &layer), &man, e);
	if (!r)
		r = put_json(dirfd, "index.json", index_of(job, &man), e);
	if (r < 0)
		return r;
	doc = json_obj();
	json_set_str(doc, "imageLayoutVersion", "1.0.0");
	return put_json(dirfd, "oci-layout", doc, e);
}
