# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="An XML parser"
HOMEPAGE="https://libexpat.github.io/"
SRC_URI="mirror://debian/pool/main/e/expat/expat_2.5.0.orig.tar.gz"
S="${WORKDIR}/libexpat-R_2_5_0/expat"

LICENSE="MIT"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

BDEPEND="
	dev-build/cmake
	dev-build/ninja
"

src_configure() {
	cmake -S . -B "${T}/build" -G Ninja -DCMAKE_INSTALL_PREFIX="${EPREFIX}/usr" \
		-DCMAKE_INSTALL_LIBDIR="$(get_libdir)" -DCMAKE_BUILD_TYPE=None \
		-DCMAKE_C_COMPILER="${CHOST}-gcc" -DCMAKE_CXX_COMPILER="${CHOST}-g++" \
		-DEXPAT_BUILD_DOCS=OFF -DEXPAT_BUILD_TESTS=$(usex test) -DEXPAT_BUILD_EXAMPLES=OFF || die
}

src_compile() {
	ninja -v -C "${T}/build" || die
}

src_test() {
	ctest --test-dir "${T}/build" --output-on-failure || die
}

src_install() {
	DESTDIR="${D}" ninja -C "${T}/build" install || die
	dodoc README.md
}
