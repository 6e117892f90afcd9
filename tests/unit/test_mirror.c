// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "core/mirror.h"
#include "core/stage_table.h"

#define DATE "20260601T170000Z"
#define NAME "stage3-arm64-openrc-" DATE ".tar.xz"
#define HEX16 "0123456789abcdef"
#define HEX128 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16

static void test_table(void **state)
{
	static const struct {
		const char *tuple, *init, *variant;
		const char *want, *archdir, *profile, *part;
	} t[] = {
		{ "aarch64-unknown-linux-gnu", NULL, NULL, "stage3-arm64-openrc", "arm64",
		  "arm64/23.0", NULL },
		{ "aarch64-linux-gnu", "systemd", NULL, "stage3-arm64-systemd", "arm64",
		  "arm64/23.0", "systemd" },
		{ "aarch64-gentoo-linux-musl", NULL, NULL, "stage3-arm64-musl-openrc",
		  "arm64", "arm64/23.0/musl", NULL },
		{ "armv7a-unknown-linux-gnueabihf", "openrc", NULL,
		  "stage3-armv7a_hardfp-openrc", "arm", "arm/23.0/armv7a_hf", NULL },
		{ "armv7a-unknown-linux-gnueabihft64", NULL, NULL,
		  "stage3-armv7a_hardfp-t64-openrc", "arm", "arm/23.0/time64/armv7a_hf",
		  NULL },
		{ "riscv64-unknown-linux-gnu", NULL, "stage3-rv64_lp64-openrc",
		  "stage3-rv64_lp64-openrc", "riscv", "riscv", NULL },
		{ "riscv64-unknown-linux-musl", NULL, NULL,
		  "stage3-rv64_lp64d_musl-openrc", "riscv", "riscv/23.0/rv64/lp64d/musl",
		  NULL },
		{ "powerpc64le-unknown-linux-gnu", NULL, NULL, "stage3-ppc64le-openrc",
		  "ppc", "ppc64le/23.0", NULL },
		{ "powerpc64-unknown-linux-gnu", NULL, NULL, "stage3-ppc64-openrc", "ppc",
		  "ppc64/23.0", NULL },
		{ "x86_64-pc-linux-gnu", NULL, "stage3-amd64-nomultilib-openrc",
		  "stage3-amd64-nomultilib-openrc", "amd64", "amd64/23.0",
		  "no-multilib" },
		/* mirrors and profiles have different words for this architecture */
		{ "powerpc64le-unknown-linux-gnu", NULL, "stage3-power9le-openrc",
		  "stage3-power9le-openrc", "ppc", "ppc64le", NULL },
		/* the longest name of the table counts, not the first */
		{ "aarch64-unknown-linux-gnu", NULL, "stage3-arm64-musl-llvm-systemd",
		  "stage3-arm64-musl-llvm-systemd", "arm64", "arm64/23.0/musl",
		  "systemd" },
		{ "mips64el-unknown-linux-gnuabi64", NULL, NULL,
		  "stage3-mipsel3_n64-openrc", "mips", "mips/23.0/mipsel/n64", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct stage_id id;
		struct err e = { 0 };

		assert_int_equal(stage_table_find(t[i].tuple, t[i].init, t[i].variant,
						  &id, &e), 0);
		assert_string_equal(id.variant, t[i].want);
		assert_string_equal(id.archdir, t[i].archdir);
		assert_string_equal(id.profile, t[i].profile);
		if (t[i].part)
			assert_string_equal(id.part, t[i].part);
		else
			assert_null(id.part);
	}
}

static void test_table_refuses(void **state)
{
	static const struct {
		const char *tuple, *init, *variant;
		int code;
	} t[] = {
		{ "vax-dec-ultrix", NULL, NULL, -ERR_UNSUPPORTED },
		{ "aarch64-unknown-linux-gnuwhat", NULL, NULL, -ERR_UNSUPPORTED },
		{ "aarch64-unknown-linux-gnu", "runit", NULL, -ERR_USAGE },
		{ "aarch64-unknown-linux-gnu", NULL, "../../etc", -ERR_USAGE },
		{ "aarch64-unknown-linux-gnu", NULL, "stage3/arm64", -ERR_USAGE },
		{ "aarch64-unknown-linux-gnu", NULL, "arm64-openrc", -ERR_USAGE },
		{ "aarch64-unknown-linux-gnu", NULL, "", -ERR_USAGE },
	};
	char long_name[200] = "stage3-";
	struct stage_id id;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(stage_table_find(t[i].tuple, t[i].init, t[i].variant,
						  &id, &e), t[i].code);
	memset(long_name + 7, 'x', 150);
	assert_int_equal(stage_table_find("aarch64-unknown-linux-gnu", NULL, long_name,
					  &id, &e), -ERR_USAGE);
}

static void test_urls(void **state)
{
	struct stage_id id;
	struct mirror_file f;

	(void)state;
	assert_int_equal(stage_table_find("aarch64-unknown-linux-gnu", NULL, NULL, &id,
					  NULL), 0);
	assert_int_equal(mirror_name(id.variant, DATE, &f, NULL), 0);
	assert_string_equal(f.name, NAME);
	assert_int_equal(mirror_name(id.variant, "20260601", &f, NULL), -ERR_USAGE);

	_cleanup_free_ char *index = mirror_index_url("http://m//", &id);
	_cleanup_free_ char *file = mirror_file_url("http://m/gentoo", &id, &f, ".DIGESTS");

	assert_string_equal(index,
			    "http://m/releases/arm64/autobuilds/"
			    "latest-stage3-arm64-openrc.txt");
	assert_string_equal(file, "http://m/gentoo/releases/arm64/autobuilds/" DATE
				  "/" NAME ".DIGESTS");
}

static void test_index(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *error;
	} t[] = {
		{ "# Latest as of Mon, 01 Jun 2026\n# ts=1780332013\n"
		  DATE "/" NAME " 287654321\n", 0, NULL },
		{ DATE "/" NAME " 1", 0, NULL },
		{ DATE "/" NAME "  1  \r\n\n", 0, NULL },
		/* one index may have several stages */
		{ DATE "/stage3-arm64-systemd-" DATE ".tar.xz 5\n" DATE "/" NAME " 7\n", 0,
		  NULL },
		{ "", -ERR_FORMAT, "names no file" },
		{ "# ts=1780332013\n", -ERR_FORMAT, "names no file" },
		{ DATE "/stage3-arm64-systemd-" DATE ".tar.xz 5\n", -ERR_MISMATCH,
		  "stage3-arm64-systemd" },
		{ DATE "/" NAME "\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " \n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " x\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " 0\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " -1\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " 1 2\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " 99999999999999999999\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " 999999999999999999\n", -ERR_FORMAT, "line 1" },
		{ "\n20260602T170000Z/" NAME " 1\n", -ERR_FORMAT, "line 2" },
		{ "../" NAME " 1\n", -ERR_FORMAT, "line 1" },
		{ DATE "/../" NAME " 1\n", -ERR_FORMAT, "line 1" },
		{ DATE "/x/" NAME " 1\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " 1\n" DATE "/" NAME " 2\n", -ERR_FORMAT, "second" },
		{ "<html><body>404</body></html>\n", -ERR_FORMAT, "line 1" },
		{ DATE "/" NAME " 1\n\x01\n", -ERR_FORMAT, "no text" },
		{ "-----BEGIN PGP SIGNED MESSAGE-----\n", -ERR_FORMAT, "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct mirror_file f;
		struct err e = { 0 };
		int r = mirror_parse_index(t[i].text, strlen(t[i].text),
					   "stage3-arm64-openrc", &f, &e);

		if (r != t[i].code)
			fprintf(stderr, "case %zu: %d, %s\n", i, r, e.msg);
		assert_int_equal(r, t[i].code);
		if (t[i].error) {
			assert_non_null(strstr(e.msg, t[i].error));
			continue;
		}
		assert_string_equal(f.name, NAME);
		assert_string_equal(f.date, DATE);
		assert_true(f.size > 0);
	}
	/* a line that no stage's name is so long for */
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, DATE "/");
	for (int i = 0; i < 600; i++)
		buf_adds(&b, "x");
	assert_int_equal(mirror_parse_index(b.data, b.len, "x", &(struct mirror_file){ 0 },
					    NULL), -ERR_FORMAT);
}

static void test_digests(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *error;
	} t[] = {
		{ "# BLAKE2B HASH\n" HEX128 "  " NAME "\n# SHA512 HASH\n" HEX128 "  " NAME
		  "\n", 0, NULL },
		{ "# SHA512 HASH\n" HEX128 "  " NAME "\n" HEX128 "  " NAME ".CONTENTS.gz\n"
		  "# BLAKE2B HASH\n" HEX128 "  " NAME "\n", 0, NULL },
		/* kinds that others may add are passed over */
		{ "# MD5 HASH\n0123  " NAME "\n# BLAKE2B HASH\n" HEX128 "  " NAME
		  "\n# SHA512 HASH\n" HEX128 "  " NAME "\n", 0, NULL },
		{ "# BLAKE2B HASH\n" HEX128 "  " NAME "\n", -ERR_FORMAT, "SHA512" },
		{ "# SHA512 HASH\n" HEX128 "  " NAME "\n", -ERR_FORMAT, "BLAKE2B" },
		{ "# BLAKE2B HASH\n" HEX128 "  other\n# SHA512 HASH\n" HEX128 "  other\n",
		  -ERR_MISMATCH, "other" },
		{ "# BLAKE2B HASH\n" HEX128 "  " NAME ".CONTENTS.gz\n", -ERR_MISMATCH,
		  "CONTENTS" },
		{ HEX128 "  " NAME "\n", -ERR_FORMAT, "line 1" },
		{ "# BLAKE2B HASH\n" HEX128 "0  " NAME "\n", -ERR_FORMAT, "129 digits" },
		{ "# BLAKE2B HASH\n" HEX128 " " NAME "\n", -ERR_FORMAT, "line 2" },
		{ "# BLAKE2B HASH\n" HEX128 "\n", -ERR_FORMAT, "line 2" },
		{ "# BLAKE2B HASH\n" HEX128 "  " NAME "\nf" HEX128 "  " NAME "\n",
		  -ERR_FORMAT, "line 3" },
		{ "# BLAKE2B HASH\n" HEX128 "  " NAME "\n"
		  "f123456789abcdef" HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16 "  " NAME
		  "\n", -ERR_FORMAT, "contradicts" },
		{ "", -ERR_FORMAT, "no BLAKE2B" },
		{ "not found", -ERR_FORMAT, "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct mirror_digests d;
		struct err e = { 0 };
		int r = mirror_parse_digests(t[i].text, strlen(t[i].text), NAME, &d, &e);

		if (r != t[i].code)
			fprintf(stderr, "case %zu: %d, %s\n", i, r, e.msg);
		assert_int_equal(r, t[i].code);
		if (t[i].error) {
			assert_non_null(strstr(e.msg, t[i].error));
			continue;
		}
		assert_string_equal(d.blake2b, HEX128);
		assert_string_equal(d.sha512, HEX128);
	}
}

static void test_names(void **state)
{
	char variant[STAGE_VARIANT_SIZE], date[MIRROR_DATE_SIZE];
	static const char *const bad[] = { "", ".tar.xz", DATE ".tar.xz", "-" DATE ".tar.xz",
					   "stage3-arm64-openrc.tar.xz", NAME ".DIGESTS",
					   "stage3" DATE ".tar.xz", "a/b-" DATE ".tar.xz",
					   ".lock-" NAME };

	(void)state;
	assert_int_equal(mirror_split(NAME, variant, date, NULL), 0);
	assert_string_equal(variant, "stage3-arm64-openrc");
	assert_string_equal(date, DATE);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mirror_split(bad[i], variant, date, NULL), -ERR_FORMAT);
}

static void test_unsigned_text(void **state)
{
	static const char text[] = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
				   "inside\n-----BEGIN PGP SIGNATURE-----\nabc\n";
	size_t n;
	const char *p;

	(void)state;
	assert_true(mirror_is_clearsigned(text, strlen(text)));
	p = mirror_unsigned_text(text, strlen(text), &n);
	assert_int_equal(n, strlen("inside\n"));
	assert_memory_equal(p, "inside\n", n);
	p = mirror_unsigned_text("plain\n", 6, &n);
	assert_int_equal(n, 6);
	assert_memory_equal(p, "plain\n", n);
	/* cut anywhere, nothing outside is read */
	for (size_t i = 0; i <= strlen(text); i++) {
		_cleanup_free_ char *cut = xmalloc(i);

		memcpy(cut, text, i);
		p = mirror_unsigned_text(cut, i, &n);
		assert_true(p >= cut && p + n <= cut + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_refuses),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unsigned_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
