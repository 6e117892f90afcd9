// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/path.h"
#include "core/patch.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"
#include "os/proc.h"

#define FORMAT "crossroot layer 1"
#define NEW ".new"
#define MANIFEST_LIMIT (4 << 20)
#define LIBC_LIMIT (64 << 20)

#define LIB_DIR "run/crossroot/native/lib"
#define CACHE_PATH "/run/crossroot/c" /* as long as LOADER_CACHE */
#define GCONV_PATH "/run/crossroot/g"
#define GCONV_MORE "gconv-modules.d" /* beside gconv-modules */
#define LOADER_CACHE "/etc/ld.so.cache"

/* What a layer is made from. */
struct source {
	int native_fd;
	const char *native_root;
	const struct closure_lib *libs;
	size_t nlibs;
	const char *loader;
	char *gconv;	/* the native root's directory of conversions, NULL: none */
	char *compiled; /* the one that its libc looks into */
};

/*
 * The directory of conversions that libc has compiled in. Found by the name of the
 * cache in it, the only such string of which all libcs have the whole.
 */
static char *compiled_gconv(const struct source *s, const char *libc)
{
	static const char cache[] = "/gconv-modules.cache";
	_cleanup_free_ char *data = NULL;
	size_t n;
	char *hit, *from;

	if (beneath_read(s->native_fd, libc, LIBC_LIMIT, &data, &n, NULL) < 0)
		return NULL;
	hit = memmem(data, n, cache, sizeof(cache));
	for (from = hit; from && from > data && from[-1]; from--)
		;
	return from && *from == '/' ? xstrndup(from, (size_t)(hit - from)) : NULL;
}

/* Where the native root has them: there, else beside libc but below /usr. */
static void find_gconv(struct source *s)
{
	struct stat st;

	for (size_t i = 0; i < s->nlibs; i++) {
		_cleanup_free_ char *dir = path_dir(s->libs[i].path), *beside = NULL;

		if (strcmp(s->libs[i].soname, "libc.so.6"))
			continue;
		beside = xasprintf("%s%s/gconv", strncmp(dir, "/usr/", 5) ? "/usr" : "",
				   dir);
		s->compiled = compiled_gconv(s, s->libs[i].path);
		if (s->compiled && !beneath_stat(s->native_fd, s->compiled, &st))
			s->gconv = xstrdup(s->compiled);
		else if (s->compiled && !beneath_stat(s->native_fd, beside, &st))
			s->gconv = TAKE_PTR(beside);
	}
}

/* "PATH\tSTAMP" a line: equal text is the same layer. */
static void add_stamp(struct buf *b, const struct source *s, const char *path)
{
	_cleanup_free_ char *stamp = beneath_stamp(s->native_fd, path);

	buf_addf(b, "%s\t%s\n", path, stamp);
}

static void manifest(const struct source *s, struct buf *b)
{
	buf_addf(b, FORMAT "\n%s\n%s\n", s->native_root, s->loader);
	add_stamp(b, s, s->loader);
	if (s->gconv) {
		_cleanup_free_ char *more = path_join(s->gconv, GCONV_MORE);

		add_stamp(b, s, s->gconv);
		add_stamp(b, s, more);
	}
	for (size_t i = 0; i < s->nlibs; i++)
		add_stamp(b, s, s->libs[i].path);
}

static char *key_of(const struct buf *text)
{
	/* layer_ensure compares the text too */
	return xasprintf("%016" PRIx64, hash_fnv1a(text->data, text->len));
}

static int copy_file(const struct source *s, const char *path, int dirfd,
		     const char *name, struct err *e)
{
	_cleanup_close_ int in =
		beneath_open(s->native_fd, path, O_RDONLY | O_CLOEXEC, 0);
	_cleanup_close_ int out = -1;
	int r;

	if (in < 0)
		return err_set(e, in, "open '%s' of the native root", path);
	out = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     0755);
	if (out < 0)
		return err_set(e, -errno, "create '%s' of the native layer", name);
	r = fdio_copy(in, out);
	return r < 0 ? err_set(e, r, "copy '%s' of the native root", path) : 0;
}

