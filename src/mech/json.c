// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"

/* A struct json is jansson's json_t; only this file knows. */
static json_t *unwrap(const struct json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct json *wrap(json_t *t)
{
	return (struct json *)t;
}

/* With keys and strings made valid before, jansson fails only without memory. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Length of the UTF-8 sequence at @s, 0 when it is none (overlong, surrogate, cut). */
static size_t utf8_len(const unsigned char *s)
{
	size_t n;
	unsigned char lo = 0x80, hi = 0xbf; /* what the second byte may be */

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		n = 2;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		n = 3;
		if (s[0] == 0xe0)
			lo = 0xa0;
		else if (s[0] == 0xed)
			hi = 0x9f;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		n = 4;
		if (s[0] == 0xf0)
			lo = 0x90;
		else if (s[0] == 0xf4)
			hi = 0x8f;
	} else {
		return 0;
	}
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf) /* the final NUL stops here too */
			return 0;
	return n;
}

/* @s made valid, into @b; a replaced byte stays visible in the output. */
static const char *valid(struct buf *b, const char *s)
{
	buf_adds(b, "");
	while (*s) {
		size_t n = utf8_len((const unsigned char *)s);

		if (n) {
			buf_add(b, s, n);
		} else {
			buf_adds(b, "\xef\xbf\xbd");
			n = 1;
		}
		s += n;
	}
	return b->data;
}

struct json *json_obj(void)
{
	json_t *t = json_object();

	must(t);
	return wrap(t);
}

struct json *json_arr(void)
{
	json_t *t = json_array();

	must(t);
	return wrap(t);
}

struct json *json_str(const char *s)
{
	_cleanup_buf_ struct buf b = { 0 };
	json_t *t;

	if (!s)
		return wrap(json_null());
	t = json_string(valid(&b, s));
	must(t);
	return wrap(t);
}

struct json *json_int(int64_t v)
{
	return wrap(json_integer(v));
}

void json_set(struct json *obj, const char *key, struct json *child)
{
	_cleanup_buf_ struct buf b = { 0 };

	must(!json_object_set_new(unwrap(obj), valid(&b, key), unwrap(child)));
}

void json_set_str(struct json *obj, const char *key, const char *s)
{
	json_set(obj, key, json_str(s));
}

void json_set_int(struct json *obj, const char *key, int64_t v)
{
	json_set(obj, key, json_int(v));
}

void json_set_bool(struct json *obj, const char *key, bool v)
{
	json_set(obj, key, wrap(json_boolean(v)));
}

void json_append(struct json *arr, struct json *child)
{
	must(!json_array_append_new(unwrap(arr), unwrap(child)));
}

int json_print(FILE *f, const struct json *j, struct err *e)
{
	errno = 0;
	if (json_dumpf(unwrap(j), f, JSON_INDENT(2)) || fputc('\n', f) == EOF || fflush(f))
		return err_set(e, errno ? -errno : -EIO, "write JSON");
	return 0;
}

void json_free(struct json *j)
{
	json_decref(unwrap(j));
}

void json_freep(struct json **j)
{
	json_free(*j);
}
