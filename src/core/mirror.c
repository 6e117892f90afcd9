// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/mirror.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define CLEARSIGNED "-----BEGIN PGP SIGNED MESSAGE-----"
#define SIGNATURE "-----BEGIN PGP SIGNATURE-----"
/* a stage of 64 GiB is none */
#define SIZE_LIMIT ((uint64_t)64 << 30)

static char *below(const char *base, const struct stage_id *id, const char *rest)
{
	size_t n = strlen(base);

	while (n && base[n - 1] == '/')
		n--;
	return xasprintf("%.*s/releases/%s/autobuilds/%s", (int)n, base, id->archdir,
			 rest);
}

char *mirror_index_url(const char *base, const struct stage_id *id)
{
	char rest[STAGE_VARIANT_SIZE + 16];

	snprintf(rest, sizeof(rest), "latest-%s.txt", id->variant);
	return below(base, id, rest);
}

char *mirror_file_url(const char *base, const struct stage_id *id,
		      const struct mirror_file *file, const char *suffix)
{
	char rest[MIRROR_DATE_SIZE + MIRROR_FILE_SIZE + 32];

	snprintf(rest, sizeof(rest), "%s/%s%s", file->date, file->name, suffix);
	return below(base, id, rest);
}

bool mirror_date_ok(const char *date)
{
	static const char form[] = "ddddddddTddddddZ";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)date[i]) : date[i] != form[i])
			return false;
	return !date[i];
}

int mirror_name(const char *variant, const char *date, struct mirror_file *out,
		struct err *e)
{
	if (!mirror_date_ok(date))
		return err_set(e, -ERR_USAGE, "'%.40s' is no date of a stage", date);
	*out = (struct mirror_file){ 0 };
	snprintf(out->name, sizeof(out->name), "%.*s-%s.tar.xz", STAGE_VARIANT_SIZE - 1,
		 variant, date);
	memcpy(out->date, date, MIRROR_DATE_SIZE);
	return 0;
}

int mirror_split(const char *name, char variant[STAGE_VARIANT_SIZE],
		 char date[MIRROR_DATE_SIZE], struct err *e)
{
	static const char *const packed[] = { ".tar.xz", ".tar.zst", ".tar.bz2", ".tar.gz",
					      ".tar" };
	size_t i, n, dot = strlen(name);

	for (i = 0; i < ARRAY_SIZE(packed); i++) {
		n = strlen(packed[i]);
		if (dot > n && !strcmp(name + dot - n, packed[i]))
			break;
	}
	if (i == ARRAY_SIZE(packed))
		goto none;
	dot -= n;
	/* VARIANT-DATE */
	if (dot < MIRROR_DATE_SIZE + 1 || dot - MIRROR_DATE_SIZE >= STAGE_VARIANT_SIZE)
		goto none;
	n = dot - MIRROR_DATE_SIZE;
	memcpy(date, name + n + 1, MIRROR_DATE_SIZE - 1);
	date[MIRROR_DATE_SIZE - 1] = '\0';
	memcpy(variant, name, n);
	variant[n] = '\0';
	if (name[n] == '-' && mirror_date_ok(date) && isalnum((unsigned char)*variant) &&
	    !strpbrk(variant, "/ \t"))
		return 0;
none:
	return err_set(e, -ERR_FORMAT, "'%.80s' is no name of a stage's file", name);
}

/* The next line of @text, without what ends it; false at the end. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *nl;

	if (*at == end)
		return false;
	*line = *at;
	nl = memchr(*at, '\n', (size_t)(end - *at));
	*len = (size_t)((nl ? nl : end) - *at);
	*at = nl ? nl + 1 : end;
	while (*len && strchr(" \t\r", (*line)[*len - 1]))
		--*len;
	return true;
}

static bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* Whether what is to be text is that; anything else comes from no mirror. */
static int check_text(const char *text, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x7f || (c < ' ' && !strchr("\t\r\n", c)) || !c)
			return err_set(e, -ERR_FORMAT, "byte %zu is no text", i);
	}
	return 0;
}

/* "DATE/VARIANT-DATE.tar.xz SIZE" */
static int parse_newest(char *line, char variant[STAGE_VARIANT_SIZE],
			struct mirror_file *out, struct err *e)
{
	char *slash = strchr(line, '/'), *blank = strpbrk(line, " \t"), *digits;
	char date[MIRROR_DATE_SIZE];

	if (!slash || !blank || slash > blank)
		goto bad;
	*slash = *blank = '\0';
	digits = blank + 1 + strspn(blank + 1, " \t");
	if (!mirror_date_ok(line) || strlen(slash + 1) >= sizeof(out->name) ||
	    mirror_split(slash + 1, variant, date, NULL) < 0 || strcmp(date, line))
		goto bad;
	if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 18)
		goto bad;
	*out = (struct mirror_file){ 0 };
	for (; *digits; digits++)
		out->size = out->size * 10 + (uint64_t)(*digits - '0');
	if (!out->size || out->size > SIZE_LIMIT)
		goto bad;
	memcpy(out->date, line, sizeof(out->date));
	memcpy(out->name, slash + 1, strlen(slash + 1) + 1);
	return 0;
