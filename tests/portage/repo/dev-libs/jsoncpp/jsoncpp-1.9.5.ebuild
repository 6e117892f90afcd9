# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="A JSON library in C++, amalgamated by Python"
HOMEPAGE="https://github.com/open-source-parsers/jsoncpp"
SRC_URI="mirror://debian/pool/main/libj/libjsoncpp/libjsoncpp_1.9.5.orig.tar.gz"

LICENSE="MIT"
SLOT="0/25"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

BDEPEND="dev-lang/python"

src_compile() {
	python3 amalgamate.py || die
	${CHOST}-g++ ${CXXFLAGS} ${LDFLAGS} -fPIC -shared -Idist \
		-Wl,-soname,libjsoncpp.so.25 -o libjsoncpp.so.${PV} dist/jsoncpp.cpp || die
}

src_test() {
	ln -s libjsoncpp.so.${PV} libjsoncpp.so.25 || die
	${CHOST}-g++ ${CXXFLAGS} -Iinclude -o "${T}/tests" src/test_lib_json/*.cpp \
		libjsoncpp.so.${PV} || die
	LD_LIBRARY_PATH=. "${T}/tests" || die
}

src_install() {
	dolib.so libjsoncpp.so.${PV}
	dosym libjsoncpp.so.${PV} /usr/$(get_libdir)/libjsoncpp.so.25
	dosym libjsoncpp.so.25 /usr/$(get_libdir)/libjsoncpp.so
	insinto /usr/include/json
	doins dist/json/json.h dist/json/json-forwards.h
	dodoc README.md
}
