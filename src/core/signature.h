// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * Signatures, as gpgv(1) judges them. Only a good signature of today, by a key of the
 * keyring that is neither expired nor revoked, with a digest that is not broken, is
 * one; and if there are several, each has to be. Everything else is -ERR_VERIFY, with
 * a message of its own. gpgv's exit status alone would let expired keys pass.
 */
#define SIGNATURE_KEY_SIZE 65

struct signature {
	const char *keyring; /* path; binary or armored */
	const char *work;    /* directory in which gpgv may write, private to us */
};

/*
 * Verify the clearsigned message @text of @n bytes, called @name. What it signs, as
 * gpgv gives it and nothing around it, goes to *@out, which the caller frees; the
 * fingerprint of the primary key into @key.
 */
int signature_clearsigned(const struct signature *s, const char *name, const char *text,
			  size_t n, char **out, size_t *len,
			  char key[SIGNATURE_KEY_SIZE], struct err *e);

/* Verify that @sig of @n bytes, called @name, signs the file at @path. */
int signature_detached(const struct signature *s, const char *name, const char *sig,
		       size_t n, const char *path, char key[SIGNATURE_KEY_SIZE],
		       struct err *e);
