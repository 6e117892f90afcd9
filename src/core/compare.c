// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/compare.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "mech/ar.h"
#include "mech/elf.h"
#include "os/beneath.h"

/* How much of a differing string is shown. */
#define STRING_MAX 80

struct comparison {
	int a, b;
	const char *name_a, *name_b;
	const struct strv *ignored;
	struct differences *out;
	struct err *e;
};

static void add(struct comparison *c, const char *path, const char *what, char *detail)
{
	struct differences *d = c->out;

	xgrow(&d->v, &d->cap, d->n, sizeof(*d->v));
	d->v[d->n++] = (struct difference){ xstrdup(path), xstrdup(what), detail };
}

static bool is_ignored(const struct comparison *c, const char *path)
{
	for (size_t i = 0; i < c->ignored->n; i++)
		if (!fnmatch(c->ignored->v[i], path, 0) ||
		    !fnmatch(c->ignored->v[i], path_base(path), 0))
			return true;
	return false;
}

struct map {
	const unsigned char *data;
	size_t n;
};

static void unmap(struct map *m)
{
	if (m->n)
		munmap((void *)m->data, m->n);
}

static int map_file(int dirfd, const char *path, size_t n, struct map *m)
{
	_cleanup_close_ int fd = beneath_open(dirfd, path, O_RDONLY | O_CLOEXEC, 0);
	void *p;

	*m = (struct map){ 0 };
	if (fd < 0)
		return fd;
	if (!n)
		return 0;
	p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*m = (struct map){ p, n };
	return 0;
}

static size_t first_difference(const struct map *a, const struct map *b)
{
	size_t n = a->n < b->n ? a->n : b->n, i = 0;

	while (i < n && a->data[i] == b->data[i])
		i++;
	return i;
}

/* The printable run around @off, in quotes; "" where there is none. */
static char *string_around(const struct map *m, size_t off)
{
	size_t from = off, to = off;

	while (from > 0 && off - from < STRING_MAX / 2 && isprint(m->data[from - 1]))
		from--;
	while (to < m->n && to - off < STRING_MAX / 2 && isprint(m->data[to]))
		to++;
	if (to - from < 4)
		return xstrdup("");
	return xasprintf("\"%.*s\"", (int)(to - from), (const char *)m->data + from);
}

/* Where two files differ, in words; and the offsets there, to quote what is. */
struct place {
	char *words; /* NULL: nothing better than the offset is known */
	size_t a, b;
};

static void place_in_elf(const struct map *a, const struct map *b, struct place *p)
{
	struct elf_difference d;

	if (!elf_compare(a->data, a->n, b->data, b->n, &d))
		return;
	p->words = xasprintf("section %s%s%s", d.section, d.symbol ? ", symbol " : "",
			     d.symbol ? d.symbol : "");
	if (d.more) {
		_cleanup_free_ char *words = p->words;

		p->words = xasprintf("%s (and %zu more sections)", words, d.more);
	}
	p->a = d.a;
	p->b = d.b;
	free(d.section);
	free(d.symbol);
}

/* The first member that differs; members are in the same order or all is lost. */
static void place_in_archive(struct ar *a, struct ar *b, struct place *p)
{
	struct ar_member x, y;

	while (ar_next(a, &x) == 1 && ar_next(b, &y) == 1) {
		struct place inner = { 0 };

		if (!x.data || !y.data || (x.n == y.n && !memcmp(x.data, y.data, x.n)))
			continue;
		place_in_elf(&(struct map){ (const unsigned char *)x.data, x.n },
			     &(struct map){ (const unsigned char *)y.data, y.n }, &inner);
		p->words = xasprintf("member %.*s%s%s", (int)x.name_len, x.name,
				     inner.words ? ", " : "",
				     inner.words ? inner.words : "");
		p->a = (size_t)(x.data - a->data) + inner.a;
		p->b = (size_t)(y.data - b->data) + inner.b;
		free(inner.words);
		return;
	}
}

static bool is_text(const struct map *m)
{
	return m->n && !memchr(m->data, '\0', m->n);
}

static size_t line_of(const struct map *m, size_t off)
{
	size_t line = 1;

	for (size_t i = 0; i < off; i++)
		line += m->data[i] == '\n';
	return line;
}

