// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* OpenPGP's ASCII armor (RFC 4880, 6.2): base64 between "-----BEGIN" and "-----END". */
bool armor_is(const char *text, size_t n);

/*
 * Append to @out what the blocks of @text hold, one after the other, which makes a
 * keyring of several public keys. The checksums are not looked at: damage shows where
 * the bytes are used. -ERR_FORMAT for what is no armor, or is cut.
 */
int armor_decode(const char *text, size_t n, struct buf *out, struct err *e);
