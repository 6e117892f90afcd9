// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/planner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "core/closure.h"
#include "core/plan_cache.h"
#include "core/portage.h"
#include "core/probe.h"
#include "core/sandbox.h"
#include "core/toolchain.h"
#include "core/tools.h"
#include "os/beneath.h"

static bool is_excluded(const struct settings *s, const char *path)
{
	return strv_has(&s->excluded_swaps, path) ||
	       strv_has(&s->excluded_swaps, path_base(path));
}

static int open_db(struct side *s, struct err *e)
{
	int r = pkgdb_open(s->fd, &s->db, e);

	if (r != -ERR_UNSUPPORTED)
		return r;
	/* without one no version is known: every candidate says so */
	s->db = NULL;
	*e = (struct err){ 0 };
	return 0;
}

static int find_candidates(struct plan *p, const struct root *root, int native_fd,
			   const struct settings *s, struct err *e)
{
	struct side ours = { .fd = root->tree_fd, .arch = root->arch };
	struct side native = { .fd = native_fd };
	int r = root_detect_arch(native_fd, &native.arch, e);

	if (r < 0) {
		err_wrap(e, "native root '%s'", s->native_root);
		return r;
	}
	if (native.arch != arch_host())
		return err_set(e, -ERR_MISMATCH,
			       "the native root '%s' is for %s: this machine cannot run it",
			       s->native_root, native.arch->name);
	r = open_db(&ours, e);
	if (!r)
		r = open_db(&native, e);
	if (!r)
		r = toolchain_find(&p->swaps, &ours, &native, e);
	if (!r)
		tools_find(&p->swaps, &ours, &native, &s->extra_swaps);
	if (!r)
		portage_find(&p->swaps, &ours, &native);
	for (size_t i = 0; !r && i < p->swaps.n; i++)
		if (is_excluded(s, p->swaps.v[i].path))
			candidate_refuse(&p->swaps.v[i], "excluded by the configuration");
	if (ours.db)
		pkgdb_close(ours.db);
	if (native.db)
		pkgdb_close(native.db);
	return r;
}

static int build_layer(struct plan *p, int native_fd, const char *layers_dir,
		       struct err *e)
{
	/* what glibc loads by name: thread cancellation, users and hosts */
	static const char *const by_name[] = { "libgcc_s.so.1", "libnss_files.so.2",
					       "libnss_compat.so.2", "libnss_dns.so.2" };
	struct closure *closure = closure_new(native_fd, e);
	int r;

	if (!closure)
		return e->code;
	for (size_t i = 0; i < p->swaps.n; i++) {
		struct candidate *c = &p->swaps.v[i];
		struct err why = { 0 };

		if (c->reason)
			continue;
		r = c->kind == CANDIDATE_SCRIPT ?
			    portage_closure(c, native_fd, closure, &why) :
			    closure_add(closure, c->native, &why);
		if (r < 0)
			candidate_refuse(c, "%s", why.msg);
	}
	for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
		closure_add_named(closure, by_name[i]);
	sandbox_closure(p, closure);
	r = layer_ensure(layers_dir, p->native_root, closure, &p->layer, e);
	p->has_layer = !r;
	closure_free(closure);
	return r;
}

static int make_plan(const struct root *root, const struct settings *s, int native_fd,
		     const char *layers_dir, struct plan *p, struct err *e)
{
	int r;

	log_info("planning the swaps of root '%s'", root->name);
	*p = (struct plan){ .native_root = xstrdup(s->native_root),
			    .machine = root->arch->uname };
	r = find_candidates(p, root, native_fd, s, e);
	if (!r && plan_count(p, TIER_TOOLS))
		r = build_layer(p, native_fd, layers_dir, e);
	if (!r && plan_count(p, TIER_TOOLS))
		r = probe_plan(root, s, p, e);
	return r;
}

