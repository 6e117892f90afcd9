// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/cli.h"
#include "core/origin.h"
#include "core/planner.h"
#include "core/qemu.h"
#include "core/snapshot.h"
#include "core/status.h"
#include "mech/json.h"

struct info {
	const struct status *st;
	const struct settings *settings;
	const char *tuple, *qemu, *no_qemu;
	uint64_t bytes;
	struct strv users; /* overlays upon it */
	struct origin origin;
	struct plan plan;
	bool has_origin, has_plan;
};

/* How many programs of this many names fit a line. */
enum { NAMED = 8 };

static struct json *origin_json(const struct origin *o)
{
	struct json *j = json_obj();

	json_set_str(j, "file", o->stage);
	json_set_str(j, "variant", o->variant);
	json_set_str(j, "date", o->date);
	json_set_str(j, "url", o->url);
	json_set_str(j, "key", o->key);
	json_set_bool(j, "verified", o->verified);
	return j;
}

static struct json *plan_json(const struct plan *p)
{
	struct json *j = json_obj(), *not = json_arr();

	for (size_t i = 0; i < p->swaps.n; i++)
		if (p->swaps.v[i].reason)
			json_append(not, json_str(p->swaps.v[i].path));
	json_set_int(j, "matching", (int64_t)plan_count(p, TIER_TOOLS));
	json_set_int(j, "of", (int64_t)p->swaps.n);
	json_set(j, "emulated", not);
	return j;
}

static int show_json(const struct info *in, struct err *e)
{
	_cleanup_json_ struct json *doc = json_obj();
	const struct root *root = &in->st->root;
	struct json *users = json_arr();

	json_set_str(doc, "name", root->name);
	json_set_str(doc, "arch", root->arch->name);
	json_set_str(doc, "target", in->tuple);
	json_set_str(doc, "tree", root->tree);
	json_set_str(doc, "native", tier_name(in->settings->native));
	json_set_str(doc, "native_root", in->settings->native_root);
	json_set_str(doc, "qemu", in->qemu);
	ui_status_json(in->st, doc);
	json_set_int(doc, "size", (int64_t)in->bytes);
	ui_snapshots_json(&root->storage, doc);
	for (size_t i = 0; i < in->users.n; i++)
		json_append(users, json_str(in->users.v[i]));
	json_set(doc, "base_of", users);
	json_set(doc, "stage", in->has_origin ? origin_json(&in->origin) : json_str(NULL));
	json_set(doc, "twins", in->has_plan ? plan_json(&in->plan) : json_str(NULL));
	if (!in->st->problem)
		json_set_str(doc, "problem", in->no_qemu);
	return json_print(stdout, doc, e);
}

static void show_storage(const struct info *in)
{
	const struct storage *s = &in->st->root.storage;
	_cleanup_free_ char *base = storage_base_text(s);
	_cleanup_free_ char *size = ui_size(in->bytes);
	_cleanup_free_ char *age = ui_age(in->st->created);
	_cleanup_free_ char *state = ui_state_text(in->st);

	printf("storage      %s%s\n", storage_name(s->kind),
	       storage_is_read_only(s) ? ", read-only" : "");
	if (s->image)
		printf("image        %s\n", s->image);
	if (base)
		printf("base         %s\n", base);
	printf("size         %s\n", size);
	for (size_t i = 1; i < s->snapshots.n; i++) {
		_cleanup_free_ char *ago = ui_age(snapshot_time(s, i));

		printf("snapshot     %zu, %s ago\n", i, ago);
	}
	for (size_t i = 0; i < in->users.n; i++)
		printf("base of      %s\n", in->users.v[i]);
	printf("created      %s ago\n", age);
	printf("state        %s%s%s\n", state, in->st->problem ? ": " : "",
	       in->st->problem ? in->st->problem : "");
}

static void show_origin(const struct origin *o)
{
	printf("stage        %s, ", o->stage ? o->stage : "?");
	if (o->verified)
		printf("signed by %s\n", o->key ? o->key : "?");
	else
		printf("NOT VERIFIED (--insecure-stage)\n");
	if (o->url)
		printf("fetched from %s\n", o->url);
}

