// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "core/environ.h"
#include "mech/arch.h"
#include "mech/config.h"
#include "os/fdio.h"

static const char *const tiers[] = { "none", "toolchain", "tools" };

const char *tier_name(enum tier tier)
{
	return tiers[tier];
}

enum key_id {
	KEY_TARGET,
	KEY_NATIVE_ROOT,
	KEY_QEMU,
	KEY_QEMU_ARGS,
	KEY_NATIVE,
	KEY_EXTRA_SWAPS,
	KEY_EXCLUDED_SWAPS,
	KEY_BINDS,
	KEY_ENV,
	KEY_BINFMT,
	KEY_TMPFS_BUILD,
	KEY_TMPFS,
	KEY_MIRRORS,
	KEY_KEYRING,
	KEY_STAGE_CACHE,
	KEY_MIRROR_TIMEOUT,
	KEY_MIRROR_TRIES,
	KEYS,
};

static const struct config_key keys[KEYS] = {
	[KEY_TARGET] = { "target", false },
	[KEY_NATIVE_ROOT] = { "native_root", false },
	[KEY_QEMU] = { "qemu", false },
	[KEY_QEMU_ARGS] = { "qemu_args", true },
	[KEY_NATIVE] = { "native", false },
	[KEY_EXTRA_SWAPS] = { "extra_swaps", true },
	[KEY_EXCLUDED_SWAPS] = { "excluded_swaps", true },
	[KEY_BINDS] = { "binds", true },
	[KEY_ENV] = { "env", true },
	[KEY_BINFMT] = { "binfmt", false },
	[KEY_TMPFS_BUILD] = { "tmpfs_build", false },
	[KEY_TMPFS] = { "tmpfs", true },
	[KEY_MIRRORS] = { "mirrors", true },
	[KEY_KEYRING] = { "keyring", false },
	[KEY_STAGE_CACHE] = { "stage_cache", false },
	[KEY_MIRROR_TIMEOUT] = { "mirror_timeout", false },
	[KEY_MIRROR_TRIES] = { "mirror_tries", false },
};

void settings_init(struct settings *s)
{
	*s = (struct settings){
		.native_root = xstrdup("/"),
		.native = TIER_TOOLS,
		.keyring = xstrdup("/usr/share/openpgp-keys/gentoo-release.asc"),
		.stage_cache = xstrdup("/var/cache/crossroot/stages"),
		.mirror_timeout = 30,
		.mirror_tries = 5,
	};
}

void settings_free(struct settings *s)
{
	free(s->target);
	free(s->native_root);
	free(s->qemu);
	free(s->tmpfs_build);
	free(s->keyring);
	free(s->stage_cache);
	strv_free(&s->mirrors);
	strv_free(&s->qemu_args);
	strv_free(&s->extra_swaps);
	strv_free(&s->excluded_swaps);
	strv_free(&s->binds);
	strv_free(&s->tmpfs);
	strv_free(&s->env);
	*s = (struct settings){ 0 };
}

static void replace(char **field, char *value)
{
	free(*field);
	*field = value;
}

static int set_path(char **field, const char *value, struct err *e)
{
	if (*value != '/')
		return err_set(e, -ERR_CONFIG, "'%s' is no absolute path", value);
	replace(field, path_clean(value));
	return 0;
}

static int set_tier(enum tier *tier, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++)
		if (!strcmp(value, tiers[i])) {
			*tier = (enum tier)i;
			return 0;
		}
	return err_set(e, -ERR_CONFIG, "'%s' is no tier: none, toolchain or tools",
		       value);
}

static int set_binfmt(bool *global, const char *value, struct err *e)
{
	if (strcmp(value, "global") && strcmp(value, "private"))
		return err_set(e, -ERR_CONFIG, "'%s' is neither private nor global",
			       value);
	*global = !strcmp(value, "global");
	return 0;
}

static int add_bind(struct strv *binds, const char *value, struct err *e)
{
	_cleanup_free_ char *src = NULL, *dst = NULL;
	bool ro;
	int r = bind_parse(value, &src, &dst, &ro, e);

	if (!r)
		strv_add(binds, value);
	return r;
}

static int add_env(struct strv *env, const char *value, struct err *e)
{
	size_t n = strcspn(value, "=");

	if (!n || !value[n])
		return err_set(e, -ERR_CONFIG, "'%s' is no K=V", value);
	environ_set(env, value);
	return 0;
}

