// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Debian's layout, M being the multiarch tuple ("aarch64-linux-gnu"):
 *
 *	the root's gcc		/usr/bin/M-gcc-12, /usr/lib/gcc/M/12/{cc1,collect2,...}
 *	the cross gcc		/usr/bin/M-gcc-12, /usr/lib/gcc-cross/M/12/{cc1,...}
 *	binutils of both	/usr/bin/M-{as,ld.bfd,...}
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/toolchain.h"
#include "os/beneath.h"

/* Programs that start others of the toolchain, by the name after "M-". */
static bool is_driver(const char *name)
{
	static const char *const patterns[] = {
		"gcc-[0-9]*", "g++-[0-9]*", "cpp-[0-9]*", "gfortran-[0-9]*",
		"gcc-ar-[0-9]*", "gcc-nm-[0-9]*", "gcc-ranlib-[0-9]*",
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

static bool is_gcc(const char *name)
{
	return is_driver(name) || !fnmatch("gcov*", name, 0) ||
	       !fnmatch("lto-*", name, 0);
}

/*
 * GCC_EXEC_PREFIX makes the cross driver look for everything where the root's own
 * gcc keeps it, but for the headers: it knows C++'s in another place, and does not
 * search /usr/local/include. So it is told the root's own list from its start up to
 * that; gcc drops what its own list then repeats. gcc-ar and its like find no plugin
 * by GCC_EXEC_PREFIX.
 */
static char *driver_conf(const char *name, const char *multiarch)
{
	const char *v = strrchr(name, '-') + 1;
	_cleanup_free_ char *libs = xasprintf("/usr/lib/gcc/%s/%s", multiarch, v);
	_cleanup_free_ char *c = xasprintf("%s/include:/usr/local/include", libs);
	_cleanup_free_ char *cxx = xasprintf("/usr/include/c++/%s:/usr/include/%s/c++/%s:"
					     "/usr/include/c++/%s/backward",
					     v, multiarch, v, v);

	if (!strncmp(name, "gcc-ar", 6) || !strncmp(name, "gcc-nm", 6) ||
	    !strncmp(name, "gcc-ranlib", 10))
		return xasprintf("questions\narg -B%s\n", libs);
	return xasprintf("questions\n"
			 "env GCC_EXEC_PREFIX=/usr/lib/gcc/\n"
			 "include C_INCLUDE_PATH=%s\n"
			 "include OBJC_INCLUDE_PATH=%s\n"
			 "include++ CPLUS_INCLUDE_PATH=%s\n"
			 "include++ OBJCPLUS_INCLUDE_PATH=%s\n"
			 "include CPLUS_INCLUDE_PATH=%s\n"
			 "include OBJCPLUS_INCLUDE_PATH=%s\n", c, c, cxx, cxx, c, c);
}

/* /usr/bin/M-*: drivers, binutils, and what else comes with a compiler. */
static void add_programs(struct candidates *l, const struct side *root,
			 const struct side *native_root, const char *multiarch,
			 const struct strv *bin)
{
	size_t n = strlen(multiarch);

	for (size_t i = 0; i < bin->n; i++) {
		_cleanup_free_ char *path = NULL, *real = NULL;
		struct candidate *c;
		const char *name;

		if (strncmp(bin->v[i], multiarch, n) || bin->v[i][n] != '-')
			continue;
		name = bin->v[i] + n + 1;
		/* pkgconf is no compiler */
		if (!strncmp(name, "pkg", 3))
			continue;
		path = xasprintf("/usr/bin/%s", bin->v[i]);
		/* a link's program is listed under its own name */
		if (beneath_realpath(root->fd, path, &real) < 0 || strcmp(path, real))
			continue;
		c = candidate_add(l, root, native_root, path, path, TIER_TOOLCHAIN);
		if (!c)
			continue;
		if (is_driver(name)) {
			c->kind = CANDIDATE_WRAPPED;
			c->conf = driver_conf(name, multiarch);
		}
		candidate_check(c, root, native_root,
				is_gcc(name) ? MATCH_RELEASE : MATCH_EXACT);
	}
}

/* The programs and plugins of one gcc version, which its drivers start. */
static void add_internals(struct candidates *l, const struct side *root,
			  const struct side *native_root, const char *multiarch,
			  const char *version)
{
	static const char *const names[] = {
		"cc1", "cc1plus", "cc1obj", "cc1objplus", "f951", "d21", "gnat1", "go1",
		"lto1", "lto-wrapper", "collect2", "g++-mapper-server",
		"liblto_plugin.so",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = xasprintf("/usr/lib/gcc/%s/%s/%s", multiarch,
						      version, names[i]);
		_cleanup_free_ char *native = xasprintf("/usr/lib/gcc-cross/%s/%s/%s",
							multiarch, version, names[i]);
		struct candidate *c = candidate_add(l, root, native_root, path, native,
						    TIER_TOOLCHAIN);

		if (!c)
			continue;
		if (strstr(names[i], ".so"))
			c->kind = CANDIDATE_LIBRARY;
		candidate_check(c, root, native_root, MATCH_RELEASE);
	}
}

static int missing_cross(const struct side *root, const char *multiarch, struct err *e)
{
	int r = err_set(e, -ERR_UNSUPPORTED,
			"the native root has no cross compiler for %s", root->arch->name);

	err_hint(e, "install gcc-%s and g++-%s there (Debian), or name another native "
		    "root with --native-root", multiarch, multiarch);
	return r;
}

static int find(struct candidates *l, const struct side *root,
		const struct side *native_root, struct err *e)
{
	_cleanup_strv_ struct strv multiarchs = { 0 }, bin = { 0 };
	const char *multiarch = NULL;
	bool cross = false;

	if (beneath_list(root->fd, "/usr/lib/gcc", &multiarchs) < 0)
		return 0;
	/* of a tuple per installed foreign compiler, the one with the root's own cpu */
	for (size_t i = 0; i < multiarchs.n; i++)
		if (arch_by_tuple(multiarchs.v[i]) == root->arch &&
		    !strstr(multiarchs.v[i], "-unknown-") &&
		    !strstr(multiarchs.v[i], "-pc-"))
			multiarch = multiarchs.v[i];
	if (!multiarch)
		return 0;

	_cleanup_free_ char *dir = xasprintf("/usr/lib/gcc/%s", multiarch);
	_cleanup_free_ char *cross_dir = xasprintf("/usr/lib/gcc-cross/%s", multiarch);
	_cleanup_strv_ struct strv versions = { 0 }, crosses = { 0 };

	beneath_list(root->fd, dir, &versions);
	beneath_list(native_root->fd, cross_dir, &crosses);
	for (size_t i = 0; i < versions.n; i++)
		cross = cross || strv_has(&crosses, versions.v[i]);
	beneath_list(root->fd, "/usr/bin", &bin);
	add_programs(l, root, native_root, multiarch, &bin);
	for (size_t i = 0; i < versions.n; i++)
		add_internals(l, root, native_root, multiarch, versions.v[i]);
	if (cross)
		return 1;
	return missing_cross(root, multiarch, e);
}

const struct toolchain_driver toolchain_debian = { "Debian multiarch", find };
