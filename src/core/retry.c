// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"
#include "os/fdio.h"

#define FAILED "failed"
#define RECORD_LIMIT 4096
#define LEARNT_LIMIT (4 << 20)

static const char head[] =
	"# Written by \"crossroot emerge\": what failed at a higher tier and was tried again.\n"
	"# Delete a line, or this file, to have it tried from the top again.\n";

int retry_begin(const struct root *root, struct settings *s, struct err *e)
{
	_cleanup_free_ char *dir = path_join(root->dir, FAILED), *bind = NULL;
	int r = beneath_rmtree(root->dir_fd, FAILED, e);

	if (r < 0)
		return r;
	/* builds run as a user of the root's, and leave their records themselves */
	if (mkdirat(root->dir_fd, FAILED, 0700) < 0 ||
	    fchmodat(root->dir_fd, FAILED, 01777, 0) < 0)
		return err_set(e, -errno, "create '%s'", dir);
	bind = bind_format(dir, "/run/crossroot/failed");
	return settings_set(s, "binds", bind, e);
}

static bool is_build_phase(const char *phase)
{
	static const char *const phases[] = { "unpack",	 "prepare", "configure",
					      "compile", "test",    "install" };

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (!strcmp(phase, phases[i]))
			return true;
	return false;
}

/* The record CATEGORY:PF with "PHASE TIER" in it; anything else is ignored. */
static void add_record(int fd, const char *name, struct failures *out)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv words = { 0 };
	const char *colon = strchr(name, ':');
	enum tier tier = TIER_NONE;

	if (!colon || fdio_read_file(fd, name, RECORD_LIMIT, &text, NULL, NULL) < 0)
		return;
	strv_split(&words, text, " \n");
	if (words.n != 2)
		return;
	while (tier < TIER_TOOLS && strcmp(words.v[1], tier_name(tier)))
		tier++;
	xgrow(&out->v, &out->cap, out->n, sizeof(*out->v));
	out->v[out->n++] = (struct failure){
		.cpv = xasprintf("%.*s/%s", (int)(colon - name), name, colon + 1),
		.phase = xstrdup(words.v[0]),
		.tier = tier,
		.final = tier == TIER_NONE || !is_build_phase(words.v[0]),
	};
}

int retry_collect(const struct root *root, struct failures *out, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_close_ int fd = beneath_open(root->dir_fd, FAILED,
					      O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int r = fd < 0 ? fd : beneath_list(fd, "/", &names);

	*out = (struct failures){ 0 };
	if (r < 0)
		return err_set(e, r, "read what failed in root '%s'", root->name);
	for (size_t i = 0; i < names.n; i++) {
		add_record(fd, names.v[i], out);
		unlinkat(fd, names.v[i], 0);
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
	_cleanup_close_ int fd = -1;

	if (!failed->n)
		return 0;
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
