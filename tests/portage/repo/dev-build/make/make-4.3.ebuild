# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="GNU make"
HOMEPAGE="https://www.gnu.org/software/make/"
SRC_URI="mirror://debian/pool/main/m/make-dfsg/make-dfsg_4.3.orig.tar.gz"
S="${WORKDIR}/make-dfsg-${PV}"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

BDEPEND="
	dev-build/autoconf
	dev-build/automake
	test? ( dev-lang/perl )
"

src_prepare() {
	default
	# the archive's tarball comes without what autoconf and automake make of it, without
	# gettext's files and without the manual
	sed -i -e '/^AM_GNU_GETTEXT/d' -e 's, po/Makefile.in Makefile , ,' configure.ac || die
	sed -i -e 's/^\(SUBDIRS *=\).*/\1 lib/' -e '/^man_MANS/d' Makefile.am || die
	# qemu-user's vfork is a fork, so posix_spawn never learns that exec failed
	rm tests/scripts/features/exec || die
	aclocal -I m4 || die
	autoconf || die
	autoheader || die
	automake --add-missing --foreign || die
}

src_install() {
	default
	dosym make /usr/bin/gmake
}
