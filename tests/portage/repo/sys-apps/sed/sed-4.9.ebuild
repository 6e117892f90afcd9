# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="The stream editor"
HOMEPAGE="https://www.gnu.org/software/sed/"
SRC_URI="mirror://debian/pool/main/s/sed/sed_4.9.orig.tar.xz"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_configure() {
	econf --bindir="${EPREFIX}/bin"
}

src_test() {
	# it maps as many areas as the kernel allows, where qemu-user has mapped its own
	sed -i 's/ test-free$(EXEEXT)//g' gnulib-tests/Makefile || die
	default
}
