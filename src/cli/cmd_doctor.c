// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "cli/cli.h"
#include "core/doctor.h"
#include "mech/json.h"

static int show_json(const struct doctor *d, struct err *e)
{
	_cleanup_json_ struct json *doc = json_arr();

	for (size_t i = 0; i < d->n; i++) {
		const struct check *c = &d->v[i];
		struct json *o = json_obj();

		json_set_str(o, "name", c->name);
		json_set_str(o, "status", check_status_name(c->status));
		json_set_str(o, "detail", c->detail);
		json_set_str(o, "mend", c->mend);
		json_append(doc, o);
	}
	return json_print(stdout, doc, e);
}

static void show(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct check *c = &d->v[i];

		printf("%-8s %-18s %s\n", check_status_name(c->status), c->name,
		       c->detail);
		if (c->mend)
			printf("%-8s %-18s -> %s\n", "", "", c->mend);
	}
}

static int doctor_main(const struct cmd *cmd, int argc, char **argv)
{
	_cleanup_doctor_ struct doctor d = { 0 };
	struct given g;
	struct err e = { 0 };
	int r = opts_parse(cmd, argc, argv, &g);
	bool json;

	if (r >= 0)
		return r;
	json = given_has(&g, "json");
	given_free(&g);
	doctor_examine(&d);
	if (json && show_json(&d, &e) < 0)
		return ui_error(&e);
	if (!json)
		show(&d);
	for (size_t i = 0; i < d.n; i++)
		if (d.v[i].status == CHECK_MISSING)
			return EXIT_FAILURE;
	return 0;
}

static const struct opt opts[] = {
	{ 0, "json", NULL, "print an array of {name, status, detail, mend}" },
	OPT_COMMON
};

const struct cmd cmd_doctor = {
	"doctor", "", "tell what this machine lacks, and how to mend it", opts, 0,
	0, doctor_main
};
