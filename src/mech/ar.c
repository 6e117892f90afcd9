// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/ar.h"

#include <ar.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define THINMAG "!<thin>\n"

bool ar_open(struct ar *a, const void *data, size_t n)
{
	if (n < SARMAG || (memcmp(data, ARMAG, SARMAG) && memcmp(data, THINMAG, SARMAG)))
		return false;
	*a = (struct ar){ .data = data, .n = n, .at = SARMAG };
	a->thin = !memcmp(data, THINMAG, SARMAG);
	return true;
}

/* A decimal number, padded with blanks. */
static bool number(const char *s, size_t n, size_t *out)
{
	size_t i = 0, v = 0;

	/* no field is so wide that this overflows: at most 15 digits */
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
		v = v * 10 + (size_t)(s[i] - '0');
	*out = v;
	if (!i)
		return false;
	for (; i < n; i++)
		if (s[i] != ' ')
			return false;
	return true;
}

static size_t length_before(const char *s, size_t n, char end)
{
	const char *at = memchr(s, end, n);

	return at ? (size_t)(at - s) : n;
}

/* Give @m the name that the header means. */
static int set_name(struct ar *a, const struct ar_hdr *h, struct ar_member *m)
{
	size_t v;

	if (h->ar_name[0] == '/') {
		/* "/OFFSET" in the table, where a name ends in "/\n" */
		if (!number(h->ar_name + 1, 15, &v) || v >= a->names_len)
			return -ERR_FORMAT;
		m->name = a->names + v;
		m->name_len = length_before(m->name, a->names_len - v, '\n');
		if (m->name_len && m->name[m->name_len - 1] == '/')
			m->name_len--;
	} else if (!memcmp(h->ar_name, "#1/", 3)) {
		/* BSD: before the data, padded with NULs */
		if (a->thin || !number(h->ar_name + 3, 13, &v) || v > m->n)
			return -ERR_FORMAT;
		m->name = m->data;
		m->name_len = length_before(m->data, v, '\0');
		m->data += v;
		m->n -= v;
	} else {
		m->name = h->ar_name;
		m->name_len = length_before(h->ar_name, sizeof(h->ar_name), '/');
		if (m->name_len == sizeof(h->ar_name))
			while (m->name_len && m->name[m->name_len - 1] == ' ')
				m->name_len--;
	}
	return 1;
}

static bool named(const struct ar_hdr *h, const char *name)
{
	size_t n = strlen(name);

	return !memcmp(h->ar_name, name, n) && h->ar_name[n] == ' ';
}

int ar_next(struct ar *a, struct ar_member *m)
{
	for (;;) {
		/* all its fields are characters: no alignment */
		const struct ar_hdr *h = (const void *)(a->data + a->at);
		bool names, table;
		size_t size;

		/* ar pads with a newline, also at the end */
		if (a->n - a->at < 2)
			return 0;
		if (a->n - a->at < sizeof(*h) || memcmp(h->ar_fmag, ARFMAG, 2) ||
		    !number(h->ar_size, sizeof(h->ar_size), &size))
			return -ERR_FORMAT;
		a->at += sizeof(*h);
		names = named(h, "//");
		table = names || named(h, "/") || named(h, "/SYM64/");
		*m = (struct ar_member){ .n = size };
		if (!a->thin || table) {
			if (size > a->n - a->at)
				return -ERR_FORMAT;
			m->data = a->data + a->at;
			a->at += size;
			a->at += a->at < a->n && (a->at & 1);
		}
		if (names) {
			a->names = m->data;
			a->names_len = size;
		}
		if (!table)
			return set_name(a, h, m);
	}
}
