#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# crossdev's hook, and what crossdev is to build, without a file: the stage is fetched.

load helper

# What crossdev --show-target-cfg says.
make_crossdev() {
	CROSSDEV_PROGRAM=$BATS_TEST_TMPDIR/crossdev
	printf '%s\n' '#!/bin/sh' \
		"printf '%s\n' category=cross-\$3 gcc_pn=gcc binutils_pn=binutils libc_pn=glibc" \
		>"$CROSSDEV_PROGRAM"
	chmod +x "$CROSSDEV_PROGRAM"
}

@test "crossdev-args finds the newest stage and reads its versions" {
	start_nginx "$MIRROR"
	publish "$ARM64"
	run "$CROSSROOT" crossdev-args --target "${TUPLE[$ARM64]}" --mirror "$URL"
	[ "$status" -eq 0 ]
	[ "$output" = "--libc =2.36 --target ${TUPLE[$ARM64]}" ]
}

@test "the hook fetches the stage that it was not given" {
	local t=${TUPLE[$ARM64]}
	make_crossdev
	start_nginx "$MIRROR"
	publish "$ARM64"
	run "$CROSSROOT" crossdev-hook --event install --target "$t" --mirror "$URL" \
		--crossdev "$CROSSDEV_PROGRAM" --eprefix "$BATS_TEST_TMPDIR"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"the stage has no compiler"* ]]
	run "$CROSSROOT" info "$t"
	[[ $output == *"signed by $(fingerprint release)"* ]]
	[ -x "$BATS_TEST_TMPDIR/usr/bin/$t-container-run" ]
	"$CROSSROOT" crossdev-hook --event uninstall --target "$t" --eprefix "$BATS_TEST_TMPDIR"
	[ ! -e "$BATS_TEST_TMPDIR/usr/bin/$t-container-run" ]
	[ -z "$("$CROSSROOT" list)" ]
}

@test "a stage that is not signed for leaves no root" {
	make_crossdev
	make_key other
	publish "$ARM64" "$DATE" other
	run -1 "$CROSSROOT" crossdev-hook --event install --target "${TUPLE[$ARM64]}" \
		--mirror "file://$MIRROR" --crossdev "$CROSSDEV_PROGRAM" --eprefix "$BATS_TEST_TMPDIR"
	echo "$output"
	[[ $output == *"crossroot: error: "* ]]
	[ -z "$("$CROSSROOT" list)" ]
	[ ! -e "$BATS_TEST_TMPDIR/usr" ]
}
