// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "core/stage_cache.h"
#include "core/stage_proof.h"
#include "mech/fetch.h"
#include "os/fdio.h"

#define TEXT_LIMIT (1 << 20)
#define STAGE_LIMIT ((uint64_t)64 << 30)

/* One attempt with one mirror. */
struct attempt {
	const struct stage_source *src;
	const struct stage_cache *cache;
	const struct stage_id *id;
	const char *mirror;
	struct mirror_file file;
};

char *stage_cache_path(const struct stage_source *src)
{
	return src->insecure ? path_join(src->cache, "unverified") : xstrdup(src->cache);
}

static int fetch_text(const struct stage_source *src, const char *url, char **data,
		      size_t *len, struct err *e)
{
	const struct fetch f = { .url = url, .max = TEXT_LIMIT, .tries = src->tries,
				 .timeout = src->timeout };
	_cleanup_close_ int fd = memfd_create("crossroot", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(e, -errno, "make room for '%s'", url);
	r = fetch_into(&f, fd, e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, -errno, "read '%s'", url);
	return fdio_read_fd(fd, url, TEXT_LIMIT, data, len, e);
}

static int get_from_mirror(void *arg, const char *suffix, char **data, size_t *len,
			   struct err *e)
{
	const struct attempt *a = arg;
	_cleanup_free_ char *url = mirror_file_url(a->mirror, a->id, &a->file, suffix);

	return fetch_text(a->src, url, data, len, e);
}

/* An old index has a good signature too: it would bring back what was mended since. */
static int check_age(struct attempt *a, const char *url, struct err *e)
{
	/* else of two that look at once, the one with the older date may write last */
	_cleanup_close_ int lock = stage_cache_lock(a->cache, a->id->variant, true, e);
	char seen[MIRROR_DATE_SIZE];
	int r = lock < 0 ? lock : stage_cache_seen(a->cache, a->id->variant, seen, e);

	if (r < 0)
		return r;
	if (strcmp(a->file.date, seen) < 0) {
		err_set(e, -ERR_VERIFY, "'%s' is older than one that was seen before: it "
			"names the stage of %s, that was %s", url, a->file.date, seen);
		return err_hint(e, "a mirror that is behind; if Gentoo withdrew the newer "
				   "one, remove %s/.seen-%s", a->cache->path,
				a->id->variant);
	}
	return strcmp(a->file.date, seen) ?
		       stage_cache_see(a->cache, a->id->variant, a->file.date, e) : 0;
}

/* Which file is the newest: the index says it. */
static int resolve(struct attempt *a, struct err *e)
{
	const struct signature s = { a->src->keyring, a->cache->path };
	_cleanup_free_ char *url = mirror_index_url(a->mirror, a->id);
	_cleanup_free_ char *raw = NULL, *verified = NULL;
	char key[SIGNATURE_KEY_SIZE];
	const char *text;
	size_t len;
	int r = fetch_text(a->src, url, &raw, &len, e);

	if (r == -ERR_MISSING)
		err_hint(e, "is '%s' a stage that this mirror has? "
			    "--variant NAME takes another", a->id->variant);
	if (r < 0)
		return r;
	if (a->src->insecure) {
		text = mirror_unsigned_text(raw, len, &len);
	} else {
		r = signature_clearsigned(&s, url, raw, len, &verified, &len, key, e);
		text = verified;
	}
	if (!r) {
		r = mirror_parse_index(text, len, a->id->variant, &a->file, e);
		if (r < 0)
			err_wrap(e, "'%s'", url);
	}
	return r < 0 || a->src->insecure ? r : check_age(a, url, e);
}

static void show_fetch(void *arg, uint64_t done, uint64_t total, uint64_t rate)
{
	const struct stage_watch *w = arg;

	w->fn(w->arg, "fetch", done, total, rate);
}

static int transfer(const struct attempt *a, int fd, struct err *e)
{
	_cleanup_free_ char *url = mirror_file_url(a->mirror, a->id, &a->file, "");
	const struct fetch_progress progress = { show_fetch, (void *)a->src->watch };
	const struct fetch f = { .url = url, .size = a->file.size, .max = STAGE_LIMIT,
				 .tries = a->src->tries, .timeout = a->src->timeout,
				 .progress = a->src->watch ? &progress : NULL };

	log_info("fetching %s", url);
	return fetch_into(&f, fd, e);
}

/* Fetch the file and verify it; what an earlier try left is the beginning of it. */
static int fetch_part(const struct attempt *a, const char *part, int fd, struct proof *p,
		      struct err *e)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "look at '%s'", part);
	r = transfer(a, fd, e);
	if (!r)
		r = proof_check(a->src, a->cache, a->file.name, part, fd, p, e);
	if (r != -ERR_VERIFY || !st.st_size)
		return r;
	/* the beginning may have been of another file, from another mirror */
	log_info("%s; fetching it anew", e->msg);
	if (ftruncate(fd, 0) < 0)
		return err_set(e, -errno, "write '%s'", part);
	r = transfer(a, fd, e);
	return r < 0 ? r : proof_check(a->src, a->cache, a->file.name, part, fd, p, e);
}

