// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gentoo's layout. T is the target's tuple, B the native root's, V a slot of gcc, W
 * a version of binutils; the root has its compiler as a stage3 has it, the native
 * root a cross compiler as crossdev installs it:
 *
 *				root			native root
 *	selected		/etc/env.d/gcc/config-T	(all slots are looked at)
 *	where drivers are	GCC_PATH of /etc/env.d/gcc/T-V, in both:
 *				/usr/T/gcc-bin/V	/usr/B/T/gcc-bin/V
 *	their names		gcc, T-gcc, T-gcc-V	T-gcc
 *	cc1, collect2, ...	/usr/libexec/gcc/T/V	the same
 *	binutils		/usr/T/binutils-bin/W	/usr/B/T/binutils-bin/W
 *
 * Everything is read from files; no program of the target is run.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "core/toolchain.h"
#include "os/beneath.h"

#define ENV_GCC "/etc/env.d/gcc"
#define ENV_BINUTILS "/etc/env.d/binutils"
#define ENV_LIMIT 65536

struct gentoo {
	struct candidates *l;
	const struct side *root, *native_root;
	const char *tuple;
};

/* The value of KEY=VALUE or KEY="VALUE" in an env.d file, NULL if it has none. */
static char *env_get(const struct side *s, const char *path, const char *key)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = { 0 };
	size_t n = strlen(key);

	if (beneath_read(s->fd, path, ENV_LIMIT, &text, NULL, NULL) < 0)
		return NULL;
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *v = lines.v[i] + n + 1;

		if (strncmp(lines.v[i], key, n) || lines.v[i][n] != '=')
			continue;
		v += *v == '"' || *v == '\'';
		return xstrndup(v, strcspn(v, "\"'"));
	}
	return NULL;
}

/* The tuple whose compiler was selected in the root and makes its own programs. */
static char *own_tuple(const struct side *root)
{
	_cleanup_strv_ struct strv names = { 0 };

	beneath_list(root->fd, ENV_GCC, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *tuple = names.v[i] + strlen("config-");

		if (!strncmp(names.v[i], "config-", strlen("config-")) &&
		    arch_by_tuple(tuple) == root->arch)
			return xstrdup(tuple);
	}
	return NULL;
}

/* The slots of gcc that @s has for T: the V of each env.d/gcc/T-V. */
static void slots(const struct side *s, const char *tuple, struct strv *out)
{
	_cleanup_strv_ struct strv names = { 0 };
	size_t n = strlen(tuple);

	beneath_list(s->fd, ENV_GCC, &names);
	for (size_t i = 0; i < names.n; i++)
		if (!strncmp(names.v[i], tuple, n) && names.v[i][n] == '-')
			strv_add(out, names.v[i] + n + 1);
}

static char *gcc_path(const struct side *s, const char *tuple, const char *slot)
{
	_cleanup_free_ char *env = xasprintf(ENV_GCC "/%s-%s", tuple, slot);

	return env_get(s, env, "GCC_PATH");
}

/* "T-gcc-12" and "T-gcc" and "gcc" are all the driver "gcc". */
static char *plain_name(const char *name, const char *tuple, const char *slot)
{
	_cleanup_free_ char *suffix = xasprintf("-%s", slot);
	size_t n = strlen(tuple), len, s = strlen(suffix);

	if (!strncmp(name, tuple, n) && name[n] == '-')
		name += n + 1;
	len = strlen(name);
	return xstrndup(name, len > s && !strcmp(name + len - s, suffix) ? len - s : len);
}

static bool is_compiler(const char *name)
{
	static const char *const names[] = { "gcc", "g++", "c++", "cpp", "gfortran",
					     "gdc", "gnat*", "gccgo" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!fnmatch(names[i], name, 0))
			return true;
	return false;
}

/*
 * GCC_EXEC_PREFIX makes the cross compiler look for its parts where the root's own
 * has them; its sysroot would be /usr/T. gcc-ar and its like find no plugin by
 * GCC_EXEC_PREFIX. NULL: a program that needs to be told nothing.
 */
