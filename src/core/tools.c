// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/tools.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "os/beneath.h"

/*
 * Programs that read and write the same bytes wherever they run. Not here, and
 * why:
 *  - uname, arch, getconf, ldd, ldconfig, file, hostid: they answer for the machine;
 *  - od, printf, seq, numfmt: long and long double are what the machine says;
 *  - who, users, pinky, uptime: they read the machine's records;
 *  - stdbuf, chroot, timeout's relatives with LD_PRELOAD or other roots;
 *  - perl and python: packages ask them what they were built for.
 */
static const char *const programs[] = {
	/* shells */
	"sh dash bash",
	/* coreutils */
	"[ b2sum base32 base64 basename basenc cat chcon chgrp chmod chown cksum comm cp "
	"csplit cut date dd df dir dircolors dirname du echo env expand expr factor false "
	"fmt fold groups head id install join link ln logname ls md5sum mkdir mkfifo mknod "
	"mktemp mv nice nl nohup nproc paste pathchk pr printenv ptx pwd readlink realpath "
	"rm rmdir runcon sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep "
	"sort split stat stty sum sync tac tail tee test timeout touch tr true truncate "
	"tsort tty unexpand uniq unlink vdir wc whoami yes coreutils",
	/* text */
	"sed grep egrep fgrep gawk mawk cmp diff diff3 sdiff patch",
	/* files */
	"find xargs tar gzip gunzip zcat bzip2 bunzip2 bzcat bzip2recover xz unxz xzcat "
	"xzdec lzma lzmainfo zstd zstdmt unzstd zstdcat cpio",
	/* building */
	"make gmake m4 bison flex flex++ ninja samu cmake ctest cpack "
	"gettext ngettext envsubst msgattrib msgcat msgcmp msgcomm msgconv msgen msgexec "
	"msgfilter msgfmt msggrep msginit msgmerge msgunfmt msguniq recode-sr-latin "
	"xgettext pkgconf pkg-config",
};

/* Where programs live; merged or not, candidate_add sees through the links. */
static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };

/* The one file in the root's directory @dir that ends with @suffix, without it. */
static char *only_name(const struct side *root, const char *dir, const char *suffix)
{
	int fd = beneath_open(root->fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	_cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ char *name = NULL;
	struct dirent *de;

	while (d && (de = readdir(d))) {
		size_t n = strlen(de->d_name), s = strlen(suffix);

		if (n <= s || strcmp(de->d_name + n - s, suffix))
			continue;
		if (name)
			return NULL;
		name = xstrndup(de->d_name, n - s);
	}
	return TAKE_PTR(name);
}

/*
 * pkgconf has its own root's search path compiled in. Under the name of a tuple
 * it reads that tuple's personality, which the root's pkgconf brings along.
 */
static void wrap_pkgconf(struct candidate *c, const struct side *root)
{
	_cleanup_free_ char *tuple =
		only_name(root, "/usr/share/pkgconfig/personality.d", ".personality");

	if (!tuple) {
		candidate_refuse(c, "no personality file gives the root's search path");
		return;
	}
	c->kind = CANDIDATE_WRAPPED;
	/* what it says of itself does not come from there */
	c->conf = xasprintf("emulate pkg-config\nemulate pkgconf\n"
			    "emulate --dump-personality\nargv0 %s-pkg-config\n", tuple);
}

static void add(struct candidates *l, const struct side *root,
		const struct side *native_root, const char *path)
{
	struct candidate *c = candidate_add(l, root, native_root, path, path, TIER_TOOLS);

	if (!c)
		return;
	if (!strcmp(path_base(c->path), "pkgconf"))
		wrap_pkgconf(c, root);
	candidate_check(c, root, native_root, false);
}

void tools_find(struct candidates *l, const struct side *root,
	       const struct side *native_root, const struct strv *extra)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_strv_ struct strv names = { 0 };

		strv_split(&names, programs[i], " ");
		for (size_t n = 0; n < names.n; n++)
			for (size_t d = 0; d < ARRAY_SIZE(dirs); d++) {
				_cleanup_free_ char *path =
					xasprintf("%s/%s", dirs[d], names.v[n]);

				add(l, root, native_root, path);
			}
	}
	for (size_t i = 0; i < extra->n; i++)
		add(l, root, native_root, extra->v[i]);
}
