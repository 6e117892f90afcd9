# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="A perfect hash function generator, in C++"
HOMEPAGE="https://www.gnu.org/software/gperf/"
SRC_URI="mirror://debian/pool/main/g/gperf/gperf_3.1.orig.tar.gz"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"

src_test() {
	# its targets depend on one another without saying so
	emake -j1 check
}