/* As patch_file, but a file that does not name @from is well as it is. */
static int patch_any(int dirfd, const char *name, const char *from, const char *to,
		     enum patch_mode mode, struct err *e)
{
	struct err why = { 0 };
	int r = patch_file(dirfd, name, from, to, mode, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0 && e)
		*e = why;
	return r;
}

/*
 * Make the file @name look for conversions in the layer and not where the target
 * keeps its own. One that names no directory needs no other one.
 */
static int move_gconv(const struct source *s, int dirfd, const char *name, struct err *e)
{
	_cleanup_free_ char *to = patch_pad(GCONV_PATH, strlen(s->compiled));

	return to ? patch_any(dirfd, name, s->compiled, to, PATCH_PREFIX, e) : 0;
}

/* The regular files of the native root's directory @from, into the new one @name. */
static int copy_dir(const struct source *s, const char *from, int at, const char *name,
		    struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_close_ int to = -1;
	int r = beneath_list(s->native_fd, from, &names);

	if (r < 0)
		return err_set(e, r, "read '%s' of the native root", from);
	if (mkdirat(at, name, 0755) < 0)
		return err_set(e, -errno, "create '%s' of the native layer", name);
	to = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_set(e, -errno, "open '%s' of the native layer", name);
	for (size_t i = 0; !r && i < names.n; i++) {
		_cleanup_free_ char *path = path_join(from, names.v[i]);
		struct stat st;

		if (!beneath_stat(s->native_fd, path, &st) && S_ISREG(st.st_mode))
			r = copy_file(s, path, to, names.v[i], e);
	}
	return r < 0 ? r : TAKE_FD(to);
}

static int copy_gconv(const struct source *s, int layer, struct err *e)
{
	_cleanup_free_ char *more = path_join(s->gconv, GCONV_MORE);
	_cleanup_close_ int to = copy_dir(s, s->gconv, layer, "gconv", e);
	struct stat st;

	if (to < 0)
		return to;
	/* without a cache, what glibc 2.34 and later have of all but a few of them */
	if (!beneath_stat(s->native_fd, more, &st)) {
		_cleanup_close_ int fd = copy_dir(s, more, to, GCONV_MORE, e);

		if (fd < 0)
			return fd;
	}
	/* made for another directory it would not be believed: the text is read then */
	if (strcmp(s->gconv, s->compiled) && unlinkat(to, "gconv-modules.cache", 0) < 0 &&
	    errno != ENOENT)
		return err_set(e, -errno, "delete a copy of '%s/gconv-modules.cache'",
			       s->gconv);
	return move_gconv(s, to, "gconv-modules.cache", e);
}

static int copy_libs(const struct source *s, int layer, struct err *e)
{
	_cleanup_close_ int lib = -1;
	int r = fdio_mkdirs(layer, LIB_DIR, 0755, e);

	if (r < 0)
		return r;
	lib = openat(layer, LIB_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lib < 0)
		return err_set(e, -errno, "open the native layer");
	for (size_t i = 0; !r && i < s->nlibs; i++) {
		/* the loader itself is there already when libraries are looked for */
		if (!strcmp(s->libs[i].soname, path_base(s->loader)))
			continue;
		r = copy_file(s, s->libs[i].path, lib, s->libs[i].soname, e);
	}
	return !r && s->gconv ? move_gconv(s, lib, "libc.so.6", e) : r;
}

static int make_loader(const struct source *s, int layer, struct err *e)
{
	int r = copy_file(s, s->loader, layer, "loader", e);

	if (!r)
		r = patch_file(layer, "loader", LOADER_CACHE, CACHE_PATH, PATCH_ONCE, e);
	if (!r)
		/* the target's, if it has one, is for its own programs */
		return patch_any(layer, "loader", "/etc/ld.so.preload",
				 "/run/crossroot//lp", PATCH_ONCE, e);
	if (r == -ENOENT || r == -ERR_FORMAT) {
		r = err_set(e, -ERR_UNSUPPORTED,
			    "the native root's loader '%s' does not name " LOADER_CACHE
			    " exactly once", s->loader);
		err_hint(e, "a glibc system is needed as native root for now; take "
			    "another with --native-root, or --native none");
	}
	return r;
}

