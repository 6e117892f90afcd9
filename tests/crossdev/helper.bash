# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files: a Gentoo host to run crossdev and its hook on, and stages.

load ../portage/helper

T=aarch64-unknown-linux-gnu
export T

# setup_host [PATCH]: the host $HOST, with the stage of $T in its /mnt and distfiles for
# hello. Where that cannot be made it sets WHY_NOT.
setup_host() {
	export WHY_NOT="" PATCH=${1-} HOST=$CACHE/root-tests/${BATS_TEST_FILENAME##*/}.$$
	can_run
	remove_stale
	make_product portage/make-portage-root stage
	[[ ! $WHY_NOT ]] || return 0
	STAGE=$PRODUCT
	export STAGE
	mkdir -p "$HOST"
	"$TOP/tests/crossdev/gentoo-host" "$HOST" make
	ln "$STAGE" "$HOST/share/stage.tar.zst" 2>/dev/null ||
		cp "$STAGE" "$HOST/share/stage.tar.zst"
	mkdir "$HOST/share/source"
	cp "$("$TOP/tests/stage/fetch-source" hello)" "$HOST/share/source/"
	printf '%s\n' '[crossroot]' 'binds = /mnt/source:/var/cache/distfiles.host:ro' \
		'mirror_tries = 1' >"$HOST/upper/etc/crossroot.conf"
}

teardown_host() {
	local status=0
	[[ -d ${HOST:-} ]] || return 0
	! grep -F "$HOST" /proc/self/mountinfo >&2 || status=1
	rm -rf --one-file-system -- "$HOST"
	return $status
}

teardown_file() { teardown_host; }

# on_host CMD...: as root of the Gentoo host
on_host() {
	"$TOP/tests/crossdev/gentoo-host" "$HOST" run "$@" </dev/null
}

# host_file PATH: what the host's file holds
host_file() { on_host cat "$1"; }

no_root() {
	[[ ! -e $HOST/state/roots/$1 ]]
}

# builds_hello [DIR]: a package with its tests, in the root, as its user would; the root's
# files are in DIR
builds_hello() {
	run on_host env FEATURES="test -sandbox -usersandbox" \
		"$T-container-emerge" --oneshot --color=n app-misc/hello
	# shellcheck disable=SC2154 # run sets it
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"PASS: "* ]]
	run on_host "$T-container-run" hello
	[ "$output" = "Hello, world!" ]
	[[ $(machine "${1:-$HOST/state/roots/$T/tree}/usr/bin/hello") == AArch64 ]]
}
