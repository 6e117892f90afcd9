// SPDX-License-Identifier: GPL-2.0-or-later
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/audit_impl.h"
#include "mech/ar.h"
#include "mech/elf.h"

/* How much of what surrounds a hit is kept. */
#define TEXT_BEFORE 80
#define TEXT_AFTER 160
/* A file may be one line, with a hit in each of its words. */
#define RUN_LIMIT 4096

/* One file, or one member of an archive. */
struct scan {
	struct auditing *a;
	const char *path, *member;
	char *image;
	size_t n;
	bool text; /* places are lines */
	struct elf_info elf;
	struct place {
		char *name;
		uint64_t offset, size;
	} *sections;
	size_t sections_n, sections_cap;
	const struct needle *needle; /* that is looked for just now */
};

static bool printable(char c)
{
	return (unsigned char)c >= ' ' && c != 0x7f;
}

static char *where_of(const struct scan *s, size_t at)
{
	const char *nl = s->image;
	size_t line = 1;

	for (size_t i = 0; i < s->sections_n; i++) {
		const struct place *p = &s->sections[i];

		if (at >= p->offset && at - p->offset < p->size)
			return xasprintf("%s+0x%" PRIx64, p->name, at - p->offset);
	}
	if (!s->text)
		return xasprintf("offset 0x%zx", at);
	for (; (nl = memchr(nl, '\n', at - (size_t)(nl - s->image))); nl++)
		line++;
	return xasprintf("line %zu", line);
}

/* What a string of an ELF file is there for; DT_RPATH and the rest are in .dynstr. */
static const char *what_of(const struct scan *s, const char *run, size_t n)
{
	const struct {
		const char *text, *what;
	} known[] = { { s->elf.interp, AUDIT_INTERP },
		      { s->elf.rpath, AUDIT_RPATH },
		      { s->elf.runpath, AUDIT_RUNPATH } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].text && strlen(known[i].text) == n &&
		    !memcmp(known[i].text, run, n))
			return known[i].what;
	return AUDIT_STRING;
}

static bool same_file(const struct scan *s, const struct finding *f)
{
	return !strcmp(f->path, s->path) &&
	       !strcmp(f->member ? f->member : "", s->member ? s->member : "");
}

/*
 * Report the needle found at @at of @data, once in this file for each kind of
 * place. A string that names two of them is reported once. @section NULL: @data
 * is the image.
 */
static void hit(struct scan *s, const char *data, size_t n, size_t at,
		const char *section)
{
	size_t after = at + strlen(s->needle->text), from = at, to = after;
	struct audit *out = s->a->out;
	const char *what, *run;
	struct finding *f;

	while (from && at - from < RUN_LIMIT && printable(data[from - 1]))
		from--;
	while (to < n && to - after < RUN_LIMIT && printable(data[to]))
		to++;
	run = data + from;
	what = what_of(s, run, to - from);
	for (size_t i = out->n; i-- > 0 && same_file(s, &out->v[i]);) {
		f = &out->v[i];
		if (f->run == run)
			return;
		if (f->what == what && f->needle == s->needle) {
			f->more++;
			return;
		}
	}
	if (at - from > TEXT_BEFORE)
		from = at - TEXT_BEFORE;
	if (to - after > TEXT_AFTER)
		to = after + TEXT_AFTER;
	f = audit_add(out, s->path, s->member, what,
		      section ? xasprintf("%s+0x%zx, unpacked", section, at) :
				where_of(s, at),
		      data + from, to - from);
	f->needle = s->needle;
	f->run = run;
	f->host = s->needle->host;
}

static void search(struct scan *s, const char *data, size_t n, const char *section)
{
	for (size_t i = 0; i < s->a->n; i++) {
		const char *at = data, *end = data + n;

		s->needle = &s->a->needles[i];
		for (size_t len = strlen(s->needle->text);
		     (at = memmem(at, (size_t)(end - at), s->needle->text, len));
		     at += len)
			hit(s, data, n, (size_t)(at - data), section);
	}
}

/* Unpacking changes the header in memory: all in one pass. */
static void take_section(void *arg, const struct elf_section *sec)
{
	struct scan *s = arg;
	struct place p = { *sec->name ? xstrdup(sec->name) : xstrdup("unnamed section"),
			   sec->offset, sec->size };

	xgrow(&s->sections, &s->sections_cap, s->sections_n, sizeof(p));
	s->sections[s->sections_n++] = p;
	if (sec->unpacked)
		search(s, sec->unpacked, sec->unpacked_size, p.name);
}

