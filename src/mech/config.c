// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iniparser/iniparser.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/fdio.h"

#define FILE_LIMIT (1024 * 1024)

/*
 * iniparser has buffers of 1024 bytes for a line and for "section:key" and
 * cuts the latter; with the section and the line number this always fits.
 */
#define LINE_LIMIT 960

#define SECTION "crossroot"

/* What iniparser complained about: its callback has no argument of ours. */
static char complaint[256];

static int complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, ap);
	va_end(ap);
	return 0;
}

/* One line of the text, without blanks at its ends. */
struct line {
	const char *s;
	size_t n;
};

static struct line stripped(const char *s, size_t n)
{
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	return (struct line){ s, n };
}

/* The value of a "key = value" line; empty where there is no '='. */
static struct line value_of(struct line l)
{
	const char *eq = memchr(l.s, '=', l.n);

	if (!eq)
		return (struct line){ l.s + l.n, 0 };
	return stripped(eq + 1, l.n - (size_t)(eq + 1 - l.s));
}

static bool is_quoted(struct line v)
{
	return v.n && (*v.s == '"' || *v.s == '\'');
}

/* iniparser drops what follows a closing quote, # or ;, wherever it stands. */
static const char *check_value(struct line v)
{
	if (is_quoted(v)) {
		const char *end = memchr(v.s + 1, *v.s, v.n - 1);
		struct line rest;

		if (!end)
			return "the quote is never closed";
		rest = stripped(end + 1, v.n - (size_t)(end + 1 - v.s));
		if (rest.n && *rest.s != '#' && *rest.s != ';')
			return "text after the closing quote";
		return NULL;
	}
	for (size_t i = 1; i < v.n; i++) {
		if (v.s[i] != '#' && v.s[i] != ';')
			continue;
		if (!isspace((unsigned char)v.s[i - 1]))
			return "a value with '#' or ';' has to be quoted";
		break;
	}
	return NULL;
}

/*
 * Check what iniparser would let pass, and add the line to @out. The line
 * number becomes part of the key ("7.target"): iniparser keeps no positions
 * and only the last of equal keys, but the caller needs both.
 */
static const char *scan_line(struct buf *out, struct line l, size_t lineno,
			     bool *in_section)
{
	if (!l.n || *l.s == '#' || *l.s == ';') {
		buf_adds(out, "\n");
		return NULL;
	}
	if (*l.s == '[' && l.s[l.n - 1] == ']') {
		struct line name = stripped(l.s + 1, l.n - 2);

		if (name.n != strlen(SECTION) || strncasecmp(name.s, SECTION, name.n))
			return "unknown section, only [" SECTION "] exists";
		*in_section = true;
		buf_adds(out, "[" SECTION "]\n");
		return NULL;
	}
	if (!*in_section)
		return "text before the section [" SECTION "]";
	/* iniparser joins lines, comments too, and forgets an open last one */
	if (l.s[l.n - 1] == '\\')
		return "a line cannot be continued; repeat the key or quote the value";
	buf_addf(out, "%zu.", lineno);
	buf_add(out, l.s, l.n);
	buf_adds(out, "\n");
	return check_value(value_of(l));
}

static int scan(const char *name, const char *text, size_t n, struct buf *out,
		struct strv *quoted, struct err *e)
{
	bool in_section = false;
	size_t lineno = 0;

	for (size_t at = 0; at < n;) {
		const char *s = text + at, *nl = memchr(s, '\n', n - at), *bad;
		size_t len = nl ? (size_t)(nl - s) : n - at;
		struct line l = stripped(s, len);

		lineno++;
		at += len + 1;
		if (memchr(s, '\0', len))
			bad = "a NUL byte";
		else if (len > LINE_LIMIT)
			bad = "the line is too long";
		else
			bad = scan_line(out, l, lineno, &in_section);
		if (bad)
			return err_set(e, -ERR_CONFIG, "%s:%zu: %s", name, lineno, bad);
		if (is_quoted(value_of(l)))
			strv_addf(quoted, "%zu", lineno);
	}
	return 0;
}

