// SPDX-License-Identifier: GPL-2.0-or-later
/* How list and info say what a root is. */
#include <inttypes.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "core/snapshot.h"
#include "core/status.h"
#include "mech/json.h"

char *ui_age(int64_t since)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	int64_t age = (int64_t)time(NULL) - since;
	size_t u = 0;

	if (!since)
		return xstrdup("-");
	if (age < 0)
		age = 0;
	while (units[u].seconds > 1 && age < units[u].seconds)
		u++;
	return xasprintf("%" PRId64 " %s", age / units[u].seconds, units[u].unit);
}

char *ui_size(uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	double n = (double)bytes / 1024;
	size_t u = 0;

	while (n >= 1024 && units[u + 1]) {
		n /= 1024;
		u++;
	}
	return xasprintf("%.*f %ciB", n < 10, n, units[u]);
}

char *ui_state_text(const struct status *st)
{
	struct buf b = { 0 };

	buf_adds(&b, root_state_name(st->state));
	for (size_t i = 0; i < st->npids; i++)
		buf_addf(&b, "%s%d", i ? ", " : " (", (int)st->pids[i].pid);
	if (st->npids)
		buf_adds(&b, ")");
	return b.data;
}

void ui_status_json(const struct status *st, struct json *o)
{
	const struct storage *s = &st->root.storage;
	_cleanup_free_ char *base = storage_base_text(s);
	struct json *pids = json_arr();

	for (size_t i = 0; i < st->npids; i++)
		json_append(pids, json_int(st->pids[i].pid));
	json_set_str(o, "storage", storage_name(s->kind));
	json_set_str(o, "image", s->image);
	json_set_str(o, "base", base);
	json_set_str(o, "state", root_state_name(st->state));
	json_set(o, "pids", pids);
	if (st->created)
		json_set_int(o, "created", st->created);
	else
		json_set_str(o, "created", NULL);
	json_set_str(o, "problem", st->problem);
}

void ui_snapshots_json(const struct storage *s, struct json *o)
{
	struct json *all = json_arr();

	for (size_t i = 0; i < s->snapshots.n; i++) {
		struct json *one = json_obj();

		json_set_int(one, "number", (int64_t)i);
		json_set_int(one, "time", snapshot_time(s, i));
		json_append(all, one);
	}
	json_set(o, "snapshots", all);
}
