#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the plan swaps and what it refuses, and that it is made anew when it has to be.

load helper

setup() {
	RUN_ENV=() RUN_OPTS=()
}

@test "every candidate has a twin or a reason, people and programs read the same" {
	run plan --json
	[ "$status" -eq 0 ]
	python3 "$BATS_TEST_DIRNAME/check_plan.py" <<<"$output"
	run plan
	[[ $output == *"programs stay emulated" ]]
}

@test "an update in the root lifts its swaps until the native root has it too" {
	local db=$TREE/var/lib/dpkg/status
	cp -p "$db" "$HYBRID/status"
	sed -i '/^Package: sed$/,/^$/ s/^Version: .*/Version: 4.99-1/' "$db"
	run plan
	[[ $(line /usr/bin/sed) == "emulated "*"version 4.99-1 here, 4.9-"*" in the native root" ]]
	run in_root tools sh -c 'echo a | sed s/a/b/'
	[ "$output" = b ]
	cp -p "$HYBRID/status" "$db"
	run plan
	[[ $(line /usr/bin/sed) == "tools "* ]]
}

@test "a program that was replaced by hand is not covered by its old twin" {
	cp -p "$TREE/usr/bin/sed" "$HYBRID/sed"
	printf '#!/bin/sh\necho my own\n' >"$TREE/usr/bin/sed"
	run in_root tools sed --version
	[ "$output" = "my own" ]
	run plan
	[[ $(line /usr/bin/sed) == *"it is a script in the root"* ]]
	cp -p "$HYBRID/sed" "$TREE/usr/bin/sed"
}

@test "settings exclude and add swaps" {
	printf '[crossroot]\nexcluded_swaps = sed /usr/bin/grep\nextra_swaps = /usr/bin/seq %s\n' \
		"/usr/bin/perl /usr/bin/nonexistent" >"$HYBRID/more.conf"
	run env CROSSROOT_CONFIG="$HYBRID/more.conf" \
		"$CROSSROOT" plan t --state-dir "$HYBRID/state"
	[[ $(line /usr/bin/sed) == "emulated "*"excluded by the configuration" ]]
	[[ $(line /usr/bin/grep) == "emulated "*"excluded by the configuration" ]]
	[[ $(line /usr/bin/seq) == "tools "*"(coreutils "* ]]
	[[ $(line /usr/bin/perl) == "tools "* ]]
	[[ $output == *"warning: extra_swaps: the root has no '/usr/bin/nonexistent'"* ]]
}

@test "what the user binds is not swapped, whatever the spelling" {
	local mine=$BATS_TEST_TMPDIR/mine dst
	mkdir "$mine"
	printf '#!/bin/sh\necho my own\n' >"$mine/sed"
	chmod +x "$mine/sed"
	for dst in /usr/bin/sed /bin/sed /usr/lib/../bin/./sed; do
		RUN_OPTS=(--bind "$mine/sed:$dst")
		run in_root tools sed --version
		[ "$output" = "my own" ]
	done
	cp "$TREE/bin/sh" "$mine/sh"
	for dst in /usr/bin /usr/bin/ /bin; do
		RUN_OPTS=(--bind "$mine:$dst")
		run in_root tools sed --version
		[ "$output" = "my own" ]
	done
	# nor is anything mounted there, for which a place would have been made
	[ "$(ls "$mine")" = $'sed\nsh' ]
}

# A native root like $NATIVE, but for files in $HYBRID/upper; in a mount namespace of
# its own. with_native SCRIPT
with_native() {
	unshare --mount bash -euc '
		mount --make-rprivate /
		mkdir -p "$HYBRID"/{upper,ovl,merged}
		mount -t overlay overlay -o "lowerdir=$NATIVE,upperdir=$HYBRID/upper,workdir=$HYBRID/ovl" \
			"$HYBRID/merged"
		plan() {
			"$CROSSROOT" plan t --state-dir "$HYBRID/state" --native-root "$HYBRID/merged"
		}
		sed_says() {
			"$CROSSROOT" run t --state-dir "$HYBRID/state" \
				--native-root "$HYBRID/merged" -- sed --version | head -n 1
		}
		'"$1"
}

@test "a twin that would not start is found when the plan is made" {
	# each looks like a program of the right package and version until it is started
	run with_native '
		cp --remove-destination "$NATIVE/usr/bin/sed" "$HYBRID/merged/usr/bin/sed"
		entry=$(readelf -hW "$HYBRID/merged/usr/bin/sed" | sed -n "s/.*Entry point address: *//p")
		printf "\xf4" | dd of="$HYBRID/merged/usr/bin/sed" bs=1 seek=$((entry)) conv=notrunc status=none
		lib=$(basename "$(realpath "$HYBRID"/merged/usr/lib/x86_64-linux-gnu/libbz2.so.1.0)")
		truncate -s 4096 "$HYBRID/merged/usr/lib/x86_64-linux-gnu/$lib"
		rm "$HYBRID/merged/usr/lib/x86_64-linux-gnu/libsigsegv.so.2"
		plan; sed_says'
	[ "$status" -eq 0 ]
	[[ $(line /usr/bin/sed) == *"does not start: signal 11"* ]]
	[[ $(line /usr/bin/bzip2) == "emulated "* ]]
	[[ $(line /usr/bin/gawk) == *"it needs libsigsegv.so.2, which the native root lacks"* ]]
	[[ $(line /usr/bin/grep) == "tools "* ]]
	# and the build goes on with the original
	[[ $output == *"sed (GNU sed) 4.9"* ]]
}

@test "what the originals say of their machine is asked of them, or there is no plan" {
	run edited 'cp "$TREE/usr/bin/false" "$TREE/usr/bin/bash"; plan'
	[ "$status" -eq 1 ]
	[[ $output == *"the root's own '/usr/bin/bash' does not answer: status 1"* ]]
	# a root without them has nothing to be asked
	run edited 'rm "$TREE/usr/bin/bash" "$TREE/usr/bin/make"; plan'
	[ "$status" -eq 0 ]
	# a bind of the run for which the plan is made is not the root's
	printf '#!/bin/sh\necho HOSTTYPE=vax\n' >"$BATS_TEST_TMPDIR/vax"
	chmod +x "$BATS_TEST_TMPDIR/vax"
	rm -f "$HYBRID/state/roots/t/plan"
	RUN_OPTS=(--bind "$BATS_TEST_TMPDIR/vax:/usr/bin/bash")
	run in_root tools bash
	[ "$output" = HOSTTYPE=vax ]
	RUN_OPTS=()
	run in_root tools bash -c 'echo $HOSTTYPE'
	[ "$output" = aarch64 ]
}

@test "an update of the native root makes a new layer" {
	run with_native '
		plan | tail -n 1
		ls "$HYBRID/state/layers" | grep -v lock >"$HYBRID/before"
		libc=$HYBRID/merged/usr/lib/x86_64-linux-gnu/libc.so.6
		cp -p "$libc" "$HYBRID/libc" && touch "$HYBRID/libc" && mv "$HYBRID/libc" "$libc"
		plan | tail -n 1; sed_says
		ls "$HYBRID/state/layers" | grep -v lock >"$HYBRID/after"'
	[ "$status" -eq 0 ]
	[[ $output == *"sed (GNU sed) 4.9"* ]]
	[ "$(wc -l <"$HYBRID/after")" -eq 1 ]
	! cmp -s "$HYBRID/before" "$HYBRID/after"
}