/* iniparser reads files by name only. */
static int load(const char *name, const struct buf *text, dictionary **out, struct err *e)
{
	_cleanup_close_ int fd = memfd_create("config", MFD_CLOEXEC);
	char path[64];
	int line, r;

	if (fd < 0)
		return err_set(e, -errno, "read '%s': memfd_create", name);
	r = fdio_write_all(fd, text->data, text->len);
	if (r)
		return err_set(e, r, "read '%s': write to a memfd", name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	complaint[0] = '\0';
	iniparser_set_error_callback(complain);
	*out = iniparser_load(path);
	iniparser_set_error_callback(NULL);
	/* each line of @text is one line of the file: iniparser's count holds */
	if (*out && !complaint[0])
		return 0;
	if (*out)
		iniparser_freedict(*out);
	*out = NULL;
	if (sscanf(complaint, "iniparser: syntax error in %*s (%d)", &line) == 1)
		return err_set(e, -ERR_CONFIG, "%s:%d: not a 'key = value' line", name,
			       line);
	complaint[strcspn(complaint, "\n")] = '\0';
	return err_set(e, -ERR_CONFIG, "%s: cannot be parsed: %s", name, complaint);
}

static int set_list(const struct config_key *key, const char *value, config_set_fn set,
		    void *arg, struct err *e)
{
	_cleanup_strv_ struct strv items = { 0 };
	int r = 0;

	strv_split(&items, value, ", \t\r\v\f");
	for (size_t i = 0; !r && i < items.n; i++)
		r = set(arg, key, items.v[i], e);
	return r;
}

static void freedictp(dictionary **d)
{
	if (*d)
		iniparser_freedict(*d);
}

int config_parse(const char *name, const char *text, size_t n,
		 const struct config_key *keys, size_t nkeys, config_set_fn set,
		 void *arg, struct err *e)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv quoted = { 0 };
	_cleanup_(freedictp) dictionary *d = NULL;
	_cleanup_free_ const char **entries = NULL;
	_cleanup_free_ unsigned long *seen = xcalloc(nkeys, sizeof(*seen));
	int count, r;

	buf_adds(&b, "");
	r = scan(name, text, n, &b, &quoted, e);
	if (r)
		return r;
	r = load(name, &b, &d, e);
	if (r)
		return r;
	count = iniparser_getsecnkeys(d, SECTION);
	if (count <= 0)
		return 0;
	entries = xcalloc((size_t)count, sizeof(*entries));
	if (!iniparser_getseckeys(d, SECTION, entries))
		return err_set(e, -ERR_CONFIG, "%s: cannot be parsed", name);
	/* a dictionary nothing was deleted from keeps the order of the file */
	for (int i = 0; i < count; i++) {
		const char *entry = entries[i] + strlen(SECTION ":");
		const char *value = iniparser_getstring(d, entries[i], "");
		char *key, num[24];
		unsigned long line = strtoul(entry, &key, 10);
		size_t k = 0;

		key++; /* the '.' scan_line put there */
		if (!*key)
			return err_set(e, -ERR_CONFIG, "%s:%lu: no key before '='", name,
				       line);
		while (k < nkeys && strcmp(key, keys[k].name))
			k++;
		if (k == nkeys)
			return err_set(e, -ERR_CONFIG, "%s:%lu: unknown key '%s'", name,
				       line, key);
		if (seen[k] && !keys[k].list)
			return err_set(e, -ERR_CONFIG,
				       "%s:%lu: '%s' was already set in line %lu", name,
				       line, key, seen[k]);
		seen[k] = line;
		snprintf(num, sizeof(num), "%lu", line);
		if (keys[k].list && !strv_has(&quoted, num))
			r = set_list(&keys[k], value, set, arg, e);
		else
			r = set(arg, &keys[k], value, e);
		if (r) {
			err_wrap(e, "%s:%lu", name, line);
			return r;
		}
	}
	return 0;
}

int config_read(int dirfd, const char *path, const struct config_key *keys, size_t nkeys,
		config_set_fn set, void *arg, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t n;
	int r = fdio_read_file(dirfd, path, FILE_LIMIT, &text, &n, e);

	if (r)
		return r;
	return config_parse(path, text, n, keys, nkeys, set, arg, e);
}

int config_put(struct buf *b, const char *key, const char *value, struct err *e)
{
	const char *quote = "";

	for (const char *p = value; *p; p++) {
		if (*p == '\n' || *p == '\r')
			return err_set(e, -ERR_CONFIG,
				       "%s: a value cannot hold a newline", key);
		if (!isalnum((unsigned char)*p) && !strchr("/._-+=:@%", *p))
			quote = strchr(value, '"') ? "'" : "\"";
	}
	if (*quote == '\'' && strchr(value, '\''))
		return err_set(e, -ERR_CONFIG,
			       "%s: a value cannot hold both kinds of quotes: %s", key,
			       value);
	if (strlen(key) + strlen(value) + strlen(" = ''\n") > LINE_LIMIT)
		return err_set(e, -ERR_CONFIG, "%s: a value cannot be this long: %.60s...",
			       key, value);
	buf_addf(b, "%s = %s%s%s\n", key, quote, value, quote);
	return 0;
}
