// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/stage_proof.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "mech/digest.h"
#include "os/fdio.h"

#define TEXT_LIMIT (1 << 20)

void proof_free(struct proof *p)
{
	free(p->text);
	free(p->sig);
	*p = (struct proof){ 0 };
}

/* The digests' text, once it is known to be signed; the caller frees *@out. */
static int signed_text(const struct stage_source *src, const struct stage_cache *cache,
		       const char *name, struct proof *p, char **out, size_t *len,
		       struct err *e)
{
	const struct signature s = { src->keyring, cache->path };
	_cleanup_free_ char *file = xasprintf("%s%s", name, p->suffix);

	return signature_clearsigned(&s, file, p->text, p->len, out, len, p->key, e);
}

/* Where .DIGESTS is not there or not signed. */
static int other_signature(const char *name, proof_get_fn get, void *arg, struct proof *p,
			   struct err *e)
{
	char *text;
	size_t len;
	int r = get(arg, ".DIGESTS.asc", &text, &len, e);

	if (!r && mirror_is_clearsigned(text, len)) {
		free(p->text);
		p->text = text;
		p->len = len;
		p->suffix = ".DIGESTS.asc";
		return 0;
	}
	if (!r)
		free(text);
	if ((!r || r == -ERR_MISSING) && !p->text)
		return err_set(e, -ERR_MISSING, "'%s' has no digests", name);
	if (!r || r == -ERR_MISSING)
		r = get(arg, ".asc", &p->sig, &p->sig_len, e);
	if (r == -ERR_MISSING)
		return err_set(e, -ERR_VERIFY, "neither '%s' nor its digests are signed",
			       name);
	return r;
}

int proof_load(const struct stage_source *src, const struct stage_cache *cache,
	       const char *name, proof_get_fn get, void *arg, struct proof *p,
	       struct err *e)
{
	_cleanup_free_ char *verified = NULL;
	const char *text;
	size_t len;
	int r;

	*p = (struct proof){ .suffix = ".DIGESTS" };
	r = get(arg, p->suffix, &p->text, &p->len, e);
	if (r == -ERR_MISSING && src->insecure) {
		log_warn("'%s' has no digests, nothing proves that it is whole", name);
		*e = (struct err){ 0 };
		return 0;
	}
	if (!src->insecure && (r == -ERR_MISSING ||
			       (!r && !mirror_is_clearsigned(p->text, p->len))))
		r = other_signature(name, get, arg, p, e);
	if (r < 0)
		return r;
	text = p->text;
	len = p->len;
	if (src->insecure) {
		text = mirror_unsigned_text(p->text, p->len, &len);
	} else if (!p->sig) {
		r = signed_text(src, cache, name, p, &verified, &len, e);
		text = verified;
	}
	if (!r) {
		r = mirror_parse_digests(text, len, name, &p->digests, e);
		if (r < 0)
			err_wrap(e, "the digests of '%s'", name);
	}
	return r;
}

/* One digest of the file at @fd. */
struct hashing {
	const struct stage_watch *watch; /* NULL where nobody is told */
	int fd;
	struct digest *d;
	int r; /* -errno of a read */
};

static void *hash(void *arg)
{
	enum { CHUNK = 1 << 18, SHOW_EVERY = 64 };
	struct hashing *h = arg;
	_cleanup_free_ char *chunk = xmalloc(CHUNK);
	uint64_t done = 0;
	struct stat st;

	if (fstat(h->fd, &st) < 0) {
		h->r = -errno;
		return NULL;
	}
	for (unsigned i = 0;; i++) {
		ssize_t n = pread(h->fd, chunk, CHUNK, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			h->r = n < 0 ? -errno : 0;
			return NULL;
		}
		digest_add(h->d, chunk, (size_t)n);
		done += (uint64_t)n;
		if (h->watch && !(i % SHOW_EVERY))
			h->watch->fn(h->watch->arg, "verify", done,
				     (uint64_t)st.st_size, 0);
	}
}

/* Both at once: on a fast network this is what one waits for. */
static int hash_file(const struct stage_source *src, const char *name, int fd,
		     struct digest *b2, struct digest *sha, struct err *e)
{
	struct hashing first = { .watch = src->watch, .fd = fd, .d = sha };
	struct hashing second = { .fd = fd, .d = b2 };
	pthread_t thread;
	bool alone = pthread_create(&thread, NULL, hash, &second) != 0;

	hash(&first);
	if (alone)
		hash(&second);
	else
		pthread_join(thread, NULL);
	if (first.r < 0 || second.r < 0)
		return err_set(e, first.r < 0 ? first.r : second.r, "read '%s'", name);
	return 0;
}

static int compare(struct digest *d, const char *kind, const char *name, const char *want,
		   struct err *e)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(d, hex);
	if (!strcmp(hex, want))
		return 0;
	return err_set(e, -ERR_VERIFY, "the %s digest of '%s' is not the signed one: "
		       "%.16s..., not %.16s...", kind, name, hex, want);
}

static int check_digests(const struct stage_source *src, const char *name, int fd,
			 const struct mirror_digests *want, struct err *e)
{
	_cleanup_digest_ struct digest *b2 = NULL, *sha = NULL;
	int r = digest_new(&b2, DIGEST_BLAKE2B, e);

	if (!r)
		r = digest_new(&sha, DIGEST_SHA512, e);
	if (!r)
		r = hash_file(src, name, fd, b2, sha, e);
	if (!r)
		r = compare(b2, "BLAKE2B", name, want->blake2b, e);
	return r < 0 ? r : compare(sha, "SHA512", name, want->sha512, e);
}

int proof_check(const struct stage_source *src, const struct stage_cache *cache,
		const char *name, const char *file, int fd, struct proof *p,
		struct err *e)
{
	const struct signature s = { src->keyring, cache->path };
	_cleanup_free_ char *path = path_join(cache->path, file);
	int r = 0;

	/* first, as this tells a file that is damaged from a key that is not there */
	if (*p->digests.sha512)
		r = check_digests(src, name, fd, &p->digests, e);
	p->differs = r == -ERR_VERIFY;
	if (!r && p->sig && !src->insecure)
		r = signature_detached(&s, name, p->sig, p->sig_len, path, p->key, e);
	return r;
}

static int put(const struct stage_cache *cache, const char *name, const char *suffix,
	       const char *data, size_t n, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s%s", name, suffix);

	return data ? fdio_publish(cache->fd, file, data, n, 0644, e) : 0;
}

int proof_keep(const struct stage_cache *cache, const char *name, const struct proof *p,
	       struct err *e)
{
	int r = put(cache, name, p->suffix, p->text, p->len, e);

	return r < 0 ? r : put(cache, name, ".asc", p->sig, p->sig_len, e);
}

int proof_get_cached(void *arg, const char *suffix, char **data, size_t *len,
		     struct err *e)
{
	const struct proof_cached *c = arg;
	_cleanup_free_ char *file = xasprintf("%s%s", c->name, suffix);
	int r = fdio_read_file(c->cache->fd, file, TEXT_LIMIT, data, len, e);

	if (r != -ENOENT)
		return r;
	return err_set(e, -ERR_MISSING, "the cache has no '%s'", file);
}