bad:
	return err_set(e, -ERR_FORMAT, "no 'DATE/NAME-DATE.tar.xz SIZE'");
}

int mirror_parse_index(const char *text, size_t n, const char *variant,
		       struct mirror_file *out, struct err *e)
{
	const char *at = text, *end = text + n, *line;
	char found[STAGE_VARIANT_SIZE], other[STAGE_VARIANT_SIZE] = "";
	struct mirror_file file;
	bool have = false;
	size_t len, nr = 0;
	int r = check_text(text, n, e);

	if (r < 0)
		return r;
	while (next_line(&at, end, &line, &len)) {
		char copy[512];

		nr++;
		if (!len || *line == '#')
			continue;
		if (len >= sizeof(copy))
			return err_set(e, -ERR_FORMAT, "line %zu is too long", nr);
		memcpy(copy, line, len);
		copy[len] = '\0';
		r = parse_newest(copy, found, &file, e);
		if (r < 0)
			return err_wrap(e, "line %zu", nr);
		if (strcmp(found, variant)) {
			memcpy(other, found, sizeof(other));
			continue;
		}
		if (have)
			return err_set(e, -ERR_FORMAT, "line %zu: a second newest file",
				       nr);
		*out = file;
		have = true;
	}
	if (have)
		return 0;
	if (*other)
		return err_set(e, -ERR_MISMATCH, "it is about %s, not %s", other, variant);
	return err_set(e, -ERR_FORMAT, "it names no file");
}

/* "# BLAKE2B HASH"; the word, or NULL for a comment. */
static const char *section(const char *line, size_t len, size_t *word)
{
	const char *p = line + 1, *end = line + len;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	*word = 0;
	while (p + *word < end && !strchr(" \t", p[*word]))
		++*word;
	return p + *word + 5 == end && !memcmp(p + *word, " HASH", 5) ? p : NULL;
}

static int put_digest(char hex[129], const char *line, struct err *e)
{
	char low[129];

	for (size_t i = 0; i < 128; i++)
		low[i] = (char)tolower((unsigned char)line[i]);
	low[128] = '\0';
	if (*hex && strcmp(hex, low))
		return err_set(e, -ERR_FORMAT, "it contradicts itself");
	memcpy(hex, low, sizeof(low));
	return 0;
}

int mirror_parse_digests(const char *text, size_t n, const char *name,
			 struct mirror_digests *out, struct err *e)
{
	const char *at = text, *end = text + n, *line, *kind = NULL;
	char other[160] = "";
	size_t len, word = 0, nr = 0;
	int r = check_text(text, n, e);

	*out = (struct mirror_digests){ 0 };
	while (!r && next_line(&at, end, &line, &len)) {
		bool b2, sha;
		size_t hex = 0;

		nr++;
		if (!len)
			continue;
		if (*line == '#') {
			kind = section(line, len, &word);
			continue;
		}
		while (hex < len && line[hex] != ' ')
			hex++;
		/* "HEX  FILE"; a digest of a kind that is not known is passed over */
		if (hex + 2 >= len || memcmp(line + hex, "  ", 2) || !is_hex(line, hex) ||
		    !kind)
			return err_set(e, -ERR_FORMAT, "line %zu is no digest", nr);
		b2 = word == 7 && !memcmp(kind, "BLAKE2B", 7);
		sha = word == 6 && !memcmp(kind, "SHA512", 6);
		if (!b2 && !sha)
			continue;
		if (hex != 128)
			return err_set(e, -ERR_FORMAT,
				       "line %zu: a digest of %zu digits", nr, hex);
		hex += 2;
		if (len - hex != strlen(name) || memcmp(line + hex, name, len - hex)) {
			snprintf(other, sizeof(other), "%.*s", (int)(len - hex),
				 line + hex);
			continue;
		}
		r = put_digest(b2 ? out->blake2b : out->sha512, line, e);
	}
	if (r < 0)
		return r;
	if (!*out->blake2b && !*out->sha512 && *other)
		return err_set(e, -ERR_MISMATCH, "it is about %s", other);
	if (!*out->blake2b || !*out->sha512)
		return err_set(e, -ERR_FORMAT, "it has no %s of the file",
			       *out->blake2b ? "SHA512" : "BLAKE2B");
	return 0;
}

bool mirror_is_clearsigned(const char *text, size_t n)
{
	size_t len = strlen(CLEARSIGNED);

	return n > len && !memcmp(text, CLEARSIGNED, len) &&
	       (text[len] == '\n' || text[len] == '\r');
}

const char *mirror_unsigned_text(const char *text, size_t n, size_t *len)
{
	const char *at = text, *end = text + n, *line, *start;
	size_t l;

	*len = n;
	if (!mirror_is_clearsigned(text, n))
		return text;
	/* the head ends with an empty line */
	while (next_line(&at, end, &line, &l) && l)
		;
	start = at;
	while (next_line(&at, end, &line, &l))
		if (l == strlen(SIGNATURE) && !memcmp(line, SIGNATURE, l)) {
			*len = (size_t)(line - start);
			return start;
		}
	*len = (size_t)(end - start);
	return start;
}
