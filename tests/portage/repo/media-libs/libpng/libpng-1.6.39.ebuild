# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="A library for images"
HOMEPAGE="http://www.libpng.org/"
SRC_URI="mirror://debian/pool/main/libp/libpng1.6/libpng1.6_1.6.39.orig.tar.gz"

LICENSE="libpng2"
SLOT="0/16"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

DEPEND="sys-libs/zlib:="
RDEPEND="${DEPEND}"

src_configure() {
	econf --disable-static
}

src_test() {
	# the other tests are half an hour of emulation
	emake check TESTS="tests/pngtest-all tests/pngimage-quick tests/pngvalid-standard"
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
