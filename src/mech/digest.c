// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/digest.h"

#include <gcrypt.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"

static const struct {
	int gcrypt;
	size_t size;
	const char *name;
} kinds[] = {
	[DIGEST_SHA256] = { GCRY_MD_SHA256, 32, "SHA-256" },
	[DIGEST_SHA512] = { GCRY_MD_SHA512, 64, "SHA-512" },
	[DIGEST_BLAKE2B] = { GCRY_MD_BLAKE2B_512, 64, "BLAKE2b" },
};

struct digest {
	gcry_md_hd_t md;
	enum digest_kind kind;
};

/* The library wants this once, before all else. */
static void prepare(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return;
	gcry_check_version(NULL);
	/* there are no secrets here, and locked memory is scarce */
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

int digest_new(struct digest **out, enum digest_kind kind, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct digest *d = xcalloc(1, sizeof(*d));
	gcry_error_t failed;

	pthread_once(&once, prepare);
	*out = NULL;
	d->kind = kind;
	failed = gcry_md_open(&d->md, kinds[kind].gcrypt, 0);
	if (failed) {
		free(d);
		return err_set(e, -ERR_UNSUPPORTED, "libgcrypt refuses %s: %s",
			       kinds[kind].name, gcry_strerror(failed));
	}
	*out = d;
	return 0;
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	gcry_md_write(d->md, data, n);
}

void digest_hex(struct digest *d, char hex[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = gcry_md_read(d->md, kinds[d->kind].gcrypt);
	size_t n = kinds[d->kind].size;

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * n] = '\0';
}

size_t digest_size(enum digest_kind kind)
{
	return kinds[kind].size;
}

void digest_free(struct digest *d)
{
	if (d)
		gcry_md_close(d->md);
	free(d);
}

void digest_freep(struct digest **d)
{
	digest_free(*d);
}
