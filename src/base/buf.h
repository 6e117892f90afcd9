// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

/* Out of memory aborts: no caller could do better. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) _printf_(1, 2);

/*
 * Grow the array at *@arr (of @size byte elements, *@cap of them allocated)
 * so that element @n exists.
 */
void xgrow(void *arr, size_t *cap, size_t n, size_t size);

/* A growing byte string; .data is NUL-terminated once anything was added. */
struct buf {
	char *data;
	size_t len, cap;
};

void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_free(struct buf *b);

/* A list of strings it owns; .v is NULL-terminated once anything was added. */
struct strv {
	char **v;
	size_t n, cap;
};

void strv_add(struct strv *l, const char *s);	   /* copies @s */
void strv_take(struct strv *l, char *s);	   /* takes ownership of @s */
void strv_addf(struct strv *l, const char *fmt, ...) _printf_(2, 3);
bool strv_has(const struct strv *l, const char *s);
void strv_sort(struct strv *l);
void strv_free(struct strv *l);

/* Split @s at any of @seps; empty pieces are dropped. */
void strv_split(struct strv *l, const char *s, const char *seps);

#define _cleanup_buf_ __attribute__((cleanup(buf_free)))
#define _cleanup_strv_ __attribute__((cleanup(strv_free)))