static char *explain(const struct comparison *c, const struct map *a, const struct map *b)
{
	struct place p = { .a = first_difference(a, b), .b = first_difference(a, b) };
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *in_a = NULL, *in_b = NULL;
	struct ar ar_a, ar_b;

	if (ar_open(&ar_a, a->data, a->n) && ar_open(&ar_b, b->data, b->n))
		place_in_archive(&ar_a, &ar_b, &p);
	else if (a->n && b->n)
		place_in_elf(a, b, &p);
	if (p.words)
		buf_adds(&text, p.words);
	else if (is_text(a) && is_text(b))
		buf_addf(&text, "line %zu", line_of(a, p.a));
	else
		buf_addf(&text, "byte %#zx", p.a);
	if (a->n != b->n)
		buf_addf(&text, "; %zu bytes and %zu bytes", a->n, b->n);
	in_a = string_around(a, p.a);
	in_b = string_around(b, p.b);
	if (*in_a || *in_b)
		buf_addf(&text, "; %s %s, %s %s", c->name_a, in_a, c->name_b, in_b);
	free(p.words);
	return TAKE_PTR(text.data);
}

static int compare_files(struct comparison *c, const char *path, const struct stat *sa,
			 const struct stat *sb)
{
	_cleanup_(unmap) struct map a = { 0 }, b = { 0 };
	int r = map_file(c->a, path, (size_t)sa->st_size, &a);

	if (!r)
		r = map_file(c->b, path, (size_t)sb->st_size, &b);
	if (r < 0)
		return err_set(c->e, r, "read '%s' to compare it", path);
	if (a.n != b.n || (a.n && memcmp(a.data, b.data, a.n)))
		add(c, path, "content", explain(c, &a, &b));
	return 0;
}

static void compare_links(struct comparison *c, const char *path)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t na = readlinkat(c->a, path, a, sizeof(a)), nb = readlinkat(c->b, path, b,
									   sizeof(b));

	if (na < 0 || na != nb || memcmp(a, b, (size_t)na))
		add(c, path, "target of the link",
		    xasprintf("%s %.*s, %s %.*s", c->name_a, (int)(na < 0 ? 0 : na), a,
			      c->name_b, (int)(nb < 0 ? 0 : nb), b));
}

static int compare_dirs(struct comparison *c, const char *dir);

static int compare_one(struct comparison *c, const char *path)
{
	struct stat a, b;
	bool in_a = !fstatat(c->a, path, &a, AT_SYMLINK_NOFOLLOW);
	bool in_b = !fstatat(c->b, path, &b, AT_SYMLINK_NOFOLLOW);

	c->out->files++;
	if (!in_a || !in_b) {
		_cleanup_free_ char *what = xasprintf("only at tier %s",
						      in_a ? c->name_a : c->name_b);

		add(c, path, what, NULL);
		return 0;
	}
	if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT)) {
		add(c, path, "type", NULL);
		return 0;
	}
	if (a.st_mode != b.st_mode)
		add(c, path, "mode",
		    xasprintf("%s %o, %s %o", c->name_a, a.st_mode & 07777u, c->name_b,
			      b.st_mode & 07777u));
	if (S_ISDIR(a.st_mode))
		return compare_dirs(c, path);
	if (S_ISLNK(a.st_mode))
		compare_links(c, path);
	else if (S_ISREG(a.st_mode))
		return compare_files(c, path, &a, &b);
	return 0;
}

static int compare_dirs(struct comparison *c, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = beneath_list(c->a, dir, &names);

	if (!r)
		r = beneath_list(c->b, dir, &names);
	if (r < 0)
		return err_set(c->e, r, "read the directory '%s' to compare it", dir);
	strv_sort(&names);
	for (size_t i = 0; !r && i < names.n; i++) {
		_cleanup_free_ char *path = strcmp(dir, ".") ?
						    path_join(dir, names.v[i]) :
						    xstrdup(names.v[i]);

		if (i && !strcmp(names.v[i - 1], names.v[i]))
			continue;
		if (!is_ignored(c, path))
			r = compare_one(c, path);
	}
	return r;
}

int compare_trees(int a, const char *name_a, int b, const char *name_b,
		  const struct strv *ignored, struct differences *out, struct err *e)
{
	struct comparison c = { a, b, name_a, name_b, ignored, out, e };

	*out = (struct differences){ 0 };
	return compare_dirs(&c, ".");
}

void differences_free(struct differences *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].path);
		free(d->v[i].what);
		free(d->v[i].detail);
	}
	free(d->v);
	*d = (struct differences){ 0 };
}
