# SPDX-License-Identifier: GPL-2.0-or-later

EAPI=8

inherit linux-info toolchain-funcs

DESCRIPTION="Hybrid roots: packages for another architecture, built by native tools"
HOMEPAGE="https://github.com/crossroot/crossroot"
if [[ ${PV} == 9999 ]]; then
	inherit git-r3
	EGIT_REPO_URI="https://github.com/crossroot/crossroot.git"
else
	SRC_URI="
		https://github.com/crossroot/crossroot/archive/refs/tags/v${PV}.tar.gz
			-> ${P}.tar.gz
	"
	KEYWORDS="~amd64"
fi

LICENSE="GPL-2+"
SLOT="0"
IUSE="test"
RESTRICT="!test? ( test )"

DEPEND="
	app-arch/libarchive:=
	dev-libs/iniparser:=
	dev-libs/jansson:=
	dev-libs/libgcrypt:=
	net-misc/curl
	sys-apps/util-linux
	sys-fs/e2fsprogs:=
	virtual/libelf:=
"
RDEPEND="
	${DEPEND}
	app-crypt/gnupg
	app-emulation/qemu[static-user]
	sec-keys/openpgp-keys-gentoo-release
"
# the programs that run inside roots are static
DEPEND+="
	sys-libs/glibc[static-libs(+)]
	test? ( dev-util/cmocka )
"
BDEPEND="
	app-text/scdoc
	virtual/pkgconfig
"

CONFIG_CHECK="~BINFMT_MISC ~USER_NS"

# the static programs are linked with flags of their own, and stripped
QA_FLAGS_IGNORED="usr/libexec/crossroot/.*"
QA_PRESTRIPPED="usr/libexec/crossroot/.*"

src_compile() {
	tc-export AR CC PKG_CONFIG
	emake
}

src_test() {
	emake check-layers check-unit
}

src_install() {
	emake DESTDIR="${D}" PREFIX="${EPREFIX}/usr" install
	dodoc README.md doc/decisions.md
}
