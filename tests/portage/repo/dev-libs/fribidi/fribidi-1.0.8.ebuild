# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="The bidirectional algorithm; built with Meson"
HOMEPAGE="https://github.com/fribidi/fribidi"
SRC_URI="mirror://debian/pool/main/f/fribidi/fribidi_1.0.8.orig.tar.bz2"

LICENSE="LGPL-2.1+"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

BDEPEND="
	dev-build/meson
	dev-build/ninja
"

src_configure() {
	meson setup --prefix="${EPREFIX}/usr" --libdir="$(get_libdir)" --buildtype=plain \
		--wrap-mode=nodownload -Ddocs=false "${T}/build" || die
}

src_compile() {
	ninja -v -C "${T}/build" || die
}

src_test() {
	meson test -C "${T}/build" || die
}

src_install() {
	DESTDIR="${D}" meson install -C "${T}/build" --no-rebuild || die
	dodoc README
}
