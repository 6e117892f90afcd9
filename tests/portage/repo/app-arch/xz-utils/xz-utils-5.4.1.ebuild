# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="The LZMA compressor"
HOMEPAGE="https://tukaani.org/xz/"
SRC_URI="mirror://debian/pool/main/x/xz-utils/xz-utils_5.4.1.orig.tar.xz"
S="${WORKDIR}/xz-${PV}"

LICENSE="public-domain"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_configure() {
	econf --disable-static
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
