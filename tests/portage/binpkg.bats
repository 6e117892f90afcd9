#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Binary packages land on the host, and install into a second root from a directory and
# from a binhost.
# shellcheck disable=SC2034 # the helper uses RUN_OPTS and ROOT_NAME

load helper
load ../root/safety

PACKAGES=(sys-libs/zlib-1.2.13 dev-lang/lua-5.4.4)

# Two more roots: one for -K and one for -G.
setup_file() {
	local name
	setup_portage_root "${PACKAGES[@]}"
	[[ ! $WHY_NOT ]] || return 0
	for name in local remote; do
		cr create "$name" --stage "$STAGE" --native-root "$NATIVE"
	done
	mkdir "$HYBRID/work/binpkgs"
}

teardown_file() {
	local name
	for name in local remote; do
		[[ ! -d $HYBRID/state/roots/$name ]] || cr destroy "$name"
	done
	teardown_root
}

setup() {
	gentoo_or_skip
	PKGDIR=$HYBRID/work/binpkgs
}

teardown() { stop_started; }

# installed ROOT: both packages are in it, whole, and its lua runs emulated
installed() {
	local cpf TREE=$HYBRID/state/roots/$1/tree ROOT_NAME=$1
	for cpf in "${PACKAGES[@]}"; do
		[[ -d $TREE/var/db/pkg/$cpf ]]
		verify "$cpf"
	done
	[[ $(in_portage none lua -e 'print(_VERSION)') == "Lua 5.4" ]]
}

@test "FEATURES=buildpkg: gpkgs land on the host" {
	local cpf
	mapfile -t atoms < <(atoms "${PACKAGES[@]}")
	RUN_OPTS=(--bind "$PKGDIR:/var/cache/binpkgs")
	FEATURES="buildpkg" run -0 in_portage tools emerge --oneshot --color=n "${atoms[@]}"
	for cpf in "${PACKAGES[@]}"; do
		tar -tf "$PKGDIR/${cpf%-*}/${cpf#*/}-1.gpkg.tar" | grep '/image\.tar'
		grep -x "CPV: $cpf" "$PKGDIR/Packages"
	done
	[ "$(grep -c '^BUILD_ID: 1$' "$PKGDIR/Packages")" = 2 ]
}

@test "emerge -K installs them into a fresh root" {
	ROOT_NAME=local RUN_OPTS=(--bind "$PKGDIR:/var/cache/binpkgs:ro")
	run -0 in_portage tools emerge --oneshot --color=n --usepkgonly lua zlib
	[[ $output == *"Emerging binary "*"dev-lang/lua-5.4.4"* ]] || { echo "$output"; false; }
	installed local
}

@test "emerge -G installs them into another one, from a binhost over HTTP" {
	local port etc=$HYBRID/state/roots/remote/tree/etc/portage
	start python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$PKGDIR"
	wait_for 20 grep -q port "$OUT"
	port=$(sed -n 's/^Serving HTTP on .* port \([0-9]*\) .*/\1/p' "$OUT")
	printf '%s\n' '[test]' "sync-uri = http://127.0.0.1:$port" 'verify-signature = false' \
		>"$etc/binrepos.conf/test.conf"
	# Debian's stage has no wget
	cat >>"$etc/make.conf" <<-'END'
	FETCHCOMMAND="python3 -c 'import sys, urllib.request as u; u.urlretrieve(*sys.argv[1:])' \"\${URI}\" \"\${DISTDIR}/\${FILE}\""
	END
	ROOT_NAME=remote
	run -0 in_portage tools emerge --oneshot --color=n --getbinpkgonly lua zlib
	installed remote
	grep 'GET /dev-lang/lua/lua-5.4.4-1.gpkg.tar.* 200 ' "$OUT"
}