static void show_plan(const struct plan *p)
{
	size_t native = plan_count(p, TIER_TOOLS), named = 0;

	printf("twins        %zu of %zu programs", native, p->swaps.n);
	for (size_t i = 0; i < p->swaps.n; i++) {
		if (!p->swaps.v[i].reason)
			continue;
		if (named < NAMED)
			printf("%s%s", named ? ", " : "; emulated: ",
			       path_base(p->swaps.v[i].path));
		named++;
	}
	if (named > NAMED)
		printf(" and %zu more", named - NAMED);
	puts(named ? "; 'crossroot plan' says why" : "");
}

/* Whether the files of a root can be looked at with nothing mounted for that. */
static bool in_sight(const struct status *st)
{
	const struct storage *s = &st->root.storage;

	return (st->state == ROOT_READY || st->state == ROOT_RUNNING) &&
	       (s->kind == STORAGE_TMPFS || (s->kind == STORAGE_DIR && !s->base));
}

static void show(const struct info *in)
{
	printf("name         %s\n", in->st->root.name);
	printf("target       %s (%s)\n", in->tuple, in->st->root.arch->name);
	if (in->has_origin)
		show_origin(&in->origin);
	printf("tree         %s\n", in->st->root.tree);
	show_storage(in);
	printf("native       %s\n", tier_name(in->settings->native));
	printf("native root  %s\n", in->settings->native_root);
	if (in->has_plan)
		show_plan(&in->plan);
	else
		printf("twins        %s 'crossroot plan %s'\n",
		       in_sight(in->st) ? "not planned yet:" : "see",
		       in->st->root.name);
	printf("qemu         %s\n",
	       in->qemu ? in->qemu : in->no_qemu ? in->no_qemu : "not needed");
}

/* The plan that is kept, if it still holds. Nothing is locked for it. */
static bool kept_plan(const struct registry *reg, const struct status *st,
		      const struct settings *s, struct plan *plan)
{
	_cleanup_close_ int tree = -1;
	struct root root = st->root;

	if (!in_sight(st))
		return false;
	root.tree_fd = tree =
		open(root.tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return tree >= 0 && planner_kept(&root, s, reg->state, plan);
}

/* What is known of a root without running anything in it. */
static int tell(const struct given *g, const struct registry *reg,
		const struct status *st, const struct settings *s, struct err *e)
{
	struct qemu qemu;
	struct err no_qemu = { 0 };
	struct info in = { .st = st,
			   .settings = s,
			   .tuple = s->target ? s->target : st->root.arch->tuple };
	struct err why = { 0 };
	int r = 0;

	/* another root's damage is no reason to say nothing of this one */
	if (root_users(reg, st->root.name, &in.users, &why) < 0)
		log_warn("%s", why.msg);
	if (st->state != ROOT_BROKEN)
		r = status_size(reg, &st->root, &in.bytes, e);
	qemu_find(st->root.arch, s, &qemu, &no_qemu);
	in.qemu = qemu.path;
	in.no_qemu = no_qemu.msg[0] ? no_qemu.msg : NULL;
	in.has_origin = !origin_read(&in.origin, st->root.dir_fd, NULL);
	in.has_plan = kept_plan(reg, st, s, &in.plan);
	if (!r && given_has(g, "json"))
		r = show_json(&in, e);
	else if (!r)
		show(&in);
	if (in.has_plan)
		plan_free(&in.plan);
	origin_free(&in.origin);
	qemu_free(&qemu);
	strv_free(&in.users);
	return r;
}

static int info_main(const struct cmd *cmd, int argc, char **argv)
{
	struct registry reg;
	struct status st;
	struct settings settings;
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);

	if (r >= 0)
		return r;
	r = ui_look(&g, &reg, &st, &settings, &e);
	if (!r) {
		r = tell(&g, &reg, &st, &settings, &e);
		settings_free(&settings);
		status_free(&st);
		registry_close(&reg);
	}
	given_free(&g);
	return r < 0 ? ui_error(&e) : 0;
}

static const struct opt opts[] = {
	{ 0, "json", NULL, "print JSON" },
	OPT_COMMON
};

const struct cmd cmd_info = {
	"info", "NAME", "print what a root is", opts, 1, 1, info_main
};
