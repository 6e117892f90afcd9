// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mech/config.h"
#include "os/fdio.h"

static const char *const kinds[] = { "dir", "image", "overlay", "tmpfs" };
static const char *const base_kinds[] = { "", "dir:", "file:", "root:" };

enum key_id {
	KEY_KIND,
	KEY_ARCH,
	KEY_IMAGE,
	KEY_OFFSET,
	KEY_LENGTH,
	KEY_TYPE,
	KEY_READ_ONLY,
	KEY_SIZE,
	KEY_BASE,
	KEY_LAYERS,
	KEY_UPPER,
	KEY_SNAPSHOTS,
	KEYS,
};

static const struct config_key keys[KEYS] = {
	[KEY_KIND] = { "kind", false },	    [KEY_ARCH] = { "arch", false },
	[KEY_IMAGE] = { "image", false },   [KEY_OFFSET] = { "offset", false },
	[KEY_LENGTH] = { "length", false }, [KEY_TYPE] = { "type", false },
	[KEY_READ_ONLY] = { "read_only", false },
	[KEY_SIZE] = { "size", false },	    [KEY_BASE] = { "base", false },
	[KEY_LAYERS] = { "layers", true },  [KEY_UPPER] = { "upper", false },
	[KEY_SNAPSHOTS] = { "snapshots", true },
};

bool storage_is_read_only(const struct storage *s)
{
	/* of an overlay it is said of the base */
	return s->kind == STORAGE_IMAGE && s->read_only;
}

const char *storage_name(enum storage_kind kind)
{
	return kinds[kind];
}

int storage_by_name(const char *name, enum storage_kind *kind, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(name, kinds[i])) {
			*kind = (enum storage_kind)i;
			return 0;
		}
	return err_set(e, -ERR_USAGE, "'%s' is no storage: dir, image, overlay or tmpfs",
		       name);
}

void storage_free(struct storage *s)
{
	free(s->arch);
	free(s->image);
	free(s->type);
	free(s->size);
	free(s->base);
	strv_free(&s->layers);
	free(s->upper);
	strv_free(&s->snapshots);
	*s = (struct storage){ 0 };
}

static void replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

static int set_bytes(uint64_t *field, const char *value, struct err *e)
{
	if (!*value || value[strspn(value, "0123456789")])
		return err_set(e, -ERR_CONFIG, "'%s' is no number", value);
	*field = strtoull(value, NULL, 10);
	return 0;
}

static int set_base(struct storage *s, const char *value, struct err *e)
{
	for (size_t i = BASE_DIR; i < ARRAY_SIZE(base_kinds); i++) {
		size_t n = strlen(base_kinds[i]);

		if (strncmp(value, base_kinds[i], n) || !value[n])
			continue;
		s->base_kind = (enum base_kind)i;
		replace(&s->base, value + n);
		return 0;
	}
	return err_set(e, -ERR_CONFIG, "'%s' is no base", value);
}

/* An id becomes part of a path. */
static int check_id(const char *value, struct err *e)
{
	if (!*value || value[strspn(value, "0123456789abcdef")])
		return err_set(e, -ERR_CONFIG, "'%s' is no layer", value);
	return 0;
}

static int set_overlay(struct storage *s, enum key_id id, const char *value,
		       struct err *e)
{
	if (id == KEY_SNAPSHOTS) {
		if (value[strspn(value, "0123456789@")])
			return err_set(e, -ERR_CONFIG, "'%s' is no snapshot", value);
		strv_add(&s->snapshots, value);
		return 0;
	}
	if (check_id(value, e) < 0)
		return -ERR_CONFIG;
	if (id == KEY_UPPER)
		replace(&s->upper, value);
	else
		strv_add(&s->layers, value);
	return 0;
}

