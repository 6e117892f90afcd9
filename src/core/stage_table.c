// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/stage_table.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const struct row {
	const char *tuple; /* fnmatch pattern; the vendor says nothing */
	const char *archdir, *variant, *profile;
} table[] = {
	{ "aarch64-*linux-gnu", "arm64", "stage3-arm64", "arm64/23.0" },
	{ "aarch64-*linux-musl", "arm64", "stage3-arm64-musl", "arm64/23.0/musl" },
	{ "armv7*-*linux-gnueabihf", "arm", "stage3-armv7a_hardfp", "arm/23.0/armv7a_hf" },
	{ "armv7*-*linux-gnueabihft64", "arm", "stage3-armv7a_hardfp-t64",
	  "arm/23.0/time64/armv7a_hf" },
	{ "armv7*-*linux-musleabihf", "arm", "stage3-armv7a_hardfp_musl",
	  "arm/23.0/armv7a_hf/musl" },
	{ "armv6j*-*linux-gnueabihf", "arm", "stage3-armv6j_hardfp", "arm/23.0/armv6j_hf" },
	{ "armv5te*-*linux-gnueabi", "arm", "stage3-armv5tel", "arm/23.0/armv5te" },
	{ "riscv64-*linux-gnu", "riscv", "stage3-rv64_lp64d", "riscv/23.0/rv64/lp64d" },
	{ "riscv64-*linux-musl", "riscv", "stage3-rv64_lp64d_musl",
	  "riscv/23.0/rv64/lp64d/musl" },
	{ "powerpc64le-*linux-gnu", "ppc", "stage3-ppc64le", "ppc64le/23.0" },
	{ "powerpc64-*linux-gnu", "ppc", "stage3-ppc64", "ppc64/23.0" },
	{ "powerpc-*linux-gnu", "ppc", "stage3-ppc", "ppc/23.0" },
	{ "s390x-*linux-gnu", "s390", "stage3-s390x", "s390/23.0/s390x" },
	{ "mips-*linux-gnu", "mips", "stage3-mips2", "mips/23.0/o32" },
	{ "mipsel-*linux-gnu", "mips", "stage3-mipsel2", "mips/23.0/mipsel/o32" },
	{ "mips64-*linux-gnuabi64", "mips", "stage3-mips3_n64", "mips/23.0/n64" },
	{ "mips64-*linux-gnu", "mips", "stage3-mips3_n32", "mips/23.0/n32" },
	{ "mips64el-*linux-gnuabi64", "mips", "stage3-mipsel3_n64",
	  "mips/23.0/mipsel/n64" },
	{ "mips64el-*linux-gnu", "mips", "stage3-mipsel3_n32", "mips/23.0/mipsel/n32" },
	{ "loongarch64-*linux-gnu", "loong", "stage3-loong", "loong/23.0/la64v100/lp64d" },
	{ "x86_64-*linux-gnu", "amd64", "stage3-amd64", "amd64/23.0" },
	{ "x86_64-*linux-musl", "amd64", "stage3-amd64-musl", "amd64/23.0/musl" },
	{ "i686-*linux-gnu", "x86", "stage3-i686", "x86/23.0/i686" },
	{ "i486-*linux-gnu", "x86", "stage3-i486", "x86/23.0/i486" },
	{ "m68k-*linux-gnu", "m68k", "stage3-m68k", "m68k/23.0" },
	{ "sparc64-*linux-gnu", "sparc", "stage3-sparc64", "sparc/23.0/64ul" },
	{ "hppa2.0*-*linux-gnu", "hppa", "stage3-hppa2.0", "hppa/23.0/hppa2.0" },
	{ "hppa1.1*-*linux-gnu", "hppa", "stage3-hppa1.1", "hppa/23.0/hppa1.1" },
	{ NULL, NULL, NULL, NULL },
};

static const struct row *row_of_tuple(const char *tuple)
{
	const struct row *t = table;

	while (t->tuple && fnmatch(t->tuple, tuple, 0))
		t++;
	return t->tuple ? t : NULL;
}

/* The row of @archdir that most of @variant's name is; NULL where there is none. */
static const struct row *row_of_variant(const char *variant, const char *archdir)
{
	const struct row *best = NULL;
	size_t longest = 0;

	for (const struct row *t = table; t->tuple; t++) {
		size_t n = strlen(t->variant);

		if (n <= longest || strcmp(t->archdir, archdir) ||
		    strncmp(variant, t->variant, n) ||
		    (variant[n] && variant[n] != '-'))
			continue;
		best = t;
		longest = n;
	}
	return best;
}

static bool has_word(const char *variant, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = variant; (p = strstr(p, word)); p += n)
		if (p > variant && strchr("-_", p[-1]) && (!p[n] || strchr("-_", p[n])))
			return true;
	return false;
}

static int use_variant(const char *variant, const struct row *row, struct stage_id *out,
		       struct err *e)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz0123456789._+-"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strlen(variant);
	const struct row *own;

	/* it becomes part of URLs and of file names */
	if (strncmp(variant, "stage", 5) || variant[strspn(variant, ok)] ||
	    n >= STAGE_VARIANT_SIZE) {
		err_set(e, -ERR_USAGE, "'%.100s' is no stage's name", variant);
		return err_hint(e, "a mirror's latest-NAME.txt has the name: %s-openrc",
				row->variant);
	}
	own = row_of_variant(variant, row->archdir);
	/*
	 * Of one that is not in the table no more is known than its architecture, which
	 * profiles may call by another name than mirrors do.
	 */
	if (own)
		snprintf(out->profile, sizeof(out->profile), "%s", own->profile);
	else
		out->profile[strcspn(out->profile, "/")] = '\0';
	memcpy(out->variant, variant, n + 1);
	return 0;
}

int stage_table_find(const char *tuple, const char *init, const char *variant,
		     struct stage_id *out, struct err *e)
{
	const struct row *row = row_of_tuple(tuple);

	if (!row) {
		err_set(e, -ERR_UNSUPPORTED, "no stage of Gentoo's is known for '%s'",
			tuple);
		return err_hint(e, "unpack one of your own with --stage FILE");
	}
	*out = (struct stage_id){ .archdir = row->archdir };
	snprintf(out->profile, sizeof(out->profile), "%s", row->profile);
	if (!init)
		init = "openrc";
	if (strcmp(init, "openrc") && strcmp(init, "systemd"))
		return err_set(e, -ERR_USAGE, "'%s' is neither openrc nor systemd", init);
	if (!variant)
		snprintf(out->variant, sizeof(out->variant), "%s-%s", row->variant, init);
	else if (use_variant(variant, row, out, e) < 0)
		return -ERR_USAGE;
	if (has_word(out->variant, "systemd"))
		out->part = "systemd";
	else if (has_word(out->variant, "nomultilib"))
		out->part = "no-multilib";
	return 0;
}
