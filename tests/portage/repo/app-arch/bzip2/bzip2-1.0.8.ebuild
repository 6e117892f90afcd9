# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="The block-sorting compressor"
HOMEPAGE="https://sourceware.org/bzip2/"
SRC_URI="mirror://debian/pool/main/b/bzip2/bzip2_1.0.8.orig.tar.gz"

LICENSE="BZIP2"
SLOT="0/1"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_compile() {
	local flags=(CC="${CHOST}-gcc" AR="${CHOST}-ar" RANLIB="${CHOST}-ranlib")
	local cflags="${CFLAGS} -D_FILE_OFFSET_BITS=64"
	emake "${flags[@]}" CFLAGS="${cflags} -fPIC" -f Makefile-libbz2_so all
	rm *.o || die
	emake "${flags[@]}" CFLAGS="${cflags}" LDFLAGS="${LDFLAGS}" bzip2 bzip2recover libbz2.a
}

src_test() {
	emake CC="${CHOST}-gcc" test
}

src_install() {
	into /usr
	dolib.so libbz2.so.${PV}
	dolib.a libbz2.a
	dosym libbz2.so.${PV} /usr/$(get_libdir)/libbz2.so.1.0
	dosym libbz2.so.${PV} /usr/$(get_libdir)/libbz2.so
	doheader bzlib.h
	newbin bzip2 bzip2
	dobin bzip2recover bzdiff bzgrep bzmore
	dosym bzip2 /usr/bin/bunzip2
	dosym bzip2 /usr/bin/bzcat
	dosym bzgrep /usr/bin/bzegrep
	dosym bzgrep /usr/bin/bzfgrep
	dosym bzdiff /usr/bin/bzcmp
	dosym bzmore /usr/bin/bzless
	doman bzip2.1
	dodoc README CHANGES
}
