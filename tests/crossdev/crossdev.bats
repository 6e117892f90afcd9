#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The real crossdev with the patch, on a Gentoo host: CROSSDEV names its source. Nothing
# of it is replaced but what lies below it: ::gentoo's multilib.eclass and the toolchain's
# ebuilds. The toolchain for arm64 is there already, the very versions, and emerge finds
# nothing to do; for another target emerge merges packages without files.

load helper

setup_file() {
	[[ ${CROSSDEV-} ]] || return 0
	setup_host "$TOP/portage/crossdev/crossroot-container.patch"
}

setup() {
	[[ ${CROSSDEV-} ]] ||
		skip_or_fail "CROSSDEV does not name the source of crossdev" crossdev
	gentoo_or_skip
}

ARM=armv7a-unknown-linux-gnueabihf

crossdev() {
	run on_host crossdev "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

# arm_stage: a stage of $ARM from Debian's programs for it, with a package database
arm_stage() {
	local dir=$BATS_TEST_TMPDIR/arm pkg
	mkdir "$dir"
	zstd -q -dc "$("$TOP/tests/stage/make-stage" armhf)" | tar -C "$dir" -xf -
	for pkg in sys-devel/gcc-12.2.0 sys-devel/binutils-2.40 sys-libs/glibc-2.36-r914; do
		mkdir -p "$dir/var/db/pkg/$pkg"
		echo "$ARM" >"$dir/var/db/pkg/$pkg/CHOST"
	done
	tar -C "$dir" -cf "$HOST/share/arm.tar" .
	rm -rf "$dir"
}

@test "the patch applies to this crossdev without fuzz" {
	local dir=$BATS_TEST_TMPDIR/crossdev
	cp -a "$CROSSDEV" "$dir"
	run patch -d "$dir" -p1 --fuzz=0 --dry-run <"$PATCH"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *offset* && $output != *fuzz* ]]
	git -C "$dir" apply --check "$PATCH"
}

@test "without --container crossdev does what it did" {
	crossdev --init-target --target "$T"
	no_root "$T"
	crossdev --help
	[[ $output == *"--container"* ]]
}

@test "a stage that is not there is said before anything is built" {
	run on_host crossdev --container=stage.tar.zst --target "$T"
	[ "$status" -eq 1 ]
	[[ $output == *"no whole path of a stage: stage.tar.zst"* && $output != *Emerging* ]]
}

@test "--init-target configures, and makes no root" {
	crossdev --init-target --container=/mnt/stage.tar.zst --target "$T"
	[[ $output == *"no toolchain was built"* ]]
	no_root "$T"
}

@test "crossdev --container leaves a root ready for emerge" {
	local args
	args=$(on_host crossroot crossdev-args --stage /mnt/stage.tar.zst)
	# shellcheck disable=SC2086 # they are words
	crossdev --container=/mnt/stage.tar.zst $args
	builds_hello
}

@test "a second run of crossdev finds all as it is" {
	crossdev --container --target "$T"
	run on_host "$T-container-run" hello
	[ "$output" = "Hello, world!" ]
}

@test "another target on the same machine disturbs nothing" {
	arm_stage
	on_host md5sum "/usr/bin/$T-container-emerge" >"$BATS_TEST_TMPDIR/before"
	crossdev --container=/mnt/arm.tar --target "$ARM"
	[[ $(on_host crossroot list) == *"$T"*$'\n'*"$ARM"* ||
		$(on_host crossroot list) == *"$ARM"*$'\n'*"$T"* ]]
	# there is no compiler for it: only the tier without one can run
	run on_host crossroot run "$ARM" --native none -- uname -m
	echo "$output"
	[ "$output" = armv7l ]
	run on_host "$T-container-run" uname -m
	[ "$output" = aarch64 ]
	crossdev --clean "$ARM" --force
	no_root "$ARM"
	run ! on_host test -e "/usr/bin/$ARM-container-run"
	on_host md5sum "/usr/bin/$T-container-emerge" | diff "$BATS_TEST_TMPDIR/before" -
	run on_host "$T-container-run" hello
	[ "$output" = "Hello, world!" ]
}

@test "crossdev --clean keeps a root that was worked in" {
	# the toolchain of the test is read-only, crossdev removes it from the overlay
	run on_host sh -c "yes n | crossdev --clean $T"
	echo "$output"
	[[ $output == *"root '$T' stays"* ]]
	run on_host crossroot run "$T" --native none -- hello
	[ "$output" = "Hello, world!" ]
	run ! on_host test -e "/usr/bin/$T-container-run"
}
