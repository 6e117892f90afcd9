#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The roots in Gentoo's layout that other tests stand on: what they say of themselves
# is true.

load helper

# a skip in here would fail: setup does it
setup_file() {
	local stage
	export WHY_NOT=
	[[ $(id -u) -eq 0 ]] || { WHY_NOT="needs root"; return; }
	make_product stage/make-gentoo-stage
	[[ ! $WHY_NOT ]] || return 0
	stage=$PRODUCT
	make_product stage/make-gentoo-native-root
	[[ ! $WHY_NOT ]] || return 0
	NATIVE=$PRODUCT
	ROOT=$CACHE/root-tests/${BATS_TEST_FILENAME##*/}.$$
	export NATIVE ROOT
	mkdir -p "$ROOT"
	tar --zstd -C "$ROOT" -xf "$stage"
}

setup() {
	gentoo_or_skip
}

teardown_file() {
	[[ -z ${ROOT:-} ]] || rm -rf --one-file-system -- "$ROOT"
}

# owned ROOT: the files its packages own, for md5sum -c in ROOT
owned() {
	find "$1/var/db/pkg" -name CONTENTS -exec cat {} + | sed -n \
		's,^obj /\(.*\) \([0-9a-f]\{32\}\) [0-9]*$,\2  \1,p'
}

packages() { (cd "$1/var/db/pkg" && printf '%s\n' */* | sort); }

@test "the packages own the files that they say, unchanged" {
	local root
	for root in "$ROOT" "$NATIVE"; do
		[ "$(owned "$root" | wc -l)" -gt 5000 ]
		(cd "$root" && owned . | md5sum --quiet -c)
		[ ! -e "$root/var/lib/dpkg" ]
	done
}

@test "the programs of both roots have the same packages" {
	diff <(packages "$ROOT" | grep -v '^sys-devel/binutils-') \
		<(packages "$NATIVE" | grep -v '^cross-')
	[ "$(packages "$NATIVE" | grep -c '^cross-aarch64-unknown-linux-gnu/')" -eq 4 ]
	[ -d "$ROOT/var/db/pkg/sys-devel/gcc-12.2.0" ]
	[ -d "$NATIVE/var/db/pkg/cross-aarch64-unknown-linux-gnu/gcc-12.2.0" ]
}

@test "each root has its own libraries in /usr/lib64, and no link into nowhere" {
	[ "$(machine "$ROOT/usr/lib64/libc.so.6")" = AArch64 ]
	[[ $(machine "$NATIVE/usr/lib64/libc.so.6") == *X86-64 ]]
	local root link
	for root in "$ROOT" "$NATIVE"; do
		[ "$(readlink "$root/lib64")" = usr/lib64 ]
		[ ! -L "$root/usr/lib64" ]
		[ "$(readlink "$root/usr/bin/sh")" = bash ]
		[ "$(readlink "$root/etc/portage/make.profile" | cut -c1-12)" = ../../var/db ]
		[ -e "$root/etc/portage/make.profile/make.defaults" ]
		find "$root/usr/bin" "$root/usr/lib64" -maxdepth 1 -type l |
			while read -r link; do
				chroot_exists "$root" "${link#"$root"}" || {
					echo "dangling: $link"
					exit 1
				}
			done
	done
}

# chroot_exists ROOT PATH: whether PATH leads to something in ROOT; no program runs.
chroot_exists() {
	local path=$2 n=8
	while [[ -L $1$path && n -gt 0 ]]; do
		n=$((n - 1))
		case $(readlink "$1$path") in
		/*) path=$(readlink "$1$path") ;;
		*) path=${path%/*}/$(readlink "$1$path") ;;
		esac
	done
	[[ -e $1$path ]]
}

@test "without the toolchain tarballs the scripts say so and exit 77" {
	local script
	for script in make-gentoo-stage make-gentoo-native-root; do
		CROSSROOT_TOOLCHAINS=$BATS_TEST_TMPDIR run "$TOP/tests/stage/$script"
		[ "$status" -eq 77 ]
		[[ $output == *"no "*"-aarch64-gcc12.tar.xz in "* ]]
	done
}
