// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define GENTOO "https://distfiles.gentoo.org"

/* --mirror takes the place of those of the files. */
static int choose_mirrors(const struct given *g, struct settings *s, struct err *e)
{
	bool first = true;

	for (size_t i = 0; i < g->n; i++) {
		if (strcmp(g->v[i].opt->name, "mirror"))
			continue;
		if (first)
			strv_free(&s->mirrors);
		first = false;
		if (settings_set(s, "mirrors", g->v[i].value, e) < 0) {
			err_wrap(e, "--mirror");
			return e->code = -ERR_USAGE;
		}
	}
	return s->mirrors.n ? 0 : settings_set(s, "mirrors", GENTOO, e);
}

int ui_stage(const struct given *g, struct ui_stage *u, struct err *e)
{
	const char *file = given_get(g, "config");
	int r;

	*u = (struct ui_stage){ 0 };
	settings_init(&u->settings);
	r = progress_init(&u->progress, g, e);
	if (!r)
		r = ui_machine(&u->settings, e);
	if (!r && file)
		r = settings_read(&u->settings, AT_FDCWD, file, e);
	if (!r)
		r = choose_mirrors(g, &u->settings, e);
	if (r < 0) {
		ui_stage_close(u);
		return r;
	}
	u->watch = (struct stage_watch){ progress_stage, &u->progress };
	u->unpack = (struct archive_progress){ progress_unpack, &u->progress };
	u->init = given_get(g, "init");
	u->source = (struct stage_source){
		.mirrors = &u->settings.mirrors,
		.keyring = u->settings.keyring,
		.cache = u->settings.stage_cache,
		.timeout = u->settings.mirror_timeout,
		.tries = u->settings.mirror_tries,
		.insecure = given_has(g, "insecure-stage"),
		.watch = &u->watch,
	};
	return 0;
}

void ui_stage_close(struct ui_stage *u)
{
	progress_end(&u->progress);
	settings_free(&u->settings);
}

int ui_fetch(struct ui_stage *u, const char *tuple, const char *variant, const char *date,
	     struct stage_id *id, struct stage *out, struct err *e)
{
	int r = stage_table_find(tuple, u->init, variant, id, e);

	if (!r)
		r = stage_get(&u->source, id, date, out, e);
	progress_end(&u->progress);
	if (!r && u->source.insecure)
		fprintf(stderr, "crossroot: WARNING: nobody signed for '%s'; whoever "
			"answers for the mirror decides what runs here as root\n",
			out->file.name);
	return r;
}
