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
