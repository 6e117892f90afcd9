#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A real root, used, exported and made again: the same files but for what the use left,
# and a root that builds.

load helper

setup_file() { setup_root arm64 --no-setup; }

# listing DIR: every file of it with all that has to be the same.
listing() (
	cd "$1" || exit
	find . \( -type d -printf '%p\t%y %m %U:%G\0' -o -printf '%p\t%y %m %U:%G %s %T@ %n %l\0' \) |
		LC_ALL=C sort -z | tr '\0' '\n'
	find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
	getfattr -R -h -d -m - -e hex . 2>/dev/null
)

@test "what a hybrid run leaves is not exported, and all else is" {
	local work=$HYBRID/work
	listing "$TREE" >"$work/before"
	[ ! -e "$TREE/lib64" ]
	in_root tools sh -c 'uname -m && gcc --version' >/dev/null
	# or this test says nothing
	[ -f "$TREE/lib64/ld-linux-x86-64.so.2" ]
	[ ! -s "$TREE/lib64/ld-linux-x86-64.so.2" ]
	SOURCE_DATE_EPOCH=2000000000 "$CROSSROOT" export t "$work/t.tar.zst" \
		--state-dir "$HYBRID/state"
	"$CROSSROOT" create again --stage "$work/t.tar.zst" --native-root "$NATIVE" \
		--state-dir "$HYBRID/state" --no-setup
	listing "$HYBRID/state/roots/again/tree" >"$work/after"
	# /build is a mount point of in_root's
	diff "$work/before" <(grep -v $'^\\./build\t' "$work/after")
	run "$CROSSROOT" run again --state-dir "$HYBRID/state" --native tools -- \
		sh -c 'echo "int main(void) { return 42; }" >/tmp/a.c && gcc -o /tmp/a /tmp/a.c && /tmp/a'
	[ "$status" -eq 42 ]
	"$CROSSROOT" destroy again --state-dir "$HYBRID/state"
	rm "$work/t.tar.zst"
}

@test "an OCI image of an arm64 root says so" {
	local work=$HYBRID/work
	"$CROSSROOT" export t "$work/t.oci" --state-dir "$HYBRID/state"
	run skopeo inspect --override-arch arm64 --override-variant v8 "oci:$work/t.oci"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.Architecture + " " + .Os' <<<"$output")" = "arm64 linux" ]
	[ "$(jq -r '.manifests[0].platform | .architecture + "/" + .variant' \
		"$work/t.oci/index.json")" = arm64/v8 ]
	umoci stat --image "$work/t.oci:latest"
	rm -r "$work/t.oci"
}