static int make_cache(const struct source *s, int layer, const char *dir, struct err *e)
{
	_cleanup_free_ char *real = NULL, *ldconfig = NULL;
	static const char conf[] = "/" LIB_DIR "\n";
	int r = beneath_realpath(s->native_fd, "/sbin/ldconfig", &real);

	if (r < 0)
		return err_set(e, r, "find ldconfig in the native root");
	ldconfig = path_join(s->native_root, real);
	r = fdio_publish(layer, "conf", conf, sizeof(conf) - 1, 0644, e);
	if (r < 0)
		return r;
	/* its paths are below -r; -X: the libraries are named by soname already */
	return proc_run((char *[]){ ldconfig, "-i", "-X", "-r", (char *)dir, "-C",
				    "/cache", "-f", "/conf", NULL },
			NULL, NULL, 0, e);
}

static int build(const struct source *s, int layers, const char *layers_dir,
		 const char *key, const struct buf *text, struct err *e)
{
	_cleanup_free_ char *dir = path_join(layers_dir, NEW);
	_cleanup_close_ int layer = -1;
	/* what a killed build left; the lock is held */
	int r = beneath_rmtree(layers, NEW, e);

	if (!r)
		r = beneath_rmtree(layers, key, e);
	if (r < 0)
		return r;
	if (mkdirat(layers, NEW, 0755) < 0)
		return err_set(e, -errno, "create '%s'", dir);
	layer = openat(layers, NEW, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layer < 0)
		return err_set(e, -errno, "open '%s'", dir);
	r = copy_libs(s, layer, e);
	if (!r)
		r = make_loader(s, layer, e);
	if (!r && s->gconv)
		r = copy_gconv(s, layer, e);
	if (!r)
		r = make_cache(s, layer, dir, e);
	if (!r)
		r = fdio_publish(layer, "manifest", text->data, text->len, 0644, e);
	if (!r && syncfs(layer) < 0)
		r = err_set(e, -errno, "write '%s' to disk", dir);
	if (!r && renameat(layers, NEW, layers, key) < 0)
		r = err_set(e, -errno, "name the native layer '%s'", key);
	if (r < 0)
		beneath_rmtree(layers, NEW, NULL);
	return r;
}

