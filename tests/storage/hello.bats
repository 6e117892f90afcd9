#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# GNU hello, configured and made at tier tools, in a root of each kind; and that nothing
# is left of it: no mount, no loop device, no file.

load helper

setup_file() {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	CACHE=${CROSSROOT_CACHE:-/var/cache/crossroot-tests}
	STAGE=$("$TOP/tests/stage/make-stage" arm64)
	NATIVE=$("$TOP/tests/stage/make-native-root")
	SOURCE=$("$TOP/tests/stage/fetch-source" hello)
	DIR=$(mktemp -d "$CACHE/storage-hello.XXXXXX")
	export STAGE NATIVE SOURCE DIR CROSSROOT_STATE_DIR=$DIR/state
	export OURS=$DIR
	mounts >"$DIR/mounts"
	mkdir "$DIR/src"
	tar -C "$DIR/src" --strip-components=1 -xf "$SOURCE"
}

setup() { :; }

teardown() {
	local kind=${BATS_TEST_DESCRIPTION##* }
	cr destroy "$kind"
	diff "$DIR/mounts" <(mounts)
	check_loops
	[ ! -e "$DIR/state/roots/$kind" ]
}

teardown_file() {
	local left
	left=$(find "$DIR/state/roots" "$DIR/state/overlays" -mindepth 1)
	rm -rf --one-file-system -- "$DIR"
	[ -z "$left" ] || { echo "left: $left" >&2; return 1; }
}

# build KIND: in the root's own storage, not on something bound into it
build() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		"$CROSSROOT" run "$1" --state-dir "$CROSSROOT_STATE_DIR" --bind "$DIR/src:/src:ro" \
		-- sh -euc 'cp -a /src /root/hello; cd /root/hello
			./configure >log 2>&1 && make >>log 2>&1 || { tail log; exit 1; }
			./hello; uname -m' </dev/null
}

@test "hello in a root of storage dir" {
	cr create dir --storage dir --stage "$STAGE" --native-root "$NATIVE"
	[ "$(build dir)" = "Hello, world!
aarch64" ]
}

@test "hello in a root of storage image" {
	cr create image --storage image --stage "$STAGE" --native-root "$NATIVE"
	[ "$(build image)" = "Hello, world!
aarch64" ]
	# the plan is the same at the next mount, and so is not made again
	[ "$(cr run image --verbose -- true 2>&1 | grep -c planning)" = 0 ]
}

@test "hello in a root of storage overlay" {
	cr create overlay --storage overlay --stage "$STAGE" --native-root "$NATIVE"
	[ "$(build overlay)" = "Hello, world!
aarch64" ]
	cr clone overlay clone
	[ "$(cr run clone --verbose -- /root/hello/hello 2>&1)" = "Hello, world!" ]
	[[ $(cr diff overlay 0) == *"A /root/hello/hello"* ]]
	cr destroy clone
}

@test "hello in a root of storage tmpfs" {
	[[ $(awk '/MemAvailable/ { print $2 }' /proc/meminfo) -gt 3000000 ]] ||
		skip "a stage does not fit in memory here"
	cr create tmpfs --storage tmpfs --size 3g --stage "$STAGE" --native-root "$NATIVE"
	[ "$(build tmpfs)" = "Hello, world!
aarch64" ]
}