/* It has its name when it is verified, and on disk. */
static int name_it(const struct attempt *a, const char *part, int fd,
		   const struct proof *p, struct err *e)
{
	int r = proof_keep(a->cache, a->file.name, p, e);

	if (r < 0)
		return r;
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
	    renameat(a->cache->fd, part, a->cache->fd, a->file.name) < 0 ||
	    fsync(a->cache->fd) < 0)
		return err_set(e, -errno, "write '%s/%s'", a->cache->path, a->file.name);
	return 0;
}

static bool is_empty(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !st.st_size;
}

static int download(struct attempt *a, struct stage *out, struct err *e)
{
	_cleanup_proof_ struct proof p = { 0 };
	_cleanup_free_ char *part = xasprintf("%s.part", a->file.name);
	_cleanup_close_ int fd = -1;
	int r = proof_load(a->src, a->cache, a->file.name, get_from_mirror, a, &p, e);

	if (r < 0)
		return r;
	fd = openat(a->cache->fd, part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "write '%s/%s'", a->cache->path, part);
	r = fetch_part(a, part, fd, &p, e);
	if (!r)
		r = name_it(a, part, fd, &p, e);
	/* what is no beginning of anything, or takes the room that is lacking */
	if (r == -ERR_VERIFY || r == -ENOSPC || r == -EDQUOT || (r < 0 && is_empty(fd)))
		stage_cache_remove(a->cache, a->file.name);
	if (r < 0)
		return r;
	out->fd = openat(a->cache->fd, a->file.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (out->fd < 0)
		return err_set(e, -errno, "open '%s/%s'", a->cache->path, a->file.name);
	out->url = mirror_file_url(a->mirror, a->id, &a->file, "");
	memcpy(out->key, p.key, sizeof(out->key));
	return 0;
}

/*
 * Verify what the cache has as @name by the proof that @get gives, which stays in @p.
 * -ENOENT when it has not.
 */
static int open_cached(const struct stage_source *src, const struct stage_cache *cache,
		       const char *name, proof_get_fn get, void *arg, struct proof *p,
		       struct stage *out, struct err *e)
{
	_cleanup_close_ int fd = openat(cache->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(e, -errno, "open '%s/%s'", cache->path, name);
	r = proof_load(src, cache, name, get, arg, p, e);
	if (!r)
		r = proof_check(src, cache, name, name, fd, p, e);
	if (r < 0)
		return r;
	memcpy(out->key, p->key, sizeof(out->key));
	out->fd = TAKE_FD(fd);
	return 0;
}

/* What the file or the mirror is to blame for; the rest is this machine's. */
static bool is_theirs(int r)
{
	return r == -ERR_VERIFY || r == -ERR_FETCH || r == -ERR_MISSING ||
	       r == -ERR_FORMAT || r == -ERR_MISMATCH;
}

/* The file is there, but not what proves it: the mirror's proof may say more. */
static int prove_anew(struct attempt *a, struct proof *p, struct stage *out,
		      struct err *e)
{
	int r;

	log_warn("what proves '%s' in the cache does not, fetching that anew: %s",
		 a->file.name, e->msg);
	*e = (struct err){ 0 };
	proof_free(p);
	r = open_cached(a->src, a->cache, a->file.name, get_from_mirror, a, p, out, e);
	return r < 0 ? r : proof_keep(a->cache, a->file.name, p, e);
}

/* Take the file of @a from the cache. -ENOENT when it is not there, or was damaged. */
static int use_cached(struct attempt *a, struct stage *out, struct err *e)
{
	struct proof_cached from = { a->cache, a->file.name };
	_cleanup_proof_ struct proof p = { 0 };
	int r = open_cached(a->src, a->cache, a->file.name, proof_get_cached, &from, &p,
			    out, e);

	if (!r || r == -ENOENT || !is_theirs(r))
		return r;
	if (!p.differs)
		r = prove_anew(a, &p, out, e);
	/* a key or a keyring may be to blame too: then the file stays */
	if (!p.differs)
		return r;
	log_warn("what the cache has is damaged, fetching it anew: %s", e->msg);
	stage_cache_remove(a->cache, a->file.name);
	return -ENOENT;
}

/* The file of @a is settled: take it from the cache, or fetch it. */
static int get_file(struct attempt *a, struct stage *out, struct err *e)
{
	_cleanup_close_ int lock = stage_cache_lock(a->cache, a->file.name, false, e);
	int r;

	if (lock == -EWOULDBLOCK) {
		log_warn("waiting for another process that fetches '%s'", a->file.name);
		lock = stage_cache_lock(a->cache, a->file.name, true, e);
	}
	if (lock < 0)
		return lock;
	r = use_cached(a, out, e);
	if (r == -ENOENT) {
		*e = (struct err){ 0 };
		r = download(a, out, e);
	}
	if (r < 0)
		return r;
	out->file = a->file;
	memcpy(out->variant, a->id->variant, sizeof(out->variant));
	out->path = path_join(a->cache->path, a->file.name);
	return 0;
}

static int from_mirror(struct attempt *a, const char *date, struct stage *out,
		       struct err *e)
{
	int r = date ? mirror_name(a->id->variant, date, &a->file, e) : resolve(a, e);

	return r < 0 ? r : get_file(a, out, e);
}

static int from_mirrors(const struct stage_source *src, const struct stage_cache *cache,
			const struct stage_id *id, const char *date, struct stage *out,
			struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < src->mirrors->n; i++) {
		struct attempt a = { .src = src, .cache = cache, .id = id,
				     .mirror = src->mirrors->v[i] };

		r = from_mirror(&a, date, out, e);
		if (!r || !is_theirs(r))
			return r;
		if (i + 1 < src->mirrors->n && !(date && r == -ERR_MISSING))
			log_warn("%s; trying the next mirror", e->msg);
	}
	return r;
}

int stage_get(const struct stage_source *src, const struct stage_id *id, const char *date,
	      struct stage *out, struct err *e)
{
	_cleanup_free_ char *path = stage_cache_path(src);
	_cleanup_stage_cache_ struct stage_cache cache = { .fd = -1 };
	int r = stage_cache_open(&cache, path, e);

	*out = (struct stage){ .fd = -1 };
	if (r < 0)
		return r;
	if (!src->mirrors->n) {
		err_set(e, -ERR_CONFIG, "no mirror to fetch '%s' from", id->variant);
		return err_hint(e, "--mirror URL, or 'mirrors' in crossroot.conf(5)");
	}
	r = -ERR_MISSING;
	if (date)
		r = from_mirrors(src, &cache, id, date, out, e);
	if (date && r == -ERR_MISSING)
		log_info("there is no %s of %s, taking the newest", id->variant, date);
	if (r == -ERR_MISSING)
		r = from_mirrors(src, &cache, id, NULL, out, e);
	return r;
}

void stage_close(struct stage *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->url);
	*s = (struct stage){ .fd = -1 };
}

int stage_verify(const struct stage_source *src, const char *name, struct err *e)
{
	_cleanup_free_ char *path = stage_cache_path(src);
	_cleanup_stage_cache_ struct stage_cache cache = { .fd = -1 };
	char variant[STAGE_VARIANT_SIZE], date[MIRROR_DATE_SIZE];
	struct proof_cached from = { &cache, name };
	_cleanup_proof_ struct proof p = { 0 };
	struct stage s = { .fd = -1 };
	int r = mirror_split(name, variant, date, e);

	if (!r)
		r = stage_cache_open(&cache, path, e);
	if (!r)
		r = open_cached(src, &cache, name, proof_get_cached, &from, &p, &s, e);
	stage_close(&s);
	return r;
}
