// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/*
 * Build a JSON document and print it; keys keep the order they were set in.
 * Strings are whatever bytes a path has: each byte that is not UTF-8 becomes
 * U+FFFD. Building never fails (out of memory aborts).
 */
struct json;

struct json *json_obj(void);
struct json *json_arr(void);
struct json *json_str(const char *s); /* NULL -> null */
struct json *json_int(int64_t v);

void json_set_str(struct json *obj, const char *key, const char *s); /* NULL -> null */
void json_set_int(struct json *obj, const char *key, int64_t v);
void json_set_bool(struct json *obj, const char *key, bool v);

/* Both take ownership of @child. */
void json_set(struct json *obj, const char *key, struct json *child);
void json_append(struct json *arr, struct json *child);

/* Print an object or array, indented by 2, and flush: a full disk is an error. */
int json_print(FILE *f, const struct json *j, struct err *e);

void json_free(struct json *j);
void json_freep(struct json **j);

#define _cleanup_json_ __attribute__((cleanup(json_freep)))