static int add_mirror(struct strv *mirrors, const char *value, struct err *e)
{
	static const char *const schemes[] = { "https://", "http://", "file:///" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (!strncmp(value, schemes[i], strlen(schemes[i])) &&
		    !value[strcspn(value, " \t\"?#")]) {
			strv_add(mirrors, value);
			return 0;
		}
	return err_set(e, -ERR_CONFIG, "'%s' is no URL of a mirror: https://, http:// "
		       "or file:///", value);
}

static int set_number(unsigned *field, const char *value, unsigned most, struct err *e)
{
	size_t n = strspn(value, "0123456789");
	unsigned long v = n && n < 7 && !value[n] ? strtoul(value, NULL, 10) : 0;

	if (!v || v > most)
		return err_set(e, -ERR_CONFIG, "'%s' is no number from 1 to %u", value,
			       most);
	*field = (unsigned)v;
	return 0;
}

/* As tmpfs takes it: bytes, or with one of k, m, g behind, or a part of the memory. */
static int set_size(char **field, const char *value, struct err *e)
{
	size_t n = strspn(value, "0123456789");

	if (!n || !strtoull(value, NULL, 10) ||
	    (value[n] && (!strchr("kKmMgG%", value[n]) || value[n + 1])))
		return err_set(e, -ERR_CONFIG,
			       "'%s' is no size: a number, with k, m, g or %% behind", value);
	replace(field, xstrdup(value));
	return 0;
}

static int add_tmpfs(struct strv *l, const char *value, struct err *e)
{
	_cleanup_free_ char *path = NULL, *size = NULL;
	int r = tmpfs_parse(value, &path, &size, e);

	if (!r)
		strv_add(l, value);
	return r;
}

static int set(void *arg, const struct config_key *key, const char *value, struct err *e)
{
	struct settings *s = arg;
	enum key_id id = (enum key_id)(key - keys);

	if (!*value)
		return err_set(e, -ERR_CONFIG, "'%s' has no value", key->name);
	switch (id) {
	case KEY_TARGET:
		if (!arch_by_tuple(value))
			return err_set(e, -ERR_CONFIG,
				       "'%s' is no tuple of a known architecture", value);
		replace(&s->target, xstrdup(value));
		return 0;
	case KEY_NATIVE_ROOT:
		if (!strcmp(value, NATIVE_ROOT_STAGE)) {
			replace(&s->native_root, xstrdup(value));
			return 0;
		}
		return set_path(&s->native_root, value, e);
	case KEY_QEMU:
		return set_path(&s->qemu, value, e);
	case KEY_NATIVE:
		return set_tier(&s->native, value, e);
	case KEY_QEMU_ARGS:
		strv_add(&s->qemu_args, value);
		return 0;
	case KEY_EXTRA_SWAPS:
		if (*value != '/')
			return err_set(e, -ERR_CONFIG, "'%s' is no absolute path", value);
		strv_add(&s->extra_swaps, value);
		return 0;
	case KEY_EXCLUDED_SWAPS:
		strv_add(&s->excluded_swaps, value);
		return 0;
	case KEY_BINDS:
		return add_bind(&s->binds, value, e);
	case KEY_ENV:
		return add_env(&s->env, value, e);
	case KEY_BINFMT:
		return set_binfmt(&s->global_binfmt, value, e);
	case KEY_TMPFS_BUILD:
		return set_size(&s->tmpfs_build, value, e);
	case KEY_TMPFS:
		return add_tmpfs(&s->tmpfs, value, e);
	case KEY_MIRRORS:
		return add_mirror(&s->mirrors, value, e);
	case KEY_KEYRING:
		return set_path(&s->keyring, value, e);
	case KEY_STAGE_CACHE:
		return set_path(&s->stage_cache, value, e);
	case KEY_MIRROR_TIMEOUT:
		return set_number(&s->mirror_timeout, value, 3600, e);
	case KEY_MIRROR_TRIES:
		return set_number(&s->mirror_tries, value, 100, e);
	case KEYS:
		break;
	}
	return err_set(e, -EINVAL, "set '%s'", key->name);
}

int settings_set(struct settings *s, const char *key, const char *value, struct err *e)
{
	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].name, key))
			return set(s, &keys[i], value, e);
	return err_set(e, -ERR_CONFIG, "unknown key '%s'", key);
}

