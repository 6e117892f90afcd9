// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/armor.h"

#include <string.h>

#define BEGIN "-----BEGIN PGP "
#define END "-----END PGP "

static bool begins(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && !memcmp(line, with, strlen(with));
}

static int value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

struct bits {
	unsigned held, n;
	bool padded;
};

static int decode_line(const char *line, size_t n, struct bits *b, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		int v = value(line[i]);
		char byte;

		if (line[i] == '=') {
			b->padded = true;
			continue;
		}
		if (v < 0 || b->padded)
			return -ERR_FORMAT;
		b->held = (b->held << 6 | (unsigned)v) & 0xffff;
		b->n += 6;
		if (b->n < 8)
			continue;
		b->n -= 8;
		byte = (char)(b->held >> b->n);
		buf_add(out, &byte, 1);
	}
	return 0;
}

bool armor_is(const char *text, size_t n)
{
	while (n && strchr(" \t\r\n", *text) && *text) {
		text++;
		n--;
	}
	return begins(text, n, BEGIN);
}

int armor_decode(const char *text, size_t n, struct buf *out, struct err *e)
{
	enum { OUTSIDE, HEAD, BODY } at = OUTSIDE;
	const char *end = text + n, *next;
	struct bits bits = { 0 };
	size_t blocks = 0, nr = 0;

	for (; text < end; text = next) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((nl ? nl : end) - text);

		next = nl ? nl + 1 : end;
		nr++;
		while (len && strchr(" \t\r", text[len - 1]) && text[len - 1])
			len--;
		if (at == OUTSIDE) {
			if (begins(text, len, BEGIN))
				at = HEAD;
		} else if (begins(text, len, END)) {
			if (at == HEAD)
				break;
			at = OUTSIDE;
			blocks++;
		} else if (at == HEAD) {
			/* "Version: ..." and the like, up to an empty line */
			if (!len) {
				at = BODY;
				bits = (struct bits){ 0 };
			}
		} else if (*text == '=' && len == 5) {
			bits.padded = true; /* the checksum */
		} else if (decode_line(text, len, &bits, out) < 0) {
			return err_set(e, -ERR_FORMAT, "line %zu is no base64", nr);
		}
	}
	if (at != OUTSIDE || !blocks)
		return err_set(e, -ERR_FORMAT, "the armor has no end");
	return 0;
}
