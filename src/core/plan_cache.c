// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/plan_cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"
#include "os/fdio.h"

#define PLAN_FILE "plan"
#define PLAN_LIMIT (4 << 20)
#define PLAN_HEAD "crossroot plan 1 " VERSION

/*
 * One record a line, its fields between tabs; a tab, newline or backslash in a
 * field is escaped, and NULL is "\0" spelled out.
 */
static void put_field(struct buf *b, const char *s)
{
	buf_adds(b, "\t");
	if (!s)
		buf_adds(b, "\\0");
	for (; s && *s; s++) {
		if (*s == '\t')
			buf_adds(b, "\\t");
		else if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s == '\\')
			buf_adds(b, "\\\\");
		else
			buf_add(b, s, 1);
	}
}

/* The next field of the line at *@at, decoded in place; *@null says if it was one. */
static char *take_field(char **at, bool *null)
{
	char *start = *at, *to = start, *from = start;

	if (!start)
		return NULL;
	*null = false;
	for (; *from && *from != '\t'; from++) {
		if (*from != '\\' || !from[1]) {
			*to++ = *from;
			continue;
		}
		from++;
		if (*from == '0')
			*null = true;
		else
			*to++ = *from == 't' ? '\t' : *from == 'n' ? '\n' : *from;
	}
	*at = *from ? from + 1 : NULL;
	*to = '\0';
	return start;
}

static char *dup_field(char **at)
{
	bool null = true;
	char *f = take_field(at, &null);

	return f && !null ? xstrdup(f) : NULL;
}

static bool still(int fd, const char *path, const char *was)
{
	_cleanup_free_ char *is = path ? beneath_stamp(fd, path) : xstrdup("");

	return !strcmp(is, was);
}

static bool load_swap(char *line, const struct root *root, int native_fd, struct plan *p)
{
	struct candidates *l = &p->swaps;
	bool null;

	xgrow(&l->v, &l->cap, l->n, sizeof(*l->v));
	struct candidate *c = &l->v[l->n++];

	*c = (struct candidate){ 0 };
	const char *kind = take_field(&line, &null), *tier = take_field(&line, &null);

	c->path = dup_field(&line);
	c->native = dup_field(&line);
	c->package = dup_field(&line);
	c->conf = dup_field(&line);
	c->reason = dup_field(&line);
	c->note = dup_field(&line);

	_cleanup_free_ char *here = dup_field(&line), *there = dup_field(&line);

	if (!there || !c->path)
		return false;
	c->kind = (enum candidate_kind)atoi(kind);
	c->tier = (enum tier)atoi(tier);
	return still(root->tree_fd, c->path, here) && still(native_fd, c->native, there);
}

static bool load_line(char *line, const struct root *root, int native_fd, const char *key,
		      const char *layers_dir, struct plan *p)
{
	bool null;
	const char *what = take_field(&line, &null);

	if (!what || !line)
		return false;
	if (!strcmp(what, "swap"))
		return load_swap(line, root, native_fd, p);

	const char *value = take_field(&line, &null);

	if (!strcmp(what, "key"))
		return !strcmp(value, key);
	if (!strcmp(what, "env"))
		strv_add(&p->env, value);
	else if (!strcmp(what, "layer"))
		p->has_layer = !layer_open(layers_dir, value, &p->layer, NULL);
	return strcmp(what, "layer") || p->has_layer;
}

int plan_load(const struct root *root, int native_fd, const char *key,
	      const char *layers_dir, struct plan *p)
{
	_cleanup_free_ char *text = NULL;
	size_t n = strlen(PLAN_HEAD "\n");
	char *line, *next;

	*p = (struct plan){ 0 };
	if (fdio_read_file(root->dir_fd, PLAN_FILE, PLAN_LIMIT, &text, NULL, NULL) < 0)
		return 0;
	if (strncmp(text, PLAN_HEAD "\n", n))
		return 0;
	for (line = text + n; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (!load_line(line, root, native_fd, key, layers_dir, p)) {
			plan_free(p);
			return 0;
		}
	}
	return 1;
}

int plan_save(const struct root *root, int native_fd, const char *key,
	      const struct plan *p, struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, PLAN_HEAD "\nkey");
	put_field(&b, key);
	for (size_t i = 0; i < p->env.n; i++) {
		buf_adds(&b, "\nenv");
		put_field(&b, p->env.v[i]);
	}
	if (p->has_layer) {
		buf_adds(&b, "\nlayer");
		put_field(&b, p->layer.key);
	}
	for (size_t i = 0; i < p->swaps.n; i++) {
		const struct candidate *c = &p->swaps.v[i];
		_cleanup_free_ char *here = beneath_stamp(root->tree_fd, c->path);
		_cleanup_free_ char *there =
			c->native ? beneath_stamp(native_fd, c->native) : xstrdup("");

		buf_addf(&b, "\nswap\t%d\t%d", (int)c->kind, (int)c->tier);
		put_field(&b, c->path);
		put_field(&b, c->native);
		put_field(&b, c->package);
		put_field(&b, c->conf);
		put_field(&b, c->reason);
		put_field(&b, c->note);
		put_field(&b, here);
		put_field(&b, there);
	}
	buf_adds(&b, "\n");
	return fdio_publish(root->dir_fd, PLAN_FILE, b.data, b.len, 0644, e);
}

int plan_layers(const char *state, struct strv *keys, struct err *e)
{
	_cleanup_free_ char *roots = path_join(state, "roots");
	_cleanup_closedir_ DIR *d = opendir(roots);
	struct dirent *de;

	if (!d)
		return err_set(e, -errno, "read '%s'", roots);
	while ((de = readdir(d))) {
		_cleanup_free_ char *path = path_join(de->d_name, PLAN_FILE),
				    *text = NULL;
		char *line;

		if (fdio_read_file(dirfd(d), path, PLAN_LIMIT, &text, NULL, NULL) < 0)
			continue;
		line = strstr(text, "\nlayer\t");
		if (!line)
			continue;
		line += strlen("\nlayer\t");
		line[strcspn(line, "\n")] = '\0';
		strv_add(keys, line);
	}
	return 0;
}
