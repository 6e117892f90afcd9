#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# From a tuple to a root: found, fetched, verified, unpacked, over real HTTP.

load helper

@test "two architectures, from nothing to a root that runs" {
	local variant
	start_nginx "$MIRROR"
	for variant in $ARM64 $ARMHF; do
		publish "$variant"
		"$CROSSROOT" create "r-${ARCHDIR[$variant]}" --target "${TUPLE[$variant]}" --mirror "$URL"
		run "$CROSSROOT" info "r-${ARCHDIR[$variant]}"
		[[ $output == *"$variant-$DATE.tar.xz"* ]]
		[[ $output == *"signed by $(fingerprint release)"* ]]
		[[ $output == *"${TUPLE[$variant]}"* ]]
		"$CROSSROOT" run "r-${ARCHDIR[$variant]}" --native none -- sh -c 'exit 0'
		cmp "$STAGES/$variant-$DATE.tar.xz" "$(stage_file "$variant")"
		"$CROSSROOT" destroy "r-${ARCHDIR[$variant]}"
	done
	[[ $("$CROSSROOT" stage list | wc -l) -eq 2 ]]
	"$CROSSROOT" stage verify
}

@test "a root and its native root from one mirror: what matches is native" {
	publish "$ARM64"
	TREES=$BATS_TEST_TMPDIR/trees
	mkdir "$TREES"
	cp -a "$BATS_FILE_TMPDIR/trees/$AMD64" "$TREES"
	# of one package the native stage has another version
	mv "$TREES/$AMD64"/var/db/pkg/sys-apps/coreutils-9.{1,2}
	echo coreutils-9.2 >"$TREES/$AMD64/var/db/pkg/sys-apps/coreutils-9.2/PF"
	publish "$AMD64"
	start_nginx "$MIRROR"
	"$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "$URL" --native-root stage
	"$CROSSROOT" plan r
	"$CROSSROOT" info r
	"$CROSSROOT" info r --json | jq -e '.twins | .matching == 1 and
		.emulated == ["/usr/bin/env", "/usr/bin/true"]'
	run "$CROSSROOT" plan r
	[[ $output == *"/usr/bin/true "*"9.2"* ]]
	# the shell is native, what it starts is not
	"$CROSSROOT" run r -- sh -c 'read -r line </run/crossroot/swaps; test "$line" = /usr/bin/dash; true'
	"$CROSSROOT" destroy r
	"$CROSSROOT" stage prune
}
