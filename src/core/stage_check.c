// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/stage_check.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/beneath.h"

#define TEXT_LIMIT (1 << 20)
#define PROFILES "default/linux/"

/* What the database has of an installed PACKAGE-VERSION; NULL: it is not installed. */
static char *chost_of_package(int tree, const char *category, const char *package)
{
	_cleanup_free_ char *dir = xasprintf("/var/db/pkg/%s", category);
	_cleanup_strv_ struct strv names = { 0 };
	size_t n = strlen(package);

	if (beneath_list(tree, dir, &names) < 0)
		return NULL;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *file = NULL;
		char *text;

		if (strncmp(names.v[i], package, n) || names.v[i][n] != '-' ||
		    !isdigit((unsigned char)names.v[i][n + 1]))
			continue;
		file = xasprintf("%s/%s/CHOST", dir, names.v[i]);
		if (beneath_read(tree, file, 4096, &text, NULL, NULL) < 0)
			continue;
		text[strcspn(text, " \t\r\n")] = '\0';
		if (*text)
			return text;
		free(text);
	}
	return NULL;
}

/* CHOST="..." of make.conf, its last line; NULL: it has none. */
static char *chost_of_make_conf(int tree)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = { 0 };
	char *found = NULL;

	if (beneath_read(tree, "/etc/portage/make.conf", TEXT_LIMIT, &text, NULL, NULL) < 0)
		return NULL;
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *p = lines.v[i] + strspn(lines.v[i], " \t");

		if (strncmp(p, "CHOST=", 6))
			continue;
		p += 6;
		p += strspn(p, "\"'");
		free(found);
		found = xstrndup(p, strcspn(p, "\"' \t\r#;"));
	}
	return found;
}

static int check_chost(int tree, const char *tuple, struct err *e)
{
	static const char *const packages[][2] = {
		{ "sys-libs", "glibc" }, { "sys-libs", "musl" }, { "sys-devel", "gcc" },
		{ "sys-devel", "binutils" },
	};
	_cleanup_free_ char *chost = NULL;

	for (size_t i = 0; !chost && i < ARRAY_SIZE(packages); i++)
		chost = chost_of_package(tree, packages[i][0], packages[i][1]);
	if (!chost)
		chost = chost_of_make_conf(tree);
	if (!chost)
		return err_set(e, -ERR_MISMATCH, "the stage does not say its CHOST");
	if (!strcmp(chost, tuple))
		return 0;
	err_set(e, -ERR_MISMATCH, "the stage's CHOST is '%s', not '%s'", chost, tuple);
	return err_hint(e, "--target %s, or another --variant", chost);
}

/* Whether @word is a component of the path @p. */
static bool has_part(const char *p, const char *word)
{
	size_t n = strlen(word);

	while (*p) {
		size_t len = strcspn(p, "/");

		if (len == n && !strncmp(p, word, n))
			return true;
		p += len + (p[len] == '/');
	}
	return false;
}

static bool is_profile(const char *path, const struct stage_id *id)
{
	const char *p = strstr(path, PROFILES);
	size_t n = strlen(id->profile);

	if (!p)
		return false;
	p += strlen(PROFILES);
	if (strncmp(p, id->profile, n) || (p[n] && p[n] != '/'))
		return false;
	if (id->part && !has_part(p + n, id->part))
		return false;
	return (id->part && !strcmp(id->part, "systemd")) || !has_part(p + n, "systemd");
}

/* The profiles that the stage selects, into @l: a symlink, or a directory with parents. */
static void read_profiles(int tree, struct strv *l)
{
	_cleanup_close_ int dir = beneath_open(tree, "/etc/portage",
					       O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	_cleanup_free_ char *text = NULL;
	char link[PATH_MAX];
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, "make.profile", link, sizeof(link) - 1);

	if (n > 0) {
		link[n] = '\0';
		strv_add(l, link);
	} else if (!beneath_read(tree, "/etc/portage/make.profile/parent", TEXT_LIMIT,
				 &text, NULL, NULL)) {
		strv_split(l, text, "\n");
	}
}

int stage_check(int tree_fd, const char *tuple, const struct stage_id *id, struct err *e)
{
	_cleanup_strv_ struct strv profiles = { 0 };
	int r = check_chost(tree_fd, tuple, e);

	if (r < 0)
		return r;
	read_profiles(tree_fd, &profiles);
	if (!profiles.n)
		return err_set(e, -ERR_MISMATCH, "the stage does not say its profile");
	for (size_t i = 0; i < profiles.n; i++)
		if (is_profile(profiles.v[i], id))
			return 0;
	return err_set(e, -ERR_MISMATCH,
		       "the stage's profile is '%s', not " PROFILES "%s%s%s",
		       profiles.v[0], id->profile, id->part ? "/.../" : "",
		       id->part ? id->part : "");
}
