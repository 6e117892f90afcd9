// SPDX-License-Identifier: GPL-2.0-or-later
#include "mech/elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gelf.h>

#include "base/cleanup.h"

#define BUILD_ID ".note.gnu.build-id"
/* A file may claim that its section unpacks to anything. */
#define UNPACKED_LIMIT (1u << 30)

static void endp(Elf **elf)
{
	elf_end(*elf);
}

/* A NUL-terminated string inside the file's bytes at @off, NULL if it is not inside. */
static const char *string_at(const char *raw, size_t size, uint64_t off)
{
	if (off >= size || !memchr(raw + off, '\0', size - off))
		return NULL;
	return raw + off;
}

/* The file offset of the virtual address @addr, by the program headers. */
static bool addr_offset(Elf *elf, size_t phnum, uint64_t addr, uint64_t *off)
{
	for (size_t i = 0; i < phnum; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (addr < ph.p_vaddr || addr - ph.p_vaddr >= ph.p_filesz)
			continue;
		*off = ph.p_offset + (addr - ph.p_vaddr);
		return *off >= ph.p_offset;
	}
	return false;
}

struct dynamic {
	uint64_t strtab;
	bool has_strtab;
	Elf_Data *data;
	size_t n;
};

/* Walk the entries that name strings, in their order. */
static int read_strings(const struct dynamic *d, const char *raw, size_t size,
			uint64_t str_off, struct elf_info *out)
{
	for (size_t i = 0; i < d->n; i++) {
		GElf_Dyn dyn;
		const char *s;

		if (!gelf_getdyn(d->data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_FLAGS_1)
			out->nodeflib = dyn.d_un.d_val & DF_1_NODEFLIB;
		if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_SONAME &&
		    dyn.d_tag != DT_RPATH && dyn.d_tag != DT_RUNPATH)
			continue;
		s = str_off + dyn.d_un.d_val < str_off ?
			    NULL :
			    string_at(raw, size, str_off + dyn.d_un.d_val);
		if (!s)
			return -ERR_FORMAT;
		if (dyn.d_tag == DT_NEEDED)
			strv_add(&out->needed, s);
		else if (dyn.d_tag == DT_SONAME && !out->soname)
			out->soname = xstrdup(s);
		else if (dyn.d_tag == DT_RPATH && !out->rpath)
			out->rpath = xstrdup(s);
		else if (dyn.d_tag == DT_RUNPATH && !out->runpath)
			out->runpath = xstrdup(s);
	}
	return 0;
}

static int read_dynamic(Elf *elf, size_t phnum, const GElf_Phdr *ph, const char *raw,
			size_t size, struct elf_info *out)
{
	struct dynamic d = { 0 };
	uint64_t str_off;

	if (ph->p_offset > size || ph->p_filesz > size - ph->p_offset)
		return -ERR_FORMAT;
	d.data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_DYN);
	if (!d.data)
		return -ERR_FORMAT;
	d.n = ph->p_filesz / gelf_fsize(elf, ELF_T_DYN, 1, EV_CURRENT);
	for (size_t i = 0; i < d.n; i++) {
		GElf_Dyn dyn;

		if (!gelf_getdyn(d.data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB) {
			d.strtab = dyn.d_un.d_ptr;
			d.has_strtab = true;
		}
	}
	if (!d.has_strtab)
		return 0;
	if (!addr_offset(elf, phnum, d.strtab, &str_off))
		return -ERR_FORMAT;
	return read_strings(&d, raw, size, str_off, out);
}

