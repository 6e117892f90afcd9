// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/closure.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "mech/arch.h"
#include "mech/elf.h"
#include "mech/ldcache.h"
#include "os/beneath.h"

#define CACHE_LIMIT (64 << 20)
#define CONF_LIMIT (1 << 20)
#define DEPTH_MAX 64

/* A file that was read once, by its canonical path; info is empty if it is no ELF. */
struct object {
	char *path;
	struct elf_info info;
	bool elf;
};

struct pair {
	char *soname, *path;
	size_t order; /* in the cache */
};

struct closure {
	int fd;
	const struct arch *arch;
	struct object **objects;
	size_t nobjects, cap_objects;
	struct pair *cache;
	size_t ncache, cap_cache;
	struct strv dirs; /* searched last */
	struct closure_lib *libs;
	size_t nlibs, cap_libs;
	char *loader;
};

static int by_soname(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->soname, ((const struct pair *)b)->soname);
}

/* Of equal sonames the first in the cache wins, as it does in ld.so. */
static int by_soname_and_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int r = by_soname(a, b);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static int cache_entry(void *arg, const struct ldcache_entry *ent)
{
	struct closure *c = arg;

	/* a build for newer processors is a choice of the machine it runs on */
	if (ent->hwcap)
		return 0;
	xgrow(&c->cache, &c->cap_cache, c->ncache, sizeof(*c->cache));
	c->cache[c->ncache] = (struct pair){ xstrdup(ent->soname), xstrdup(ent->path),
					     c->ncache };
	c->ncache++;
	return 0;
}

static void read_conf(struct closure *c, const char *path, int depth);

/* What an include line names: only its last component may be a pattern. */
static void read_included(struct closure *c, const char *pattern, int depth)
{
	_cleanup_free_ char *dir = path_dir(pattern);
	_cleanup_strv_ struct strv names = { 0 };
	int fd = beneath_open(c->fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	_cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (!fnmatch(path_base(pattern), de->d_name, FNM_PERIOD))
			strv_add(&names, de->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = path_join(dir, names.v[i]);

		read_conf(c, path, depth + 1);
	}
}

static void read_conf(struct closure *c, const char *path, int depth)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = { 0 };

	if (depth > 8 || beneath_read(c->fd, path, CONF_LIMIT, &text, NULL, NULL) < 0)
		return;
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct strv words = { 0 };

		lines.v[i][strcspn(lines.v[i], "#")] = '\0';
		strv_split(&words, lines.v[i], " \t:,");
		if (words.n > 1 && !strcmp(words.v[0], "include"))
			for (size_t w = 1; w < words.n; w++)
				read_included(c, words.v[w], depth);
		else
			for (size_t w = 0; w < words.n; w++)
				strv_add(&c->dirs, words.v[w]);
	}
}

struct closure *closure_new(int native_fd, struct err *e)
{
	static const char *const defaults[] = { "/lib64", "/usr/lib64", "/lib",
						"/usr/lib" };
	struct closure *c = xcalloc(1, sizeof(*c));
	_cleanup_free_ char *data = NULL;
	size_t n;