static int open_layers(const char *layers_dir, struct err *e)
{
	int fd, r = fdio_mkdirs(AT_FDCWD, layers_dir, 0700, e);

	if (r < 0)
		return r;
	fd = open(layers_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open '%s'", layers_dir) : fd;
}

static int hold(int layers, const char *layers_dir, const char *key, const char *loader,
		struct layer *out, struct err *e)
{
	_cleanup_free_ char *name = xasprintf("%s.lock", key);
	int fd = lock_take(layers, name, LOCK_SHARED, true, e);

	if (fd < 0)
		return fd;
	*out = (struct layer){ .dir = path_join(layers_dir, key),
			       .key = xstrdup(key),
			       .loader = xstrdup(loader),
			       .lock_fd = fd };
	return 0;
}

/* Whether LAYERS/KEY is there and made from exactly @text. */
static bool is_whole(int layers, const char *key, const struct buf *text)
{
	_cleanup_free_ char *path = xasprintf("%s/manifest", key), *was = NULL;

	return !fdio_read_file(layers, path, MANIFEST_LIMIT, &was, NULL, NULL) &&
	       !strcmp(was, text->data);
}

int layer_ensure(const char *layers_dir, const char *native_root, struct closure *c,
		 struct layer *out, struct err *e)
{
	_cleanup_close_ int native =
		open(native_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int layers = open_layers(layers_dir, e), lock = -1;
	struct source s = { .native_fd = native,
			    .native_root = native_root,
			    .loader = closure_loader(c) };
	_cleanup_free_ char *gconv = NULL, *compiled = NULL, *key = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	mode_t mask;
	int r;

	if (layers < 0)
		return layers;
	if (native < 0)
		return err_set(e, -errno, "open the native root '%s'", native_root);
	if (!s.loader)
		return err_set(e, -ERR_UNSUPPORTED, "no program to swap has a loader");
	s.libs = closure_libs(c, &s.nlibs);
	find_gconv(&s);
	gconv = s.gconv;
	compiled = s.compiled;
	manifest(&s, &text);
	key = key_of(&text);
	lock = lock_take(layers, ".lock", LOCK_EXCLUSIVE, true, e);
	if (lock < 0)
		return lock;
	/* users of the root read it, whatever its maker keeps to himself */
	mask = umask(022);
	r = is_whole(layers, key, &text) ? 0 :
					   build(&s, layers, layers_dir, key, &text, e);
	umask(mask);
	return r < 0 ? r : hold(layers, layers_dir, key, s.loader, out, e);
}

/* Whether every line "PATH\tSTAMP" of @lines still says what is there. */
static bool sources_same(char *lines, int native)
{
	char *next;

	for (char *line = lines; *line; line = next) {
		char *tab = strchr(line, '\t');
		_cleanup_free_ char *stamp = NULL;

		next = strchrnul(line, '\n');
		if (!tab || tab > next || !*next)
			return false;
		*next++ = '\0';
		*tab = '\0';
		stamp = beneath_stamp(native, line);
		if (strcmp(stamp, tab + 1))
			return false;
	}
	return true;
}

int layer_open(const char *layers_dir, const char *key, struct layer *out, struct err *e)
{
	_cleanup_close_ int layers = open_layers(layers_dir, e), native = -1;
	_cleanup_free_ char *path = xasprintf("%s/manifest", key), *text = NULL;
	struct layer l;
	char *line[4];
	int r;

	if (layers < 0)
		return layers;
	/* held before it is looked at, so that it cannot go in between */
	r = hold(layers, layers_dir, key, "", &l, e);
	if (r < 0)
		return r;
	r = fdio_read_file(layers, path, MANIFEST_LIMIT, &text, NULL, e);
	line[0] = text;
	for (int i = 1; !r && i < 4; i++) {
		line[i] = strchr(line[i - 1], '\n');
		if (line[i])
			*line[i]++ = '\0';
		else
			r = -ERR_FORMAT;
	}
	if (!r)
		native = open(line[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r || strcmp(line[0], FORMAT) || native < 0 ||
	    !sources_same(line[3], native)) {
		layer_close(&l);
		return err_set(e, -ERR_STATE, "the native layer '%s' is out of date",
			       key);
	}
	free(l.loader);
	l.loader = xstrdup(line[2]);
	*out = l;
	return 0;
}

void layer_close(struct layer *l)
{
	free(l->dir);
	free(l->key);
	free(l->loader);
	close(l->lock_fd);
	*l = (struct layer){ .lock_fd = -1 };
}

void layer_mounts(const struct layer *l, const char *below, struct mplan *p)
{
	const struct {
		const char *src, *dst;
	} mounts[] = {
		{ "loader", l->loader },
		{ "cache", CACHE_PATH },
		{ LIB_DIR, "/" LIB_DIR },
		{ "gconv", GCONV_PATH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		_cleanup_free_ char *src = path_join(l->dir, mounts[i].src);
		_cleanup_free_ char *dst = xasprintf("%s%s", below, mounts[i].dst);

		mplan_add_optional(p, MOP_BIND_RO, src, dst);
	}
}

int layer_prune(const char *layers_dir, const struct strv *keep, struct err *e)
{
	_cleanup_close_ int layers = open_layers(layers_dir, e), lock = -1;
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *de;

	if (layers < 0)
		return layers;
	lock = lock_take(layers, ".lock", LOCK_EXCLUSIVE, true, e);
	d = lock < 0 ? NULL : fdopendir(dup(layers));
	if (!d)
		return lock < 0 ? lock : err_set(e, -errno, "read '%s'", layers_dir);
	while ((de = readdir(d))) {
		_cleanup_free_ char *name = xasprintf("%s.lock", de->d_name);
		_cleanup_close_ int held = -1;
		int r;

		if (*de->d_name == '.' || strchr(de->d_name, '.') ||
		    strv_has(keep, de->d_name))
			continue;
		held = lock_take(layers, name, LOCK_EXCLUSIVE, false, NULL);
		if (held < 0)
			continue;
		r = beneath_rmtree(layers, de->d_name, e);
		if (r < 0)
			return r;
		unlinkat(layers, name, 0);
	}
	return 0;
}
