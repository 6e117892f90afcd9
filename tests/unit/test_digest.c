// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/digest.h"
#include "unit.h"

/* "", "abc" and a million "a": the vectors of FIPS 180-4; for BLAKE2b as b2sum(1) has them. */
static const struct {
	enum digest_kind kind;
	const char *empty, *abc, *million;
} vectors[] = {
	{ DIGEST_SHA256,
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
	{ DIGEST_SHA512,
	  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	  "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
	  "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b" },
	{ DIGEST_BLAKE2B,
	  "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
	  "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce",
	  "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	  "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
	  "98fb3efb7206fd19ebf69b6f312cf7b64e3b94dbe1a17107913975a793f177e1"
	  "d077609d7fba363cbba00d05f7aa4e4fa8715d6428104c0a75643b0ff3fd3eaf" },
};

static void check(enum digest_kind kind, const char *piece, int times, const char *want)
{
	_cleanup_digest_ struct digest *d = NULL;
	struct err e = { 0 };
	char hex[DIGEST_HEX_SIZE];

	assert_int_equal(digest_new(&d, kind, &e), 0);
	for (int i = 0; i < times; i++)
		digest_add(d, piece, strlen(piece));
	digest_hex(d, hex);
	assert_string_equal(hex, want);
	assert_int_equal(strlen(hex), 2 * digest_size(kind));
	/* asked again, it says the same */
	digest_hex(d, hex);
	assert_string_equal(hex, want);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		check(vectors[i].kind, "", 0, vectors[i].empty);
		check(vectors[i].kind, "", 3, vectors[i].empty);
		check(vectors[i].kind, "abc", 1, vectors[i].abc);
		check(vectors[i].kind, "a", 1000000, vectors[i].million);
		check(vectors[i].kind, "aaaaaaaa", 125000, vectors[i].million);
	}
}

static void test_side_by_side(void **state)
{
	struct digest *d[ARRAY_SIZE(vectors)];
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_int_equal(digest_new(&d[i], vectors[i].kind, NULL), 0);
	for (const char *c = "abc"; *c; c++)
		for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
			digest_add(d[i], c, 1);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		digest_hex(d[i], hex);
		assert_string_equal(hex, vectors[i].abc);
		digest_free(d[i]);
	}
	digest_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