/* Which compiler is selected changes without any package (gcc-config, eselect). */
static void add_selected(struct buf *b, int fd)
{
	static const char *const dirs[] = { "/etc/env.d/gcc", "/etc/env.d/binutils" };

	for (size_t d = 0; d < ARRAY_SIZE(dirs); d++) {
		_cleanup_strv_ struct strv names = { 0 };

		beneath_list(fd, dirs[d], &names);
		for (size_t i = 0; i < names.n; i++) {
			_cleanup_free_ char *path = path_join(dirs[d], names.v[i]);
			_cleanup_free_ char *stamp = NULL;

			if (strncmp(names.v[i], "config-", strlen("config-")))
				continue;
			stamp = beneath_stamp(fd, path);
			buf_addf(b, " %s %s", names.v[i], stamp);
		}
	}
}

/* What a plan depends on, beside the programs themselves. */
static int plan_key(const struct root *root, const struct settings *s, int native_fd,
		    char **key, struct err *e)
{
	/* another build of crossroot may have other ideas of what to swap and how */
	struct stat self = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	char ours[64], native[64];
	int r = pkgdb_fingerprint(root->tree_fd, ours, e);

	if (!r)
		r = pkgdb_fingerprint(native_fd, native, e);
	if (r < 0)
		return r;
	stat("/proc/self/exe", &self);
	buf_addf(&b, "%jx.%jx %s %s %s", (uintmax_t)self.st_ino,
		 (uintmax_t)self.st_mtim.tv_sec, s->native_root, ours, native);
	add_selected(&b, root->tree_fd);
	add_selected(&b, native_fd);
	for (size_t i = 0; i < s->extra_swaps.n; i++)
		buf_addf(&b, " +%s", s->extra_swaps.v[i]);
	for (size_t i = 0; i < s->excluded_swaps.n; i++)
		buf_addf(&b, " -%s", s->excluded_swaps.v[i]);
	*key = TAKE_PTR(b.data);
	return 0;
}

/* What a plan of @root is made of and known by; the caller closes *@native_fd. */
static int begin(const struct root *root, const struct settings *s, int *native_fd,
		 char **key, struct err *e)
{
	*native_fd = open(s->native_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*native_fd < 0)
		return err_set(e, -errno, "open the native root '%s'", s->native_root);
	return plan_key(root, s, *native_fd, key, e);
}

static int load(const struct root *root, const struct settings *s, int native_fd,
		const char *key, const char *layers_dir, struct plan *out)
{
	if (!plan_load(root, native_fd, key, layers_dir, out))
		return 0;
	out->native_root = xstrdup(s->native_root);
	out->machine = root->arch->uname;
	return 1;
}

int planner_get(const struct root *root, const struct settings *s, const char *state,
	     struct plan *out, struct err *e)
{
	_cleanup_free_ char *layers_dir = path_join(state, "layers"), *key = NULL;
	_cleanup_close_ int native_fd = -1;
	int r;

	*out = (struct plan){ 0 };
	r = begin(root, s, &native_fd, &key, e);
	if (r < 0)
		return r;
	if (load(root, s, native_fd, key, layers_dir, out))
		return 0;
	r = make_plan(root, s, native_fd, layers_dir, out, e);
	if (!r)
		r = plan_save(root, native_fd, key, out, e);
	if (!r)
		r = planner_prune(state, e);
	if (r < 0)
		plan_free(out);
	return r;
}

int planner_kept(const struct root *root, const struct settings *s, const char *state,
		 struct plan *out)
{
	_cleanup_free_ char *layers_dir = path_join(state, "layers"), *key = NULL;
	_cleanup_close_ int native_fd = -1;

	*out = (struct plan){ 0 };
	return !begin(root, s, &native_fd, &key, NULL) &&
	       load(root, s, native_fd, key, layers_dir, out);
}

int planner_prune(const char *state, struct err *e)
{
	_cleanup_free_ char *layers_dir = path_join(state, "layers");
	_cleanup_strv_ struct strv keys = { 0 };
	int r = plan_layers(state, &keys, e);

	return r < 0 ? r : layer_prune(layers_dir, &keys, e);
}