static int read_headers(Elf *elf, struct elf_info *out)
{
	size_t phnum, size;
	const char *raw = elf_rawfile(elf, &size);
	GElf_Ehdr eh;

	if (!raw || !gelf_getehdr(elf, &eh) || elf_getphdrnum(elf, &phnum) < 0)
		return -ERR_FORMAT;
	out->class = eh.e_ident[EI_CLASS];
	out->data = eh.e_ident[EI_DATA];
	out->machine = eh.e_machine;
	out->type = eh.e_type;
	for (size_t i = 0; i < phnum; i++) {
		GElf_Phdr ph;
		const char *s;
		int r;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return -ERR_FORMAT;
		if (ph.p_type == PT_INTERP && !out->interp) {
			s = string_at(raw, size, ph.p_offset);
			if (!s || strlen(s) >= ph.p_filesz)
				return -ERR_FORMAT;
			out->interp = xstrdup(s);
		}
		if (ph.p_type != PT_DYNAMIC)
			continue;
		r = read_dynamic(elf, phnum, &ph, raw, size, out);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes over @elf, NULL if it could not be opened. */
static int read_opened(Elf *opened, const char *name, struct elf_info *out, struct err *e)
{
	_cleanup_(endp) Elf *elf = opened;

	*out = (struct elf_info){ 0 };
	if (!elf)
		return err_set(e, -ERR_FORMAT, "read '%s': %s", name, elf_errmsg(-1));
	if (elf_kind(elf) != ELF_K_ELF)
		return err_set(e, -ERR_FORMAT, "'%s' is no ELF file", name);
	if (read_headers(elf, out) < 0) {
		elf_info_free(out);
		return err_set(e, -ERR_FORMAT, "'%s' is a damaged ELF file", name);
	}
	return 0;
}

int elf_read(int fd, const char *name, struct elf_info *out, struct err *e)
{
	elf_version(EV_CURRENT);
	return read_opened(elf_begin(fd, ELF_C_READ_MMAP, NULL), name, out, e);
}

int elf_read_image(void *image, size_t n, const char *name, struct elf_info *out,
		   struct err *e)
{
	elf_version(EV_CURRENT);
	return read_opened(elf_memory(image, n), name, out, e);
}

void elf_info_free(struct elf_info *info)
{
	free(info->interp);
	free(info->soname);
	strv_free(&info->needed);
	free(info->rpath);
	free(info->runpath);
	*info = (struct elf_info){ 0 };
}

/* The innermost symbol of the table @scn around @value in section @shndx. */
static char *symbol_at(Elf *elf, Elf_Scn *scn, size_t shndx, uint64_t value)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	char *best = NULL;
	uint64_t best_size = UINT64_MAX;
	GElf_Shdr sh;
	size_t n;

	if (!data || !gelf_getshdr(scn, &sh) || !sh.sh_entsize)
		return NULL;
	n = sh.sh_size / sh.sh_entsize;
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx != shndx ||
		    value < sym.st_value || value - sym.st_value >= sym.st_size ||
		    sym.st_size >= best_size)
			continue;
		name = elf_strptr(elf, sh.sh_link, sym.st_name);
		if (!name || !*name)
			continue;
		free(best);
		best = xasprintf("%s+%#jx", name, (uintmax_t)(value - sym.st_value));
		best_size = sym.st_size;
	}
	return best;
}

static char *symbol_in(Elf *elf, size_t shndx, uint64_t value)
{
	Elf_Scn *scn = NULL;
	char *symbol = NULL;

	while (!symbol && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) &&
		    (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM))
			symbol = symbol_at(elf, scn, shndx, value);
	}
	return symbol;
}

/* The name of the section @scn, whose header goes to @sh; NULL where it has none. */
static const char *section_name(Elf *elf, Elf_Scn *scn, size_t names, GElf_Shdr *sh)
{
	return gelf_getshdr(scn, sh) ? elf_strptr(elf, names, sh->sh_name) : NULL;
}

static bool is_named(Elf *elf, Elf_Scn *scn, size_t names, const char *name, GElf_Shdr *sh)
{
	const char *is = section_name(elf, scn, names, sh);

	return is && !strcmp(is, name);
}

/*
 * Find the section of @b that goes with @scn of @a; its header goes to @sh. C++
 * objects have many of one name (".group"), in the same order: it is the n-th too.
 * The index says nothing once another section came or went before it.
 */
static bool counterpart(Elf *a, size_t names_a, Elf_Scn *scn, Elf *b, size_t names_b,
			const char *name, GElf_Shdr *sh)
{
	Elf_Scn *other = NULL;
	size_t before = 0;

	for (Elf_Scn *s = NULL; (s = elf_nextscn(a, s)) && s != scn;)
		before += is_named(a, s, names_a, name, sh);
	while ((other = elf_nextscn(b, other)))
		if (is_named(b, other, names_b, name, sh) && !before--)
			return true;
	return false;
}

/* A section's bytes in the file; empty where the file has none for it. */
struct bytes {
	const unsigned char *data;
	size_t n;
};

static struct bytes section_bytes(const void *file, size_t n, const GElf_Shdr *sh)
{
	if (sh->sh_type == SHT_NOBITS || sh->sh_offset > n || sh->sh_size > n - sh->sh_offset)
		return (struct bytes){ file, 0 };
	return (struct bytes){ (const unsigned char *)file + sh->sh_offset, sh->sh_size };
}