/* Loaders as glibc and musl install them, by the names in arch.c. */
static bool usual_interp(const struct arch *a, const char *interp)
{
	static const char *const known[][2] = {
		{ "x86_64", "/lib64/ld-linux-x86-64.so.2" },
		{ "x86_64", "/lib/ld-musl-x86_64.so.1" },
		{ "aarch64", "/lib/ld-linux-aarch64.so.1" },
		{ "aarch64", "/lib/ld-musl-aarch64.so.1" },
		{ "arm", "/lib/ld-linux-armhf.so.3" },
		{ "arm", "/lib/ld-linux.so.3" },
		{ "arm", "/lib/ld-musl-arm*.so.1" },
		{ "i386", "/lib/ld-linux.so.2" },
		{ "i386", "/lib/ld-musl-i386.so.1" },
		{ "riscv64", "/lib/ld-linux-riscv64-lp64*.so.1" },
		{ "riscv64", "/lib/ld-musl-riscv64*.so.1" },
		{ "riscv32", "/lib/ld-linux-riscv32-ilp32*.so.1" },
		{ "riscv32", "/lib/ld-musl-riscv32*.so.1" },
		{ "ppc64le", "/lib64/ld64.so.2" },
		{ "ppc64le", "/lib/ld-musl-powerpc64le.so.1" },
		{ "ppc64", "/lib64/ld64.so.[12]" },
		{ "ppc64", "/lib/ld-musl-powerpc64.so.1" },
		{ "ppc", "/lib/ld.so.1" },
		{ "ppc", "/lib/ld-musl-powerpc*.so.1" },
		{ "s390x", "/lib/ld64.so.1" },
		{ "s390x", "/lib/ld-musl-s390x.so.1" },
		{ "mips*", "/lib/ld.so.1" },
		{ "mips*", "/lib32/ld.so.1" },
		{ "mips*", "/lib64/ld.so.1" },
		{ "mips*", "/lib*/ld-linux-mipsn8.so.1" },
		{ "mips*", "/lib/ld-musl-mips*.so.1" },
		{ "loongarch64", "/lib64/ld-linux-loongarch-lp64?.so.1" },
		{ "loongarch64", "/lib/ld-musl-loongarch64*.so.1" },
		{ "m68k", "/lib/ld.so.1" },
		{ "m68k", "/lib/ld-musl-m68k.so.1" },
		{ "sparc64", "/lib64/ld-linux.so.2" },
		{ "hppa", "/lib/ld.so.1" },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (fnmatch(known[i][0], a->name, 0))
			continue;
		any = true;
		if (!fnmatch(known[i][1], interp, FNM_PATHNAME))
			return true;
	}
	return !any;
}

static void check_elf(struct scan *s, const struct elf_ident *id)
{
	struct auditing *a = s->a;
	struct elf_seen seen = { xstrdup(s->path), s->member ? xstrdup(s->member) : NULL,
				 id->machine,
				 arch_by_elf(id->class, id->data, id->machine) };
	struct err e = { 0 };
	char text[64];
	int bad;

	xgrow(&a->elves, &a->elves_cap, a->elves_n, sizeof(seen));
	a->elves[a->elves_n++] = seen;
	/* separate debug files have headers of what is not in them: no failure */
	if (elf_read_image(s->image, s->n, s->path, &s->elf, &e) < 0)
		log_info("%s%s%s: %s", s->path, s->member ? ": " : "",
			 s->member ? s->member : "", e.msg);
	bad = elf_sections(s->image, s->n, take_section, s);
	if (bad > 0) {
		snprintf(text, sizeof(text), "%d section%s cannot be unpacked", bad,
			 bad == 1 ? "" : "s");
		audit_add(a->out, s->path, s->member, AUDIT_CLOSED, NULL, text,
			  strlen(text));
	}
	if (s->elf.interp && seen.arch && !usual_interp(seen.arch, s->elf.interp) &&
	    !audit_names(a, s->elf.interp, strlen(s->elf.interp)))
		audit_add(a->out, s->path, s->member, AUDIT_INTERP, NULL, s->elf.interp,
			  strlen(s->elf.interp));
	search(s, s->image, s->n, NULL);
}

static void scan_one(struct auditing *a, const char *path, const char *member,
		     char *image, size_t n)
{
	struct scan s = {
		.a = a, .path = path, .member = member, .image = image, .n = n,
	};
	struct elf_ident id;

	if (elf_identify(image, n, &id)) {
		check_elf(&s, &id);
		elf_info_free(&s.elf);
		for (size_t i = 0; i < s.sections_n; i++)
			free(s.sections[i].name);
		free(s.sections);
	} else {
		s.text = !memchr(image, '\0', n < 8192 ? n : 8192);
		search(&s, image, n, NULL);
	}
}

void audit_content(struct auditing *a, const char *path, char *image, size_t n)
{
	struct ar ar;
	struct ar_member m;
	int r;

	if (!ar_open(&ar, image, n)) {
		scan_one(a, path, NULL, image, n);
		return;
	}
	while ((r = ar_next(&ar, &m)) > 0) {
		_cleanup_free_ char *name = xstrndup(m.name, m.name_len);
		const struct needle *needle = audit_names(a, m.name, m.name_len);
		struct finding *f;

		if (needle) {
			f = audit_add(a->out, path, name, AUDIT_NAME, NULL, m.name,
				      m.name_len);
			f->host = needle->host;
		}
		if (m.data)
			scan_one(a, path, name, image + (m.data - image), m.n);
	}
	if (r < 0) {
		/* not its members, then all of it */
		log_warn("%s: a damaged archive", path);
		scan_one(a, path, NULL, image, n);
	}
}
