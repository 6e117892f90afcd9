# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="A JSON parser; built with CMake"
HOMEPAGE="https://github.com/DaveGamble/cJSON"
SRC_URI="mirror://debian/pool/main/c/cjson/cjson_1.7.15.orig.tar.gz"
S="${WORKDIR}/cJSON-${PV}"

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
		-DENABLE_CJSON_TEST=$(usex test ON OFF) || die
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