static int set(void *arg, const struct config_key *key, const char *value, struct err *e)
{
	struct storage *s = arg;
	enum key_id id = (enum key_id)(key - keys);

	switch (id) {
	case KEY_KIND:
		return storage_by_name(value, &s->kind, e);
	case KEY_ARCH:
		replace(&s->arch, value);
		return 0;
	case KEY_IMAGE:
		replace(&s->image, value);
		return 0;
	case KEY_OFFSET:
		return set_bytes(&s->offset, value, e);
	case KEY_LENGTH:
		return set_bytes(&s->length, value, e);
	case KEY_TYPE:
		replace(&s->type, value);
		return 0;
	case KEY_READ_ONLY:
		s->read_only = !strcmp(value, "yes");
		return 0;
	case KEY_SIZE:
		replace(&s->size, value);
		return 0;
	case KEY_BASE:
		return set_base(s, value, e);
	case KEY_LAYERS:
	case KEY_UPPER:
	case KEY_SNAPSHOTS:
		return set_overlay(s, id, value, e);
	case KEYS:
		break;
	}
	return err_set(e, -EINVAL, "set '%s'", key->name);
}

int storage_read(int dir_fd, struct storage *s, struct err *e)
{
	struct err why = { 0 };
	int r;

	*s = (struct storage){ 0 };
	r = config_read(dir_fd, STORAGE_FILE, keys, KEYS, set, s, &why);
	if (r == -ENOENT)
		return 0;
	if (!r && s->kind == STORAGE_OVERLAY &&
	    (!s->upper || (!s->layers.n && s->base_kind == BASE_NONE)))
		r = err_set(&why, -ERR_CONFIG, "%s: an overlay without layers",
			    STORAGE_FILE);
	if (r < 0) {
		storage_free(s);
		if (e)
			*e = why;
	}
	return r;
}

static int put(struct buf *b, enum key_id id, const char *value, struct err *e)
{
	return value ? config_put(b, keys[id].name, value, e) : 0;
}

static int put_bytes(struct buf *b, enum key_id id, uint64_t n)
{
	if (n)
		buf_addf(b, "%s = %" PRIu64 "\n", keys[id].name, n);
	return 0;
}

static int put_list(struct buf *b, enum key_id id, const struct strv *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++)
		r = put(b, id, l->v[i], e);
	return r;
}

char *storage_base_text(const struct storage *s)
{
	if (s->base_kind == BASE_NONE)
		return NULL;
	return xasprintf("%s%s", base_kinds[s->base_kind], s->base);
}

int storage_write(int dir_fd, const struct storage *s, struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_free_ char *base = storage_base_text(s);
	int r;

	buf_adds(&b, "# crossroot's own: a change by hand can lose the root\n"
		     "[crossroot]\n");
	r = put(&b, KEY_KIND, kinds[s->kind], e);
	if (!r)
		r = put(&b, KEY_ARCH, s->arch, e);
	if (!r)
		r = put(&b, KEY_IMAGE, s->image, e);
	put_bytes(&b, KEY_OFFSET, s->offset);
	put_bytes(&b, KEY_LENGTH, s->length);
	if (!r)
		r = put(&b, KEY_TYPE, s->type, e);
	if (!r && s->read_only)
		r = put(&b, KEY_READ_ONLY, "yes", e);
	if (!r)
		r = put(&b, KEY_SIZE, s->size, e);
	if (!r)
		r = put(&b, KEY_BASE, base, e);
	if (!r)
		r = put_list(&b, KEY_LAYERS, &s->layers, e);
	if (!r)
		r = put(&b, KEY_UPPER, s->upper, e);
	if (!r)
		r = put_list(&b, KEY_SNAPSHOTS, &s->snapshots, e);
	return r < 0 ? r : fdio_publish(dir_fd, STORAGE_FILE, b.data, b.len, 0600, e);
}

int storage_parse_size(const char *text, uint64_t *bytes, struct err *e)
{
	static const char units[] = "kmgt";
	size_t n = strspn(text, "0123456789");
	const char *unit = NULL;
	unsigned shift = 0;

	errno = 0;
	*bytes = strtoull(text, NULL, 10);
	if (n && text[n] && !text[n + 1])
		unit = strchr(units, text[n] | 0x20);
	if (unit)
		shift = 10 * (unsigned)(unit - units + 1);
	if (!n || errno || !*bytes || (text[n] && !unit) ||
	    *bytes > (uint64_t)INT64_MAX >> shift)
		return err_set(e, -ERR_USAGE,
			       "'%s' is no size: a number, with k, m, g or t behind",
			       text);
	*bytes <<= shift;
	return 0;
}
