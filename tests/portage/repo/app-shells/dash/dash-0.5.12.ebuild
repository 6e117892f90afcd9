# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="A small POSIX shell"
HOMEPAGE="http://gondor.apana.org.au/~herbert/dash/"
SRC_URI="mirror://debian/pool/main/d/dash/dash_0.5.12.orig.tar.gz"

LICENSE="BSD"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_configure() {
	econf --bindir="${EPREFIX}/bin"
}

src_test() {
	[[ $(src/dash -c 'x=$(printf %s "a b" | tr a c); echo "${x#c }$((6 * 7))"') == b42 ]] ||
		die "wrong answer"
}
