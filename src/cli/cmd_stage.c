// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "core/natives.h"
#include "core/stage_cache.h"
#include "mech/arch.h"
#include "mech/json.h"

static int need_root(struct err *e)
{
	if (geteuid() == 0)
		return 0;
	err_set(e, -ERR_UNSUPPORTED, "the cache of stages is root's");
	return err_hint(e, "try again with sudo");
}

/* The stages of one cache: of those in @doc, or printed. */
static int list_cache(const char *path, bool verified, struct json *doc, struct err *e)
{
	_cleanup_stage_cache_ struct stage_cache cache = { .fd = -1 };
	_cleanup_strv_ struct strv names = { 0 };
	char variant[STAGE_VARIANT_SIZE], date[MIRROR_DATE_SIZE];
	struct stat st;
	int r = stage_cache_open(&cache, path, e);

	if (!r)
		r = stage_cache_list(&cache, &names, e);
	for (size_t i = 0; !r && i < names.n; i++) {
		if (fstatat(cache.fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    mirror_split(names.v[i], variant, date, NULL) < 0)
			continue;
		if (doc) {
			_cleanup_free_ char *file = xasprintf("%s/%s", cache.path, names.v[i]);
			struct json *o = json_obj();

			json_set_str(o, "path", file);
			json_set_str(o, "variant", variant);
			json_set_str(o, "date", date);
			json_set_int(o, "size", st.st_size);
			json_set_bool(o, "verified", verified);
			json_append(doc, o);
		} else {
			printf("%-60s %6.1f MB%s\n", names.v[i], (double)st.st_size / 1e6,
			       verified ? "" : "  NOT VERIFIED");
		}
	}
	return r;
}

static int list(struct ui_stage *u, const struct given *g, struct err *e)
{
	_cleanup_json_ struct json *doc = given_has(g, "json") ? json_arr() : NULL;
	struct stage_source unverified = u->source;
	_cleanup_free_ char *path = NULL;
	int r = list_cache(u->source.cache, true, doc, e);

	unverified.insecure = true;
	path = stage_cache_path(&unverified);
	if (!r && access(path, F_OK) == 0)
		r = list_cache(path, false, doc, e);
	return r < 0 || !doc ? r : json_print(stdout, doc, e);
}

/* Fetch the stage of --target; without one, the one for this machine. */
static int fetch(struct ui_stage *u, const struct given *g, struct err *e)
{
	const char *tuple = given_get(g, "target");
	const struct arch *host = arch_host();
	struct stage_id id;
	struct stage s = { .fd = -1 };
	int r;

	if (!tuple)
		tuple = host ? host->tuple : "this machine";
	r = ui_fetch(u, tuple, given_get(g, "variant"), NULL, &id, &s, e);
	if (!r && !u->progress.json)
		puts(s.path);
	stage_close(&s);
	return r;
}

/* Of a stage that nobody signed for there is nothing to verify. */
static int tell_unverified(const struct ui_stage *u, struct err *e)
{
	_cleanup_stage_cache_ struct stage_cache cache = { .fd = -1 };
	_cleanup_strv_ struct strv names = { 0 };
	struct stage_source unverified = u->source;
	_cleanup_free_ char *path = NULL;
	int r;

	unverified.insecure = true;
	path = stage_cache_path(&unverified);
	if (access(path, F_OK) < 0)
		return 0;
	r = stage_cache_open(&cache, path, e);
	if (!r)
		r = stage_cache_list(&cache, &names, e);
	for (size_t i = 0; !r && i < names.n; i++)
		fprintf(stderr, "crossroot: WARNING: NOT VERIFIED, nobody signed for it: "
			"%s/%s\n", cache.path, names.v[i]);
	return r;
}

/* One file of the cache, or all of them: each is told about. */
static int verify(struct ui_stage *u, const struct given *g, struct err *e)
{
	_cleanup_stage_cache_ struct stage_cache cache = { .fd = -1 };
	_cleanup_strv_ struct strv names = { 0 };
	int bad = 0, r;

	if (u->source.insecure)
		return err_set(e, -ERR_USAGE, "--insecure-stage: what nobody signed for "
			       "cannot be verified");
	r = stage_cache_open(&cache, u->source.cache, e);
	if (!r && g->nargs == 1)
		r = tell_unverified(u, e);
	if (!r && g->nargs > 1)
		strv_add(&names, g->args[1]);
	else if (!r)
		r = stage_cache_list(&cache, &names, e);
	for (size_t i = 0; !r && i < names.n; i++) {
		int v = stage_verify(&u->source, names.v[i], e);

		progress_end(&u->progress);
		printf("%s: %s\n", names.v[i], v ? e->msg : "ok");
		bad += v != 0;
	}
	if (r < 0 || !bad)
		return r;
	return err_set(e, -ERR_VERIFY, "%d of %zu stages cannot be verified", bad, names.n);
}

static int prune_cache(const char *path, unsigned keep, struct strv *removed,
		       struct err *e)
{
	_cleanup_stage_cache_ struct stage_cache cache = { .fd = -1 };
	int r = stage_cache_open(&cache, path, e);

	return r < 0 ? r : stage_cache_prune(&cache, keep, removed, e);
}

static int prune(struct ui_stage *u, const struct given *g, struct err *e)
{
	const char *keep = given_get(g, "keep");
	const char *const files[] = { ui_machine_file(), given_get(g, "config"), NULL };
	struct stage_source unverified = u->source;
	_cleanup_strv_ struct strv removed = { 0 };
	_cleanup_free_ char *path = NULL;
	struct registry reg;
	char *end = "";
	unsigned long n = keep ? strtoul(keep, &end, 10) : 1;
	int r;

	if (*end || (keep && !*keep) || n > 1000)
		return err_set(e, -ERR_USAGE, "--keep: '%s' is no number", keep);
	unverified.insecure = true;
	path = stage_cache_path(&unverified);
	r = prune_cache(u->source.cache, (unsigned)n, &removed, e);
	if (!r && access(path, F_OK) == 0)
		r = prune_cache(path, (unsigned)n, &removed, e);
	if (!r)
		r = ui_registry(g, &reg, e);
	if (!r) {
		r = natives_prune(reg.state, files, &removed, e);
		registry_close(&reg);
	}
	for (size_t i = 0; i < removed.n; i++)
		printf("removed %s\n", removed.v[i]);
	return r;
}

static const struct {
	const char *name;
	int nargs;
	int (*run)(struct ui_stage *u, const struct given *g, struct err *e);
} actions[] = {
	{ "list", 1, list }, { "fetch", 1, fetch }, { "verify", 2, verify },
	{ "prune", 1, prune },
};

static int stage_main(const struct cmd *cmd, int argc, char **argv)
{
	struct ui_stage u;
	struct given g;
	struct err e = { 0 };
	size_t a = 0;
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	while (a < ARRAY_SIZE(actions) && strcmp(actions[a].name, g.args[0]))
		a++;
	if (a == ARRAY_SIZE(actions) || g.nargs > actions[a].nargs) {
		usage_print(stderr, cmd);
		given_free(&g);
		return EXIT_USAGE;
	}
	r = need_root(&e);
	if (!r)
		r = ui_stage(&g, &u, &e);
	if (!r) {
		r = actions[a].run(&u, &g, &e);
		ui_stage_close(&u);
	}
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "target", "TUPLE", "fetch: what the stage is for (this machine)" },
	OPT_STAGE,
	{ 0, "config", "FILE", "read settings from here too" },
	{ 0, "keep", "N", "prune: how many of each kind to keep (1)" },
	{ 0, "json", NULL, "list: print JSON" },
	OPT_COMMON
};

const struct cmd cmd_stage = {
	"stage", "list|fetch|verify|prune [FILE]", "keep fetched stages, verified", opts, 1, 2,
	stage_main
};