static char *conf_of(const struct gentoo *g, const char *name, const char *slot)
{
	_cleanup_free_ char *parts = xasprintf("/usr/libexec/gcc/%s/%s", g->tuple, slot);

	if (!fnmatch("gcc-*", name, 0))
		return xasprintf("questions\narg -B%s\n", parts);
	if (!is_compiler(name))
		return NULL;
	return xstrdup("questions\nenv GCC_EXEC_PREFIX=/usr/lib/gcc/\narg --sysroot=/\n");
}

static void add_drivers(const struct gentoo *g, const char *slot, const char *ours,
			const char *theirs)
{
	_cleanup_strv_ struct strv names = { 0 };

	beneath_list(g->root->fd, ours, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *name = plain_name(names.v[i], g->tuple, slot);
		_cleanup_free_ char *path = path_join(ours, names.v[i]);
		_cleanup_free_ char *native =
			xasprintf("%s/%s-%s", theirs, g->tuple, name);
		struct candidate *c = candidate_add(g->l, g->root, g->native_root, path,
						    native, TIER_TOOLCHAIN);

		if (!c)
			continue;
		c->conf = conf_of(g, name, slot);
		if (c->conf)
			c->kind = CANDIDATE_WRAPPED;
		candidate_check(c, g->root, g->native_root, MATCH_ANY);
	}
}

static void add_internals(const struct gentoo *g, const char *slot)
{
	_cleanup_free_ char *dir = xasprintf("/usr/libexec/gcc/%s/%s", g->tuple, slot);
	_cleanup_strv_ struct strv names = { 0 };

	beneath_list(g->root->fd, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = path_join(dir, names.v[i]);
		bool library = !fnmatch("*.so*", names.v[i], 0);
		struct candidate *c;

		/* headers of plugins, libtool's files, directories of scripts */
		if (!library && strchr(names.v[i], '.'))
			continue;
		if (!strcmp(names.v[i], "plugin") || !strcmp(names.v[i], "install-tools"))
			continue;
		c = candidate_add(g->l, g->root, g->native_root, path, path,
				  TIER_TOOLCHAIN);
		if (!c)
			continue;
		if (library)
			c->kind = CANDIDATE_LIBRARY;
		candidate_check(c, g->root, g->native_root, MATCH_ANY);
	}
}

/* Swap every slot that both have; *@selected says if the root's selected one is. */
static void add_gcc(const struct gentoo *g, const char *current, bool *selected,
		    char **native_dir)
{
	_cleanup_strv_ struct strv all = { 0 };

	slots(g->root, g->tuple, &all);
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_free_ char *ours = gcc_path(g->root, g->tuple, all.v[i]);
		_cleanup_free_ char *theirs =
			gcc_path(g->native_root, g->tuple, all.v[i]);

		if (!ours)
			continue;
		/* a slot that only the root has is listed with that as the reason */
		add_drivers(g, all.v[i], ours, theirs ? theirs : ours);
		add_internals(g, all.v[i]);
		if (!theirs)
			continue;
		if (!strcmp(all.v[i], current))
			*selected = true;
		/* /usr/B/T/gcc-bin/V: the binutils are beside gcc-bin */
		if (!*native_dir) {
			_cleanup_free_ char *bin = path_dir(theirs);

			*native_dir = path_dir(bin);
		}
	}
}

static char *binutils_version(const struct side *s, const char *tuple)
{
	_cleanup_free_ char *env = xasprintf(ENV_BINUTILS "/config-%s", tuple);

	return env_get(s, env, "CURRENT");
}

/* The version of @s's gcc as its packages have it, or NULL. */
static const char *gcc_version(const struct side *s, const char *tuple, const char *slot)
{
	_cleanup_free_ char *cc1 = xasprintf("/usr/libexec/gcc/%s/%s/cc1", tuple, slot);
	const struct pkg *p = s->db ? pkgdb_owner(s->db, cc1) : NULL;

	return p ? p->version : NULL;
}

static char *what_to_install(const struct gentoo *g, const char *gcc,
			     const char *binutils)
{
	return xasprintf("crossdev --gcc %s --binutils %s -t %s", gcc,
			 binutils ? binutils : "VERSION", g->tuple);
}