static void describe(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, const char *name,
		     struct bytes x, struct bytes y, const void *a, const void *b,
		     struct elf_difference *out)
{
	GElf_Ehdr eh;
	size_t i = 0;

	while (i < x.n && i < y.n && x.data[i] == y.data[i])
		i++;
	out->section = xstrdup(name);
	out->a = (size_t)(x.data - (const unsigned char *)a) + i;
	out->b = (size_t)(y.data - (const unsigned char *)b) + i;
	/* addresses in a linked file, offsets in an object */
	if (gelf_getehdr(elf, &eh))
		out->symbol = symbol_in(elf, elf_ndxscn(scn),
					i + (eh.e_type == ET_REL ? 0 : sh->sh_addr));
}

bool elf_compare(const void *a, size_t na, const void *b, size_t nb,
		 struct elf_difference *out)
{
	_cleanup_(endp) Elf *ea = NULL, *eb = NULL;
	size_t names_a, names_b, found = 0;
	Elf_Scn *scn = NULL;

	*out = (struct elf_difference){ 0 };
	elf_version(EV_CURRENT);
	/* libelf does not write to what it only reads */
	ea = elf_memory((char *)a, na);
	eb = elf_memory((char *)b, nb);
	if (!ea || !eb || elf_kind(ea) != ELF_K_ELF || elf_kind(eb) != ELF_K_ELF ||
	    elf_getshdrstrndx(ea, &names_a) < 0 || elf_getshdrstrndx(eb, &names_b) < 0)
		return false;
	while ((scn = elf_nextscn(ea, scn))) {
		GElf_Shdr sa, sb;
		const char *name = section_name(ea, scn, names_a, &sa);
		struct bytes x, y = { b, 0 };

		if (!name)
			continue;
		x = section_bytes(a, na, &sa);
		if (counterpart(ea, names_a, scn, eb, names_b, name, &sb))
			y = section_bytes(b, nb, &sb);
		if (x.n == y.n && !memcmp(x.data, y.data, x.n))
			continue;
		found++;
		/* a build id follows from the rest: any other section says more */
		if (out->section && strcmp(out->section, BUILD_ID))
			continue;
		free(out->section);
		free(out->symbol);
		out->section = out->symbol = NULL;
		describe(ea, scn, &sa, name, x, y, a, b, out);
	}
	out->more = found ? found - 1 : 0;
	return found;
}

bool elf_identify(const void *image, size_t n, struct elf_ident *out)
{
	const unsigned char *p = image;
	bool msb;

	/* up to e_machine both classes are laid out alike */
	if (n < 20 || memcmp(p, ELFMAG, SELFMAG))
		return false;
	msb = p[EI_DATA] == ELFDATA2MSB;
	*out = (struct elf_ident){
		.class = p[EI_CLASS],
		.data = p[EI_DATA],
		.type = (uint16_t)(p[msb ? 16 : 17] << 8 | p[msb ? 17 : 16]),
		.machine = (uint16_t)(p[msb ? 18 : 19] << 8 | p[msb ? 19 : 18]),
	};
	return true;
}

/* Fill .unpacked of a compressed section. */
static int unpack_section(Elf_Scn *scn, struct elf_section *s)
{
	GElf_Chdr ch;
	Elf_Data *data;

	if (!gelf_getchdr(scn, &ch) || ch.ch_size > UNPACKED_LIMIT ||
	    elf_compress(scn, 0, 0) < 0)
		return -ERR_FORMAT;
	data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf)
		return -ERR_FORMAT;
	s->unpacked = data->d_buf;
	s->unpacked_size = data->d_size;
	return 0;
}

int elf_sections(void *image, size_t n,
		 void (*fn)(void *arg, const struct elf_section *s), void *arg)
{
	_cleanup_(endp) Elf *elf = NULL;
	Elf_Scn *scn = NULL;
	size_t names;
	int bad = 0;

	elf_version(EV_CURRENT);
	elf = elf_memory(image, n);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names) < 0)
		return -ERR_FORMAT;
	while ((scn = elf_nextscn(elf, scn))) {
		struct elf_section s = { 0 };
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		s.name = name ? name : "";
		s.offset = sh.sh_offset;
		s.size = sh.sh_size;
		if (sh.sh_flags & SHF_COMPRESSED)
			bad += unpack_section(scn, &s) < 0;
		fn(arg, &s);
	}
	return bad;
}