int settings_read(struct settings *s, int dirfd, const char *path, struct err *e)
{
	return config_read(dirfd, path, keys, KEYS, set, s, e);
}

static int put(struct buf *b, enum key_id id, const char *value, struct err *e)
{
	return value ? config_put(b, keys[id].name, value, e) : 0;
}

static int put_list(struct buf *b, enum key_id id, const struct strv *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++)
		r = put(b, id, l->v[i], e);
	return r;
}

int settings_write(const struct settings *s, int dirfd, const char *path, struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };
	int r;

	buf_adds(&b, "[crossroot]\n");
	r = put(&b, KEY_TARGET, s->target, e);
	if (!r && strcmp(s->native_root, "/"))
		r = put(&b, KEY_NATIVE_ROOT, s->native_root, e);
	if (!r)
		r = put(&b, KEY_QEMU, s->qemu, e);
	if (!r)
		r = put_list(&b, KEY_QEMU_ARGS, &s->qemu_args, e);
	if (!r && s->native != TIER_TOOLS)
		r = put(&b, KEY_NATIVE, tier_name(s->native), e);
	if (!r)
		r = put_list(&b, KEY_EXTRA_SWAPS, &s->extra_swaps, e);
	if (!r)
		r = put_list(&b, KEY_EXCLUDED_SWAPS, &s->excluded_swaps, e);
	if (!r)
		r = put_list(&b, KEY_BINDS, &s->binds, e);
	if (!r)
		r = put_list(&b, KEY_ENV, &s->env, e);
	if (!r && s->global_binfmt)
		r = put(&b, KEY_BINFMT, "global", e);
	if (!r)
		r = put(&b, KEY_TMPFS_BUILD, s->tmpfs_build, e);
	if (!r)
		r = put_list(&b, KEY_TMPFS, &s->tmpfs, e);
	return r < 0 ? r : fdio_publish(dirfd, path, b.data, b.len, 0644, e);
}

/* The part of the bind at *@at up to the next bare colon, unescaped. */
static char *bind_part(const char **at)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *p = *at;

	buf_adds(&b, "");
	for (; *p && *p != ':'; p++) {
		if (*p == '\\' && p[1] == ':')
			p++;
		buf_add(&b, p, 1);
	}
	*at = *p ? p + 1 : NULL;
	return TAKE_PTR(b.data);
}

static void escape_colons(struct buf *b, const char *path)
{
	for (; *path; path++)
		buf_addf(b, "%s%c", *path == ':' ? "\\" : "", *path);
}

char *bind_format(const char *src, const char *dst)
{
	_cleanup_buf_ struct buf b = { 0 };

	escape_colons(&b, src);
	buf_adds(&b, ":");
	escape_colons(&b, dst);
	return TAKE_PTR(b.data);
}

int bind_parse(const char *spec, char **src, char **dst, bool *ro, struct err *e)
{
	const char *at = spec;
	_cleanup_free_ char *from = bind_part(&at);
	_cleanup_free_ char *to = at ? bind_part(&at) : NULL;
	bool only_ro = to && !at && !strcmp(to, "ro");

	*ro = only_ro || (at && !strcmp(at, "ro"));
	if (only_ro || !to)
		replace(&to, xstrdup(from));
	if (*from != '/' || *to != '/' || (at && !*ro))
		return err_set(e, -ERR_CONFIG,
			       "'%s' is no bind: SRC[:DST[:ro]] with absolute paths",
			       spec);
	*src = TAKE_PTR(from);
	*dst = TAKE_PTR(to);
	return 0;
}

int tmpfs_parse(const char *spec, char **path, char **size, struct err *e)
{
	const char *at = spec;
	_cleanup_free_ char *where = bind_part(&at), *room = NULL;

	if (*where != '/' || !strcmp(where, "/"))
		return err_set(e, -ERR_CONFIG,
			       "'%s' is no PATH[:SIZE] with an absolute path", spec);
	if (at && set_size(&room, at, e) < 0)
		return -ERR_CONFIG;
	*path = TAKE_PTR(where);
	*size = TAKE_PTR(room);
	return 0;
}