static void add_binutils(const struct gentoo *g, const char *slot, const char *native_dir)
{
	_cleanup_free_ char *ours = binutils_version(g->root, g->tuple);
	_cleanup_free_ char *theirs = binutils_version(g->native_root, g->tuple);
	_cleanup_free_ char *dir = NULL, *install = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	const char *gcc = gcc_version(g->root, g->tuple, slot);

	if (!ours)
		return;
	install = what_to_install(g, gcc ? gcc : slot, ours);
	dir = xasprintf("/usr/%s/binutils-bin/%s", g->tuple, ours);
	beneath_list(g->root->fd, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = path_join(dir, names.v[i]);
		_cleanup_free_ char *native =
			xasprintf("%s/binutils-bin/%s/%s", native_dir,
				  theirs ? theirs : ours, names.v[i]);
		struct candidate *c = candidate_add(g->l, g->root, g->native_root, path,
						    native, TIER_TOOLCHAIN);

		if (c && !theirs)
			candidate_refuse(c,
					 "the native root selects no binutils for it: %s",
					 install);
		else if (c)
			candidate_check(c, g->root, g->native_root, MATCH_ANY);
	}
}

/* Other versions than the root's make other bytes, but programs that work. */
static void warn_unequal(const struct gentoo *g, const char *slot)
{
	const char *ours = gcc_version(g->root, g->tuple, slot);
	const char *theirs = gcc_version(g->native_root, g->tuple, slot);
	_cleanup_free_ char *binutils = binutils_version(g->root, g->tuple);
	_cleanup_free_ char *their_binutils = binutils_version(g->native_root, g->tuple);
	_cleanup_free_ char *install = NULL;

	if (!ours || !theirs || !binutils || !their_binutils)
		return;
	if (!strcmp(ours, theirs) && !strcmp(binutils, their_binutils))
		return;
	install = what_to_install(g, ours, binutils);
	log_warn("the root has gcc %s and binutils %s, the native root's cross compiler "
		 "is gcc %s with binutils %s: what they build can differ; install the "
		 "root's there: %s", ours, binutils, theirs, their_binutils, install);
}

/* No cross compiler of the root's slot: say what there is and what to install. */
static int no_match(const struct gentoo *g, const char *current, struct err *e)
{
	const char *known = gcc_version(g->root, g->tuple, current);
	const char *version = known ? known : current;
	_cleanup_free_ char *install = NULL;
	_cleanup_free_ char *binutils = binutils_version(g->root, g->tuple);
	_cleanup_strv_ struct strv there = { 0 };
	_cleanup_buf_ struct buf list = { 0 };
	int r;

	slots(g->native_root, g->tuple, &there);
	for (size_t i = 0; i < there.n; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", there.v[i]);
	if (there.n)
		r = err_set(e, -ERR_MISMATCH,
			    "the root's compiler is gcc %s, the native root's cross "
			    "compiler for %s is gcc %s", version, g->tuple, list.data);
	else
		r = err_set(e, -ERR_UNSUPPORTED,
			    "the native root has no cross compiler for %s", g->tuple);
	install = what_to_install(g, version, binutils);
	err_hint(e, "install it there: %s", install);
	return r;
}

static int find(struct candidates *l, const struct side *root,
		const struct side *native_root, struct err *e)
{
	_cleanup_free_ char *tuple = own_tuple(root), *env = NULL, *name = NULL;
	_cleanup_free_ char *native_dir = NULL;
	struct gentoo g = { l, root, native_root, tuple };
	bool selected = false;
	const char *current;

	if (!tuple)
		return 0;
	env = xasprintf(ENV_GCC "/config-%s", tuple);
	name = env_get(root, env, "CURRENT");
	if (!name || strncmp(name, tuple, strlen(tuple)) || name[strlen(tuple)] != '-')
		return err_set(e, -ERR_FORMAT, "'%s' of the root selects no compiler",
			       env);
	current = name + strlen(tuple) + 1;
	add_gcc(&g, current, &selected, &native_dir);
	if (!selected)
		return no_match(&g, current, e);
	add_binutils(&g, current, native_dir);
	warn_unequal(&g, current);
	return 1;
}

const struct toolchain_driver toolchain_gentoo = { "Gentoo", find };
