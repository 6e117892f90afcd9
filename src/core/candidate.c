// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/candidate.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mech/elf.h"
#include "os/beneath.h"

void candidate_refuse(struct candidate *c, const char *fmt, ...)
{
	va_list ap;

	if (c->reason)
		return;
	va_start(ap, fmt);
	if (vasprintf(&c->reason, fmt, ap) < 0)
		abort();
	va_end(ap);
}

/* @path in a root with or without a merged /usr, NULL if it has neither. */
static char *resolve(const struct side *s, const char *path)
{
	_cleanup_free_ char *other = NULL;
	char *real;

	if (!beneath_realpath(s->fd, path, &real))
		return real;
	if (!strncmp(path, "/usr/", 5))
		other = xstrdup(path + 4);
	else
		other = xasprintf("/usr%s", path);
	return beneath_realpath(s->fd, other, &real) ? NULL : real;
}

struct candidate *candidate_add(struct candidates *l, const struct side *root,
				const struct side *native_root, const char *path,
				const char *native, enum tier tier)
{
	char *real;

	if (beneath_realpath(root->fd, path, &real) < 0)
		return NULL;
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].path, real)) {
			free(real);
			return NULL;
		}
	xgrow(&l->v, &l->cap, l->n, sizeof(*l->v));
	struct candidate *c = &l->v[l->n++];

	*c = (struct candidate){ .tier = tier, .path = real };
	c->native = resolve(native_root, native);
	return c;
}

/* "12.2.0-14cross1" and "12.2.0-14+deb12u1" are both packagings of "12.2.0-14". */
static size_t release_len(const char *version)
{
	static const char *const suffixes[] = { "cross", "+deb", "+b", "+rpi", "ubuntu" };
	size_t n = strlen(version);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		const char *at = strstr(version, suffixes[i]);

		if (at && (size_t)(at - version) < n)
			n = (size_t)(at - version);
	}
	return n;
}

static bool same_release(const char *a, const char *b)
{
	size_t n = release_len(a);

	return n == release_len(b) && !strncmp(a, b, n);
}

static const struct pkg *owner(const struct side *s, const char *path)
{
	return s->db ? pkgdb_owner(s->db, path) : NULL;
}

/*
 * The same version with other USE flags is another program: it may lack an option
 * or its messages. Of a compiler it is only noted.
 */
static void check_use(struct candidate *c, const struct pkg *ours, const struct pkg *twin,
		      enum match match)
{
	_cleanup_free_ char *text = NULL;

	if (!ours->use || !twin->use || !strcmp(ours->use, twin->use))
		return;
	text = xasprintf("built with USE=\"%s\" here, USE=\"%s\" in the native root",
			 ours->use, twin->use);
	if (match == MATCH_EXACT)
		candidate_refuse(c, "%s", text);
	else if (!c->note)
		c->note = TAKE_PTR(text);
}

static void check_versions(struct candidate *c, const struct side *root,
			   const struct side *native_root, enum match match)
{
	const struct pkg *ours = owner(root, c->path);
	const struct pkg *twin = owner(native_root, c->native);

	if (ours)
		c->package = xasprintf("%s %s", ours->name, ours->version);
	if (!ours || !twin) {
		if (match != MATCH_ANY)
			candidate_refuse(c, "no package of the %s owns it",
					 ours ? "native root" : "root");
		return;
	}
	if (match == MATCH_EXACT && strcmp(ours->name, twin->name))
		candidate_refuse(c, "of package %s here, of %s in the native root",
				 ours->name, twin->name);
	else if (!strcmp(ours->version, twin->version))
		check_use(c, ours, twin, match);
	else if (match == MATCH_RELEASE && same_release(ours->version, twin->version))
		c->note = xasprintf("packaged as %s here, as %s in the native root",
				    ours->version, twin->version);
	else if (match == MATCH_ANY)
		c->note = xasprintf("version %s here, %s in the native root",
				    ours->version, twin->version);
	else
		candidate_refuse(c, "version %s here, %s in the native root",
				 ours->version, twin->version);
}

/* Why the file is no program or library of @s; false when it is one. */
static bool wrong_file(const struct side *s, const char *path, const char *where,
		       struct candidate *c)
{
	_cleanup_close_ int fd = beneath_open(s->fd, path, O_RDONLY | O_CLOEXEC, 0);
	struct elf_info info = { 0 };
	const struct arch *arch;
	char head[2] = { 0 };
	struct err e;

	if (fd < 0) {
		candidate_refuse(c, "it cannot be read %s", where);
		return true;
	}
	if (pread(fd, head, 2, 0) == 2 && !memcmp(head, "#!", 2)) {
		candidate_refuse(c, "it is a script%s%s", *where ? " " : "", where);
		return true;
	}
	if (elf_read(fd, path, &info, &e) < 0) {
		candidate_refuse(c, "it is no program %s: %s", where, e.msg);
		return true;
	}
	arch = arch_by_elf(info.class, info.data, info.machine);
	elf_info_free(&info);
	if (arch != s->arch)
		candidate_refuse(c, "it is for %s %s",
				 arch ? arch->name : "another machine", where);
	return arch != s->arch;
}

void candidate_check(struct candidate *c, const struct side *root,
		     const struct side *native_root, enum match match)
{
	if (c->reason || wrong_file(root, c->path, "in the root", c))
		return;
	if (!c->native) {
		const struct pkg *ours = owner(root, c->path);

		if (ours)
			c->package = xasprintf("%s %s", ours->name, ours->version);
		candidate_refuse(c, "the native root has none");
		return;
	}
	if (wrong_file(native_root, c->native, "in the native root", c))
		return;
	check_versions(c, root, native_root, match);
}

void candidates_free(struct candidates *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct candidate *c = &l->v[i];

		free(c->path);
		free(c->native);
		free(c->package);
		free(c->conf);
		free(c->ask);
		free(c->reason);
		free(c->note);
	}
	free(l->v);
	*l = (struct candidates){ 0 };
}
