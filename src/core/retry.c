// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"
#include "os/fdio.h"
#include "os/lock.h"

#define FAILED "failed."
#define RECORD_LIMIT 4096
#define LEARNT_LIMIT (4 << 20)

static const char head[] =
	"# Written by \"crossroot emerge\": what failed at a higher tier and was tried again.\n"
	"# Delete a line, or this file, to have it tried from the top again.\n";

/* What killed commands left: nobody else's process has their number. */
static void sweep(const struct root *root)
{
	_cleanup_strv_ struct strv names = { 0 };

	beneath_list(root->dir_fd, "/", &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];

		if (!strncmp(name, FAILED, strlen(FAILED)) &&
		    kill(atoi(name + strlen(FAILED)), 0) < 0 && errno == ESRCH)
			beneath_rmtree(root->dir_fd, name, NULL);
	}
}

int retry_begin(struct retry *r, const struct root *root, struct settings *s,
		struct err *e)
{
	_cleanup_free_ char *dir = NULL, *bind = NULL;

	*r = (struct retry){ .root = root, .name = xasprintf(FAILED "%d", (int)getpid()) };
	sweep(root);
	dir = path_join(root->dir, r->name);
	/* builds run as a user of the root's, and leave their records themselves */
	if (mkdirat(root->dir_fd, r->name, 0700) < 0 ||
	    fchmodat(root->dir_fd, r->name, 01777, 0) < 0)
		return err_set(e, -errno, "create '%s'", dir);
	bind = bind_format(dir, "/run/crossroot/failed");
	return settings_set(s, "binds", bind, e);
}

void retry_end(struct retry *r)
{
	beneath_rmtree(r->root->dir_fd, r->name, NULL);
	free(r->name);
	strv_free(&r->seen);
}

/* The place of @phase among those of a build, -1 if it is none. */
static int phase_index(const char *phase)
{
	static const char *const phases[] = { "unpack",	 "prepare", "configure",
					      "compile", "test",    "install" };

	for (int i = 0; i < (int)ARRAY_SIZE(phases); i++)
		if (!strcmp(phase, phases[i]))
			return i;
	return -1;
}

static struct failure *find(struct failures *l, const char *cpv)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].cpv, cpv))
			return &l->v[i];
	xgrow(&l->v, &l->cap, l->n, sizeof(*l->v));
	l->v[l->n] = (struct failure){ .cpv = xstrdup(cpv) };
	return &l->v[l->n++];
}

/* What a name in Portage may have; builds can write anything there. */
static bool is_plain(const char *name)
{
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789+-._:";

	return !name[strspn(name, ok)];
}

/* The record CATEGORY:PF:PHASE with the tier in it; the last phase is what failed. */
static void add_record(int fd, const char *name, struct failures *out)
{
	_cleanup_free_ char *path = path_join("/", name), *text = NULL, *cpv = NULL;
	_cleanup_strv_ struct strv parts = { 0 };
	enum tier tier = TIER_NONE;
	struct failure *f;

	strv_split(&parts, name, ":");
	if (!is_plain(name) || parts.n != 3 || phase_index(parts.v[2]) < 0 ||
	    beneath_read(fd, path, RECORD_LIMIT, &text, NULL, NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	while (tier < TIER_TOOLS && strcmp(text, tier_name(tier)))
		tier++;
	cpv = xasprintf("%s/%s", parts.v[0], parts.v[1]);
	f = find(out, cpv);
	if (f->phase && phase_index(f->phase) > phase_index(parts.v[2]))
		return;
	free(f->phase);
	f->phase = xstrdup(parts.v[2]);
	f->tier = tier;
}

int retry_collect(struct retry *r, struct failures *out, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_close_ int fd = beneath_open(r->root->dir_fd, r->name,
					      O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int err = fd < 0 ? fd : beneath_list(fd, "/", &names);

	*out = (struct failures){ 0 };
	if (err < 0)
		return err_set(e, err, "read what failed in root '%s'", r->root->name);
	for (size_t i = 0; i < names.n; i++) {
		add_record(fd, names.v[i], out);
		unlinkat(fd, names.v[i], 0);
	}
	for (size_t i = 0; i < out->n; i++) {
		struct failure *f = &out->v[i];
		_cleanup_free_ char *word = xasprintf("%s %s", f->cpv, tier_name(f->tier));

		f->final = f->tier == TIER_NONE || strv_has(&r->seen, word);
		strv_add(&r->seen, word);
	}
	return 0;
}

/* Whether @line is about @cpv: "=CATEGORY/PF crossroot/TIER.conf". */
static bool is_about(const char *line, const char *cpv)
{
	size_t n = strlen(cpv);

	return *line == '=' && !strncmp(line + 1, cpv, n) && line[1 + n] == ' ';
}

static void keep_others(const char *text, const struct failures *failed, struct buf *b)
{
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		bool about = *lines.v[i] == '#';

		for (size_t f = 0; f < failed->n && !about; f++)
			about = is_about(lines.v[i], failed->v[f].cpv);
		if (!about)
			buf_addf(b, "%s\n", lines.v[i]);
	}
}

int retry_learn(const struct root *root, const struct failures *failed, struct err *e)
{
	_cleanup_free_ char *old = NULL, *dir = path_dir(RETRY_LEARNT);
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_close_ int fd = -1, lock = -1;

	if (!failed->n)
		return 0;
	lock = lock_take(root->dir_fd, "learnt.lock", LOCK_EXCLUSIVE, true, e);
	if (lock < 0)
		return lock;
	fd = beneath_open(root->tree_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) {
		err_set(e, fd, "open '%s' in root '%s'", dir, root->name);
		return err_hint(e, "'crossroot setup %s' makes it", root->name);
	}
	buf_adds(&b, head);
	if (beneath_read(root->tree_fd, RETRY_LEARNT, LEARNT_LIMIT, &old, NULL, NULL) == 0)
		keep_others(old, failed, &b);
	for (size_t i = 0; i < failed->n; i++)
		if (!failed->v[i].final)
			buf_addf(&b, "=%s crossroot/%s.conf\n", failed->v[i].cpv,
				 tier_name(failed->v[i].tier - 1));
	return fdio_publish(fd, path_base(RETRY_LEARNT), b.data, b.len, 0644, e);
}

void failures_free(struct failures *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].cpv);
		free(f->v[i].phase);
	}
	free(f->v);
	*f = (struct failures){ 0 };
}
