// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/arch.h"

#include <elf.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/macro.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

#define LSB ELFDATA2LSB
#define MSB ELFDATA2MSB

static const struct arch table[] = {
	{ "x86_64", "x86_64", "x86_64-pc-linux-gnu", "x86_64", "amd64", EM_X86_64, 2, LSB },
	{ "aarch64", "aarch64", "aarch64-unknown-linux-gnu", "aarch64", "arm64", EM_AARCH64,
	  2, LSB },
	{ "arm", "arm*", "armv7a-unknown-linux-gnueabihf", "armv7l", "armhf", EM_ARM, 1,
	  LSB },
	{ "i386", "i[3-6]86", "i686-pc-linux-gnu", "i686", "i386", EM_386, 1, LSB },
	{ "riscv64", "riscv64", "riscv64-unknown-linux-gnu", "riscv64", "riscv64", EM_RISCV,
	  2, LSB },
	{ "riscv32", "riscv32", "riscv32-unknown-linux-gnu", "riscv32", "riscv32", EM_RISCV,
	  1, LSB },
	{ "ppc64le", "powerpc64le", "powerpc64le-unknown-linux-gnu", "ppc64le", "ppc64el",
	  EM_PPC64, 2, LSB },
	{ "ppc64", "powerpc64", "powerpc64-unknown-linux-gnu", "ppc64", "ppc64", EM_PPC64,
	  2, MSB },
	{ "ppc", "powerpc", "powerpc-unknown-linux-gnu", "ppc", "powerpc", EM_PPC, 1, MSB },
	{ "s390x", "s390x", "s390x-ibm-linux-gnu", "s390x", "s390x", EM_S390, 2, MSB },
	{ "mips64el", "mips64el", "mips64el-unknown-linux-gnuabi64", "mips64", "mips64el",
	  EM_MIPS, 2, LSB },
	{ "mips64", "mips64", "mips64-unknown-linux-gnuabi64", "mips64", "mips64", EM_MIPS,
	  2, MSB },
	{ "mipsel", "mipsel", "mipsel-unknown-linux-gnu", "mips", "mipsel", EM_MIPS, 1,
	  LSB },
	{ "mips", "mips", "mips-unknown-linux-gnu", "mips", "mips", EM_MIPS, 1, MSB },
	{ "loongarch64", "loongarch64", "loongarch64-unknown-linux-gnu", "loongarch64",
	  "loong64", EM_LOONGARCH, 2, LSB },
	{ "m68k", "m68k", "m68k-unknown-linux-gnu", "m68k", "m68k", EM_68K, 1, MSB },
	{ "sparc64", "sparc64", "sparc64-unknown-linux-gnu", "sparc64", "sparc64",
	  EM_SPARCV9, 2, MSB },
	{ "hppa", "hppa*", "hppa2.0-unknown-linux-gnu", "parisc", "hppa", EM_PARISC, 1,
	  MSB },
};

const struct arch *arch_by_elf(uint8_t class, uint8_t data, uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].class == class && table[i].data == data &&
		    table[i].machine == machine)
			return &table[i];
	return NULL;
}

const struct arch *arch_by_tuple(const char *tuple)
{
	size_t n = strcspn(tuple, "-");
	char cpu[32];

	if (!n || n >= sizeof(cpu))
		return NULL;
	memcpy(cpu, tuple, n);
	cpu[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!fnmatch(table[i].tuple_cpu, cpu, 0))
			return &table[i];
	return NULL;
}

const struct arch *arch_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

const struct arch *arch_host(void)
{
	struct utsname u;

	return uname(&u) ? NULL : arch_by_tuple(u.machine);
}

const struct arch *arch_at(size_t i)
{
	return i < ARRAY_SIZE(table) ? &table[i] : NULL;
}

void arch_magic(const struct arch *a, uint8_t magic[ARCH_MAGIC_LEN],
		uint8_t mask[ARCH_MAGIC_LEN])
{
	bool lsb = a->data == LSB;

	memset(magic, 0, ARCH_MAGIC_LEN);
	memcpy(magic, ELFMAG, SELFMAG);
	magic[EI_CLASS] = a->class;
	magic[EI_DATA] = a->data;
	magic[EI_VERSION] = EV_CURRENT;
	magic[lsb ? 16 : 17] = ET_EXEC;
	magic[lsb ? 18 : 19] = (uint8_t)(a->machine & 0xff);
	magic[lsb ? 19 : 18] = (uint8_t)(a->machine >> 8);
	/* any OS ABI, any padding, ET_EXEC or ET_DYN: they differ in the lowest bit */
	memset(mask, 0xff, ARCH_MAGIC_LEN);
	memset(mask + EI_OSABI, 0, 16 - EI_OSABI);
	mask[lsb ? 16 : 17] = 0xfe;
}
