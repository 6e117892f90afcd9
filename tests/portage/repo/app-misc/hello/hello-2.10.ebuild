# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

DESCRIPTION="GNU hello, the smallest package of all"
HOMEPAGE="https://www.gnu.org/software/hello/"
SRC_URI="mirror://debian/pool/main/h/hello/hello_2.10.orig.tar.gz"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64 arm64"
IUSE="test"
RESTRICT="!test? ( test )"
