# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="The Lua language"
HOMEPAGE="https://www.lua.org/"
SRC_URI="mirror://debian/pool/main/l/lua5.4/lua5.4_5.4.4.orig.tar.gz"
S="${WORKDIR}/lua-${PV}"

LICENSE="MIT"
SLOT="5.4"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_compile() {
	emake CC="${CHOST}-gcc -std=gnu99" AR="${CHOST}-ar rcu" RANLIB="${CHOST}-ranlib" \
		MYCFLAGS="${CFLAGS}" MYLDFLAGS="${LDFLAGS}" linux
}

src_test() {
	emake test
	printf 'local t = {}\nfor i = 1, 1000 do t[i] = i * i end\nprint(#t, t[1000])\n' \
		>"${T}/squares.lua" || die
	[[ $(src/lua "${T}/squares.lua") == $'1000\t1000000' ]] || die "wrong answer"
	src/luac -o "${T}/squares" "${T}/squares.lua" || die
	[[ $(src/lua "${T}/squares") == $'1000\t1000000' ]] || die "wrong answer, compiled"
}

src_install() {
	emake INSTALL_TOP="${ED}/usr" INSTALL_LIB="${ED}/usr/$(get_libdir)" \
		INSTALL_MAN="${ED}/usr/share/man/man1" install
	dodoc README
}
