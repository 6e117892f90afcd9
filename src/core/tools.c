// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/tools.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
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
	"[ b2sum base32 base64 basename basenc cat chcon chgrp chmod chown cksum "
	"comm cp csplit cut date dd df dir dircolors dirname du echo env expand expr "
	"factor false fmt fold groups head id install join link ln logname ls md5sum "
	"mkdir mkfifo mknod mktemp mv nice nl nohup nproc paste pathchk pr printenv "
	"ptx pwd readlink realpath rm rmdir runcon sha1sum sha224sum sha256sum "
	"sha384sum sha512sum shred shuf sleep sort split stat stty sum sync tac tail "
	"tee test timeout touch tr true truncate tsort tty unexpand uniq unlink vdir "
	"wc whoami yes coreutils",
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
	/* Portage's guard, see sandbox.h, and what it looks at installed files with */
	"sandbox scanelf",
};

/* Where programs live; merged or not, candidate_add sees through the links. */
static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };

/*
 * pkgconf has a search path compiled in. Where the root has the personality of one
 * tuple (Debian), the twin reads that under the tuple's name; else the twin's path
 * has to be the original's (Gentoo, where both are /usr/lib64/pkgconfig).
 */
static void treat_pkgconf(struct candidate *c, const struct side *root)
{
	static const char dir[] = "/usr/share/pkgconfig/personality.d";
	static const char suffix[] = ".personality";
	_cleanup_strv_ struct strv names = { 0 };
	size_t n;

	beneath_list(root->fd, dir, &names);
	n = names.n == 1 ? strlen(names.v[0]) : 0;
	if (n <= strlen(suffix) || strcmp(names.v[0] + n - strlen(suffix), suffix)) {
		c->ask = xstrdup("--dump-personality");
		return;
	}
	c->kind = CANDIDATE_WRAPPED;
	/* what it says of itself does not come from there */
	c->conf = xasprintf("emulate pkg-config\nemulate pkgconf\n"
			    "emulate --dump-personality\nargv0 %.*s-pkg-config\n",
			    (int)(n - strlen(suffix)), names.v[0]);
}

static void add(struct candidates *l, const struct side *root,
		const struct side *native_root, const char *path)
{
	struct candidate *c = candidate_add(l, root, native_root, path, path, TIER_TOOLS);

	if (!c)
		return;
	if (!strcmp(path_base(c->path), "pkgconf"))
		treat_pkgconf(c, root);
	candidate_check(c, root, native_root, MATCH_EXACT);
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
	for (size_t i = 0; i < extra->n; i++) {
		struct stat st;

		/* of the others nobody expects that every root has them */
		if (beneath_stat(root->fd, extra->v[i], &st) < 0)
			log_warn("extra_swaps: the root has no '%s'", extra->v[i]);
		add(l, root, native_root, extra->v[i]);
	}
}
