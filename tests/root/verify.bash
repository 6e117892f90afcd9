# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files that compare builds at two tiers, after helper.bash.

# A test has its tree to build in $SRC, and $OUT.
setup_verify() {
	gentoo_or_skip
	SRC=$HYBRID/src/$BATS_TEST_NUMBER OUT=$HYBRID/out/$BATS_TEST_NUMBER
	mkdir -p "$SRC" "$OUT"
}

# verify OPTION... -- CMD...: of $SRC, with $OUT as /out
verify() {
	"${CLEAN[@]}" "$CROSSROOT" verify t --state-dir "$HYBRID/state" --tree "$SRC" \
		--bind "$OUT:/out" "$@" </dev/null
}

# same_bytes OPTION... -- SCRIPT: SCRIPT builds the same at tiers none and tools, and
# installs into image/; that is left in $OUT/image, by the last tier, and audited.
same_bytes() {
	local opts=()
	while [[ $1 != -- ]]; do opts+=("$1"); shift; done
	run --separate-stderr verify "${opts[@]}" -- \
		sh -euc "$2; rm -rf /out/image; cp -a image /out/"
	[[ $status -eq 0 ]] || tail -n 20 <<<"$stderr"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"status 0, "*"status 0, "*" files, no difference" ]]
	audit_image "$OUT/image"
}

audit_image() {
	run "$CROSSROOT" audit "$1" --target aarch64-unknown-linux-gnu --native-root "$NATIVE"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == "0 findings in "*"held against aarch64" ]]
	# at least one program or library was looked at
	[[ $output != *" 0 ELF files"* ]]
}

# no_layer FILE...: no path of the native layer, host or wrapper in them
no_layer() {
	[ $# -gt 0 ]
	for f; do [ -s "$f" ]; done
	run ! grep -aE "/run/crossroot|--sysroot|x86_64|$NATIVE|$HYBRID" "$@"
}
