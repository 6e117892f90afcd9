# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="The compression library"
HOMEPAGE="https://zlib.net/"
SRC_URI="mirror://debian/pool/main/z/zlib/zlib_1.2.13.dfsg.orig.tar.bz2"
S="${WORKDIR}/${P}.dfsg"

LICENSE="ZLIB"
SLOT="0/1"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_configure() {
	# not autoconf
	CC="${CHOST}-gcc" AR="${CHOST}-ar" RANLIB="${CHOST}-ranlib" uname=Linux \
		./configure --prefix="${EPREFIX}/usr" --libdir="${EPREFIX}/usr/$(get_libdir)" || die
}

src_install() {
	emake DESTDIR="${D}" LDCONFIG=: install
	dodoc README
}
