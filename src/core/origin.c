// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/origin.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macro.h"
#include "mech/config.h"
#include "os/fdio.h"

#define FILE_NAME "origin"

enum { STAGE, VARIANT, DATE, URL, KEY, VERIFIED, FIELDS };

static const struct config_key keys[FIELDS] = {
	[STAGE] = { "stage", false }, [VARIANT] = { "variant", false },
	[DATE] = { "date", false },   [URL] = { "url", false },
	[KEY] = { "key", false },     [VERIFIED] = { "verified", false },
};

static char **field(struct origin *o, size_t id)
{
	char **const fields[] = { &o->stage, &o->variant, &o->date, &o->url, &o->key };

	return fields[id];
}

void origin_free(struct origin *o)
{
	for (size_t i = 0; i < VERIFIED; i++)
		free(*field(o, i));
	*o = (struct origin){ 0 };
}

static int set(void *arg, const struct config_key *key, const char *value, struct err *e)
{
	struct origin *o = arg;
	size_t id = (size_t)(key - keys);

	(void)e;
	if (id == VERIFIED) {
		o->verified = !strcmp(value, "yes");
		return 0;
	}
	free(*field(o, id));
	*field(o, id) = xstrdup(value);
	return 0;
}

int origin_read(struct origin *o, int dirfd, struct err *e)
{
	int r;

	*o = (struct origin){ 0 };
	r = config_read(dirfd, FILE_NAME, keys, FIELDS, set, o, e);
	if (r < 0)
		origin_free(o);
	return r;
}

int origin_write(const struct origin *o, int dirfd, struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, "[crossroot]\n");
	for (size_t i = 0; i < VERIFIED; i++) {
		const char *value = *field((struct origin *)o, i);

		/* of a URL nothing is taken but what is a name in quotes */
		if (value && !strpbrk(value, "\"\r\n"))
			buf_addf(&b, "%s = \"%s\"\n", keys[i].name, value);
	}
	buf_addf(&b, "verified = %s\n", o->verified ? "yes" : "no");
	return fdio_publish(dirfd, FILE_NAME, b.data, b.len, 0644, e);
}
