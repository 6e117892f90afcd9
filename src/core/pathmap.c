// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/pathmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct key {
	const char *s;
	size_t n;
	uint64_t hash;
};

struct slot {
	const char *s; /* NULL: free */
	uint32_t n, pkg;
	uint64_t hash;
};

struct alias {
	char *from, *to; /* both end in a slash */
	size_t from_len;
};

struct diversion {
	struct key from, to;
	char *owner;
};

struct pathmap {
	struct slot *slots; /* open addressing, at most half full */
	size_t cap, used;
	struct alias *aliases;
	size_t naliases, aliases_cap;
	struct diversion *divs;
	size_t ndivs, divs_cap;
	struct strv texts; /* what the slots point into */
};

struct pathmap *pathmap_new(void)
{
	struct pathmap *m = xcalloc(1, sizeof(*m));

	m->cap = 1024;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	return m;
}

void pathmap_free(struct pathmap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->naliases; i++) {
		free(m->aliases[i].from);
		free(m->aliases[i].to);
	}
	for (size_t i = 0; i < m->ndivs; i++)
		free(m->divs[i].owner);
	free(m->aliases);
	free(m->divs);
	free(m->slots);
	strv_free(&m->texts);
	free(m);
}

/* Eight bytes a step: the paths of a system are some 8 MB. */
static uint64_t hash_bytes(const char *s, size_t n)
{
	uint64_t h = n, w;

	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&w, s, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	w = 0;
	memcpy(&w, s, n);
	h = (h ^ w) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* The canonical spelling of a path; a new string is owned by the map. */
static struct key normal(struct pathmap *m, const char *s, size_t n)
{
	for (size_t i = 0; i < m->naliases; i++) {
		const struct alias *a = &m->aliases[i];

		if (n <= a->from_len || memcmp(s, a->from, a->from_len))
			continue;
		strv_addf(&m->texts, "%s%.*s", a->to, (int)(n - a->from_len),
			  s + a->from_len);
		s = m->texts.v[m->texts.n - 1];
		n = strlen(s);
		break;
	}
	return (struct key){ s, n, hash_bytes(s, n) };
}

static bool key_is(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->n == b->n && !memcmp(a->s, b->s, a->n);
}

/* The slot of @k, or the free one where it belongs. */
static struct slot *slot_of(const struct pathmap *m, const struct key *k)
{
	size_t i = k->hash & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->slots[i];

		if (!s->s || (s->hash == k->hash && s->n == k->n &&
			      !memcmp(s->s, k->s, k->n)))
			return s;
	}
}

static void grow(struct pathmap *m, size_t more)
{
	struct slot *old = m->slots;
	size_t old_cap = m->cap;

	if ((m->used + more) * 2 <= m->cap)
		return;
	while ((m->used + more) * 2 > m->cap)
		m->cap *= 2;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < old_cap; i++) {
		struct key k = { old[i].s, old[i].n, old[i].hash };

		if (k.s)
			*slot_of(m, &k) = old[i];
	}
	free(old);
}

void pathmap_alias(struct pathmap *m, const char *from, const char *to)
{
	struct alias a = { xasprintf("%s/", from), xasprintf("%s/", to), 0 };

	a.from_len = strlen(a.from);
	xgrow(&m->aliases, &m->aliases_cap, m->naliases, sizeof(a));
	m->aliases[m->naliases++] = a;
}

void pathmap_divert(struct pathmap *m, const char *from, const char *to,
		    const char *owner)
{
	struct diversion d = { .owner = xstrdup(owner) };

	strv_add(&m->texts, from);
	from = m->texts.v[m->texts.n - 1];
	strv_add(&m->texts, to);
	to = m->texts.v[m->texts.n - 1];
	d.from = normal(m, from, strlen(from));
	d.to = normal(m, to, strlen(to));
	xgrow(&m->divs, &m->divs_cap, m->ndivs, sizeof(d));
	m->divs[m->ndivs++] = d;
}

static const struct diversion *diversion_of(const struct pathmap *m, const struct key *k)
{
	for (size_t i = 0; i < m->ndivs; i++)
		if (key_is(&m->divs[i].from, k))
			return &m->divs[i];
	return NULL;
}

void pathmap_add_lines(struct pathmap *m, char *text, size_t n, size_t pkg,
		       const char *name, bool preferred)
{
	const char *end = text + n, *nl;
	size_t lines = 1;

	for (const char *s = text; (s = memchr(s, '\n', (size_t)(end - s))); s++)
		lines++;
	grow(m, lines);
	strv_take(&m->texts, text);
	for (const char *s = text; s < end; s = nl + 1) {
		const struct diversion *d;
		struct slot *slot;
		struct key k;

		nl = memchr(s, '\n', (size_t)(end - s));
		if (!nl)
			nl = end;
		if (*s != '/')
			continue;
		k = normal(m, s, (size_t)(nl - s));
		d = diversion_of(m, &k);
		if (d && strcmp(d->owner, name))
			k = d->to;
		slot = slot_of(m, &k);
		if (slot->s && !preferred)
			continue;
		m->used += !slot->s;
		*slot = (struct slot){ k.s, (uint32_t)k.n, (uint32_t)pkg, k.hash };
	}
}

/* A question leaves no string behind. */
static void forget(struct pathmap *m, size_t texts)
{
	while (m->texts.n > texts)
		free(m->texts.v[--m->texts.n]);
}

size_t pathmap_find(struct pathmap *m, const char *path)
{
	size_t texts = m->texts.n;
	struct key k = normal(m, path, strlen(path));
	const struct slot *s = slot_of(m, &k);

	forget(m, texts);
	return s->s ? s->pkg : PATHMAP_NONE;
}

const char *pathmap_diverted_by(struct pathmap *m, const char *path)
{
	size_t texts = m->texts.n;
	struct key k = normal(m, path, strlen(path));
	const struct diversion *d = diversion_of(m, &k);

	forget(m, texts);
	return d ? d->owner : NULL;
}
