// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>

#include "base/err.h"

enum digest_kind { DIGEST_SHA256, DIGEST_SHA512, DIGEST_BLAKE2B };

/* The longest digest in hexadecimal, with its NUL. */
#define DIGEST_HEX_SIZE 129

/* A digest in the making: bytes are added until it is asked for. */
struct digest;

/*
 * Begin a digest; the caller owns *@out. -ERR_UNSUPPORTED where this machine's policy
 * (FIPS mode) forbids the algorithm.
 */
int digest_new(struct digest **out, enum digest_kind kind, struct err *e);

void digest_add(struct digest *d, const void *data, size_t n);

/*
 * The digest of all that was added, in lower-case hexadecimal with a NUL. @d takes no
 * more bytes then, and gives the same answer again.
 */
void digest_hex(struct digest *d, char hex[DIGEST_HEX_SIZE]);

/* Bytes of the digest itself: 32 or 64. */
size_t digest_size(enum digest_kind kind);

void digest_free(struct digest *d);
void digest_freep(struct digest **d);

#define _cleanup_digest_ __attribute__((cleanup(digest_freep)))