	c->fd = native_fd;
	c->arch = arch_host();
	if (!c->arch) {
		err_set(e, -ERR_UNSUPPORTED, "crossroot does not know this machine");
		goto fail;
	}
	if (!beneath_read(c->fd, "/etc/ld.so.cache", CACHE_LIMIT, &data, &n, NULL)) {
		if (ldcache_parse(data, n, cache_entry, c, e) < 0) {
			err_wrap(e, "the native root's /etc/ld.so.cache");
			err_hint(e, "run ldconfig there");
			goto fail;
		}
		if (c->ncache)
			qsort(c->cache, c->ncache, sizeof(*c->cache),
			      by_soname_and_order);
	} else {
		/* never configured: what its ldconfig would put into the cache */
		read_conf(c, "/etc/ld.so.conf", 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		strv_add(&c->dirs, defaults[i]);
	/* Debian's loader has these compiled in */
	strv_addf(&c->dirs, "/lib/%s-linux-gnu", c->arch->uname);
	strv_addf(&c->dirs, "/usr/lib/%s-linux-gnu", c->arch->uname);
	return c;
fail:
	closure_free(c);
	return NULL;
}

void closure_free(struct closure *c)
{
	for (size_t i = 0; i < c->nobjects; i++) {
		free(c->objects[i]->path);
		elf_info_free(&c->objects[i]->info);
		free(c->objects[i]);
	}
	free(c->objects);
	for (size_t i = 0; i < c->ncache; i++) {
		free(c->cache[i].soname);
		free(c->cache[i].path);
	}
	free(c->cache);
	for (size_t i = 0; i < c->nlibs; i++) {
		free(c->libs[i].soname);
		free(c->libs[i].path);
	}
	free(c->libs);
	strv_free(&c->dirs);
	free(c->loader);
	free(c);
}

/* The file at @path, NULL if there is none; read only once. */
static struct object *object_at(struct closure *c, const char *path)
{
	_cleanup_free_ char *real = NULL;
	_cleanup_close_ int fd = -1;
	struct object *o;

	if (beneath_realpath(c->fd, path, &real) < 0)
		return NULL;
	for (size_t i = 0; i < c->nobjects; i++)
		if (!strcmp(c->objects[i]->path, real))
			return c->objects[i];
	fd = beneath_open(c->fd, real, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	o = xcalloc(1, sizeof(*o));
	o->elf = !elf_read(fd, real, &o->info, NULL);
	o->path = TAKE_PTR(real);
	xgrow(&c->objects, &c->cap_objects, c->nobjects, sizeof(struct object *));
	c->objects[c->nobjects++] = o;
	return o;
}

static bool fits(const struct closure *c, const struct object *o)
{
	return o && o->elf &&
	       arch_by_elf(o->info.class, o->info.data, o->info.machine) == c->arch;
}

/* An object and the chain of those that asked for it: RPATH is inherited along it. */
struct chain {
	const struct object *o;
	const struct chain *up;
};

static char *expand(const char *dir, const struct object *o, const struct closure *c)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_free_ char *origin = path_dir(o->path);
	const struct {
		const char *token, *value;
	} tokens[] = {
		{ "ORIGIN", origin },
		{ "LIB", "lib64" },
		{ "PLATFORM", c->arch->uname },
	};

	buf_adds(&b, "");
	while (*dir) {
		const char *at = dir + 1, *end = NULL;
		bool brace = *dir == '$' && *at == '{';

		for (size_t i = 0; *dir == '$' && !end && i < ARRAY_SIZE(tokens); i++) {
			size_t n = strlen(tokens[i].token);

			if (strncmp(at + brace, tokens[i].token, n) ||
			    (brace && at[1 + n] != '}'))
				continue;
			buf_adds(&b, tokens[i].value);
			end = at + brace + n + brace;
		}
		if (!end) {
			buf_add(&b, dir, 1);
			end = dir + 1;
		}
		dir = end;
	}
	return TAKE_PTR(b.data);
}

static struct object *in_path(struct closure *c, const char *list,
			      const struct object *owner, const char *soname)
{
	_cleanup_strv_ struct strv dirs = { 0 };

	strv_split(&dirs, list, ":");
	for (size_t i = 0; i < dirs.n; i++) {
		_cleanup_free_ char *dir = expand(dirs.v[i], owner, c);
		_cleanup_free_ char *path = path_join(dir, soname);
		struct object *o = object_at(c, path);

		if (fits(c, o))
			return o;
	}
	return NULL;
}

static struct object *in_cache(struct closure *c, const char *soname)
{
	struct pair key = { .soname = (char *)soname };
	struct pair *hit = c->ncache ? bsearch(&key, c->cache, c->ncache, sizeof(key),
					       by_soname) :
				       NULL;

	if (!hit)
		return NULL;
	while (hit > c->cache && !by_soname(hit - 1, &key))
		hit--;
	for (; hit < c->cache + c->ncache && !by_soname(hit, &key); hit++) {
		struct object *o = object_at(c, hit->path);

		if (fits(c, o))
			return o;
	}
	return NULL;
}

static struct object *in_dirs(struct closure *c, const char *soname)
{
	for (size_t i = 0; i < c->dirs.n; i++) {
		_cleanup_free_ char *path = path_join(c->dirs.v[i], soname);
		struct object *o = object_at(c, path);

		if (fits(c, o))
			return o;
	}
	return NULL;
}

/* The search of ld.so(8). */
static struct object *find(struct closure *c, const char *soname, const struct chain *by)
{
	struct object *o = NULL;

	if (strchr(soname, '/')) {
		o = object_at(c, soname);
		return fits(c, o) ? o : NULL;
	}
	if (!by->o->info.runpath)
		for (const struct chain *up = by; up && !o; up = up->up)
			if (up->o->info.rpath && !up->o->info.runpath)
				o = in_path(c, up->o->info.rpath, up->o, soname);
	if (!o && by->o->info.runpath)
		o = in_path(c, by->o->info.runpath, by->o, soname);
	if (!o)
		o = in_cache(c, soname);
	return o ? o : in_dirs(c, soname);
}

static struct closure_lib *known(struct closure *c, const char *soname)
{
	for (size_t i = 0; i < c->nlibs; i++)
		if (!strcmp(c->libs[i].soname, soname))
			return &c->libs[i];
	return NULL;
}

static void add_lib(struct closure *c, const char *soname, const struct object *o)
{
	xgrow(&c->libs, &c->cap_libs, c->nlibs, sizeof(*c->libs));
	c->libs[c->nlibs++] = (struct closure_lib){ xstrdup(soname), xstrdup(o->path) };
}

static void forget_libs(struct closure *c, size_t n)
{
	while (c->nlibs > n) {
		free(c->libs[--c->nlibs].soname);
		free(c->libs[c->nlibs].path);
	}
}

static int add_needs(struct closure *c, const struct chain *by, int depth, struct err *e)
{
	const struct elf_info *info = &by->o->info;

	if (depth > DEPTH_MAX)
		return err_set(e, -ERR_FORMAT, "'%s' needs libraries without end",
			       by->o->path);
	for (size_t i = 0; i < info->needed.n; i++) {
		const char *soname = info->needed.v[i];
		struct closure_lib *lib = known(c, soname);
		struct object *o = find(c, soname, by);
		struct chain next = { o, by };
		int r;

		if (!o)
			return err_set(e, -ERR_STATE,
				       "it needs %s, which the native root lacks",
				       soname);
		if (lib && strcmp(lib->path, o->path))
			return err_set(e, -ERR_UNSUPPORTED,
				       "it needs %s from %s, others need it from %s",
				       soname, o->path, lib->path);
		if (lib)
			continue;
		add_lib(c, path_base(soname), o);
		r = add_needs(c, &next, depth + 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int closure_add(struct closure *c, const char *path, struct err *e)
{
	struct object *o = object_at(c, path);
	struct chain first = { o, NULL };
	size_t before = c->nlibs;
	int r;

	if (!o)
		return err_set(e, -ERR_STATE, "the native root has no '%s'", path);
	if (!o->elf)
		return err_set(e, -ERR_UNSUPPORTED, "'%s' is no ELF file", path);
	if (!fits(c, o))
		return err_set(e, -ERR_MISMATCH, "'%s' is not for %s", path,
			       c->arch->name);
	if (o->info.interp && c->loader && strcmp(o->info.interp, c->loader))
		return err_set(e, -ERR_UNSUPPORTED, "its loader is %s, that of others %s",
			       o->info.interp, c->loader);
	r = add_needs(c, &first, 0, e);
	if (r < 0) {
		forget_libs(c, before);
		return r;
	}
	if (o->info.interp && !c->loader)
		c->loader = xstrdup(o->info.interp);
	return 0;
}

void closure_add_named(struct closure *c, const char *soname)
{
	struct object *o = in_cache(c, soname);
	struct chain first;
	size_t before = c->nlibs;

	if (!o)
		o = in_dirs(c, soname);
	if (!o || known(c, soname))
		return;
	first = (struct chain){ o, NULL };
	add_lib(c, soname, o);
	if (add_needs(c, &first, 0, NULL) < 0)
		forget_libs(c, before);
}

static int by_lib(const void *a, const void *b)
{
	return strcmp(((const struct closure_lib *)a)->soname,
		      ((const struct closure_lib *)b)->soname);
}

const struct closure_lib *closure_libs(const struct closure *c, size_t *n)
{
	*n = c->nlibs;
	if (c->nlibs)
		qsort(c->libs, c->nlibs, sizeof(*c->libs), by_lib);
	return c->libs;
}

const char *closure_loader(const struct closure *c)
{
	return c->loader;
}
