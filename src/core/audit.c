// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/audit_impl.h"

struct finding *audit_add(struct audit *a, const char *path, const char *member,
			  const char *what, char *where, const char *text, size_t n)
{
	struct finding f = { .path = xstrdup(path),
			     .member = member ? xstrdup(member) : NULL,
			     .what = what,
			     .where = where,
			     .text = xstrndup(text, n) };

	for (char *s = f.text; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	xgrow(&a->v, &a->cap, a->n, sizeof(f));
	a->v[a->n] = f;
	return &a->v[a->n++];
}

static void finding_free(struct finding *f)
{
	free(f->path);
	free(f->member);
	free(f->where);
	free(f->text);
}

void audit_free(struct audit *a)
{
	for (size_t i = 0; i < a->n; i++)
		finding_free(&a->v[i]);
	free(a->v);
	*a = (struct audit){ 0 };
}

const struct needle *audit_names(const struct auditing *a, const char *s, size_t n)
{
	const struct needle *found = NULL;

	/* one that is wrong on every machine before one that names the host */
	for (size_t i = 0; i < a->n && (!found || found->host); i++)
		if (memmem(s, n, a->needles[i].text, strlen(a->needles[i].text)))
			found = &a->needles[i];
	return found;
}

static void add_needle(struct auditing *a, char *text, bool host)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->needles[i].text, text)) {
			free(text);
			return;
		}
	xgrow(&a->needles, &a->cap, a->n, sizeof(*a->needles));
	a->needles[a->n++] = (struct needle){ text, host };
}

static void add_needles(struct auditing *a, const struct audit_options *o)
{
	const struct arch *host = arch_host();
	_cleanup_free_ char *native =
		o->native_root ? path_clean(o->native_root) : NULL;

	add_needle(a, xstrdup("/run/crossroot"), false);
	add_needle(a, xstrdup("--sysroot"), false);
	/* "/" is in every path */
	if (native && strcmp(native, "/"))
		add_needle(a, TAKE_PTR(native), false);
	if (!host)
		return;
	int cpu = (int)strcspn(host->tuple, "-");

	/* Gentoo's, Debian's, and what config.guess and LLVM say */
	add_needle(a, xstrdup(host->tuple), true);
	add_needle(a, xasprintf("%.*s-linux-gnu", cpu, host->tuple), true);
	add_needle(a, xasprintf("%.*s-pc-linux-gnu", cpu, host->tuple), true);
	add_needle(a, xasprintf("%.*s-unknown-linux-gnu", cpu, host->tuple), true);
}

static void auditing_free(struct auditing *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->needles[i].text);
	free(a->needles);
	for (size_t i = 0; i < a->elves_n; i++) {
		free(a->elves[i].path);
		free(a->elves[i].member);
	}
	free(a->elves);
}

static bool passed_over(struct auditing *a, const struct audit_options *o,
			const char *path)
{
	for (size_t i = 0; i < o->allow.n; i++)
		if (!fnmatch(o->allow.v[i], path, 0)) {
			a->out->allowed++;
			return true;
		}
	return false;
}

static void check_text(struct auditing *a, const char *path, const char *what,
		       const char *text)
{
	const struct needle *n = audit_names(a, text, strlen(text));
	struct finding *f;

	if (!n)
		return;
	f = audit_add(a->out, path, NULL, what, NULL, text, strlen(text));
	f->host = n->host;
}

/* Opened before it is known what it is: nothing may be made to wait or act. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int audit_fd(struct auditing *a, int fd, const char *path, struct err *e)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ESTALE, "'%s' changed while it was looked at", path);
	a->out->files++;
	if (!st.st_size)
		return 0;
	/* private and writable for libelf, which unpacks sections in place */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED)
		return err_set(e, -errno, "map '%s'", path);
	madvise(map, (size_t)st.st_size, MADV_SEQUENTIAL);
	audit_content(a, path, map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
	return 0;
}

