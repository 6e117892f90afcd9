# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files: a root in Gentoo's layout with Portage in it.

load ../root/helper

bats_require_minimum_version 1.5.0

# FEATURES that cannot work in the root. The first three unshare under qemu-user, as Gentoo's
# own qemu builds must not either; a stage of Debian has no sandbox.
OFF="-ipc-sandbox -network-sandbox -pid-sandbox -sandbox"

# a skip in here would fail: setup does it
setup_file() {
	local stage name
	export WHY_NOT=
	can_run
	make_product portage/make-portage-root stage
	[[ ! $WHY_NOT ]] || return 0
	stage=$PRODUCT
	make_product portage/make-portage-root native
	for name in "${SOURCES[@]}"; do
		"$TOP/tests/stage/fetch-source" "$name" >/dev/null
	done
	create_root "$stage" "$PRODUCT"
}

setup() {
	gentoo_or_skip
}

# in_portage TIER CMD [ARG]...: run CMD in the root at TIER, the distfiles read-only.
in_portage() {
	local tier=$1
	shift
	"${CLEAN[@]}" FEATURES="$OFF ${FEATURES:-}" "$CROSSROOT" run t \
		--state-dir "$HYBRID/state" --native "$tier" \
		--bind "$CACHE/source:/var/cache/distfiles.host:ro" -- "$@" </dev/null
}

# contents CATEGORY/PF: "PATH MD5" of the files that Portage's database says it installed
contents() {
	sed -n 's/^obj \(.*\) \([0-9a-f]\{32\}\) [0-9]*$/\1 \2/p' \
		"$TREE/var/db/pkg/$1/CONTENTS"
}