static int list_names(int dirfd, const char *path, struct strv *names, struct err *e)
{
	_cleanup_closedir_ DIR *d = NULL;
	int copy = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	struct dirent *de;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		cleanup_closep(&copy);
		return err_set(e, -errno, "list '%s'", path);
	}
	while (errno = 0, (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			strv_add(names, de->d_name);
	if (errno)
		return err_set(e, -errno, "list '%s'", path);
	strv_sort(names);
	return 0;
}

static int audit_dir(struct auditing *a, const struct audit_options *o, int dirfd,
		     const char *path, struct err *e);

static int audit_link(struct auditing *a, int dirfd, const char *name, const char *path,
		      struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_set(e, -errno, "read the symlink '%s'", path);
	target[n] = '\0';
	check_text(a, path, AUDIT_LINK, target);
	return 0;
}

static int audit_entry(struct auditing *a, const struct audit_options *o, int dirfd,
		       const char *name, const char *path, struct err *e)
{
	bool skip = passed_over(a, o, path);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, -errno, "stat '%s'", path);
	if (!skip)
		check_text(a, path, AUDIT_NAME, name);
	if (S_ISLNK(st.st_mode))
		return skip ? 0 : audit_link(a, dirfd, name, path, e);
	/* a pattern for a directory does not hide what is in it */
	if (!S_ISDIR(st.st_mode) && (skip || !S_ISREG(st.st_mode)))
		return 0;
	fd = openat(dirfd, name,
		    OPEN_FLAGS | O_NOFOLLOW | (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return audit_dir(a, o, fd, path, e);
	return audit_fd(a, fd, path, e);
}

/* As deep as there are file descriptors; then it is an error like any other. */
static int audit_dir(struct auditing *a, const struct audit_options *o, int dirfd,
		     const char *path, struct err *e)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_names(dirfd, path, &names, e);

	for (size_t i = 0; !r && i < names.n; i++) {
		_cleanup_free_ char *full = path_join(path, names.v[i]);

		r = audit_entry(a, o, dirfd, names.v[i], full, e);
	}
	return r;
}

static size_t count_elves(const struct auditing *a, const struct arch *arch)
{
	size_t n = 0;

	for (size_t i = 0; i < a->elves_n; i++)
		n += a->elves[i].arch == arch;
	return n;
}

/* The architecture of the most ELF files; of as many, the one found first. */
static const struct arch *majority(const struct auditing *a)
{
	const struct arch *best = NULL, *last = NULL;
	size_t most = 0;

	for (size_t i = 0; i < a->elves_n; i++) {
		const struct arch *arch = a->elves[i].arch;
		size_t n;

		/* they come in runs of one: do not count each time */
		if (!arch || arch == best || arch == last)
			continue;
		last = arch;
		n = count_elves(a, arch);
		if (n > most) {
			most = n;
			best = arch;
		}
	}
	return best;
}

/* What could be judged only when everything was seen. */
static void conclude(struct auditing *a)
{
	struct audit *out = a->out;
	size_t kept = 0;

	if (!out->target)
		out->target = majority(a);
	/* a build for this machine may name it */
	for (size_t i = 0; i < out->n; i++) {
		if (out->v[i].host && out->target == arch_host())
			finding_free(&out->v[i]);
		else
			out->v[kept++] = out->v[i];
	}
	out->n = kept;
	out->elves = a->elves_n;
	for (size_t i = 0; i < a->elves_n; i++) {
		const struct elf_seen *s = &a->elves[i];
		_cleanup_free_ char *text = NULL;

		if (s->arch == out->target || !out->target)
			continue;
		if (s->arch)
			text = xasprintf("%s, not %s", s->arch->name, out->target->name);
		else
			text = xasprintf("machine number %u, not %s", s->machine,
					 out->target->name);
		audit_add(out, s->path, s->member, AUDIT_FOREIGN, NULL, text,
			  strlen(text));
	}
}

int audit_run(const char *path, const struct audit_options *o, struct audit *out,
	      struct err *e)
{
	_cleanup_close_ int fd = -1;
	_cleanup_(auditing_free) struct auditing a = { .out = out };
	struct stat st;
	int r;

	*out = (struct audit){ .target = o->target };
	if (stat(path, &st) < 0)
		return err_set(e, -errno, "stat '%s'", path);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "'%s' is no directory and no regular file",
			       path);
	fd = open(path, OPEN_FLAGS | (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
	if (fd < 0)
		return err_set(e, -errno, "open '%s'", path);
	add_needles(&a, o);
	if (S_ISDIR(st.st_mode))
		r = audit_dir(&a, o, fd, "/", e);
	else
		r = audit_fd(&a, fd, path, e);
	if (r < 0)
		audit_free(out);
	else
		conclude(&a);
	return r;
}
