#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# list and info: storage, size, base, state and age, without opening a root.

load helper

# field NAME FILTER: what list says of a root in JSON
field() {
	cr list --size --json | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

@test "storage, base, size and age of each kind" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		[ "$(field $kind .storage)" = $kind ]
		[ "$(field $kind .arch)" = aarch64 ]
		[ "$(field $kind .state)" = ready ]
		[ "$(field $kind '.size > 2000000 and .size < 40000000')" = true ]
		[ "$(field $kind 'now - .created | . > -2 and . < 60')" = true ]
		cr info $kind | grep -qx "storage      $kind"
		cr info $kind | grep -qx "state        ready"
	done
	cr create o --base dir
	[ "$(field o .base)" = root:dir ]
	[ "$(field o '.size < 100000')" = true ]
	cr info dir | grep -qx 'base of      o'
	[ "$(cr info dir --json | jq -r '.base_of[]')" = o ]
	[[ $(cr list | grep '^o ') == *"ready  on root:dir" ]]
	in_root o 'echo >/root/x'
	cr snapshot o
	cr info o | grep -q '^snapshot     1, [0-9]* s ago$'
	[ "$(cr info o --json | jq '.snapshots | length')" = 2 ]
}

@test "who uses a root, and that listing does not" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		start $kind 'echo ready; sleep 100'
		[ "$(field $kind .state)" = running ]
		[ "$(field $kind '.pids[]')" = "$PID" ]
		cr info $kind | grep -qx "state        running ($PID)"
		stop_started
		[ "$(field $kind .state)" = ready ]
	done
	# a base is used by those that run upon it
	cr create o --base image
	start o 'echo ready; sleep 100'
	[ "$(field image '.pids[]')" = "$PID" ]
}

@test "one that is being created, and none that a kill left" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	# the stage comes as slowly as this test wants
	make_root dir d
	cr clone d d2 && cr destroy d2
	(exec 3>&-; flock "$STATE/locks/new" sh -c "mkdir '$STATE/roots/.creating-new'; cat '$BATS_TEST_TMPDIR/go'") &
	until [ -e "$STATE/roots/.creating-new" ]; do sleep 0.05; done
	[ "$(field new .state)" = creating ]
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	[ "$(field new .state)" = "" ]
	make_root dir new
	[ "$(field new .state)" = ready ]
}

@test "info mounts nothing, and does not lock the root" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		strace -f -qq -o "$BATS_TEST_TMPDIR/calls" -e trace=mount,unshare,openat \
			"$CROSSROOT" info $kind >"$BATS_TEST_TMPDIR/info"
		! grep -E "mount\(|unshare\(|\"$kind\", .*O_CREAT" "$BATS_TEST_TMPDIR/calls" || return 1
		grep -q "^twins .*'crossroot plan $kind'" "$BATS_TEST_TMPDIR/info"
	done
}

@test "what is broken is listed with the reason, and the others are not bothered" {
	make_root dir d
	make_root tmpfs m
	make_root overlay b
	make_root image i
	cp -r "$SMALL" "$BATS_TEST_TMPDIR/base"
	cr create o --base "$BATS_TEST_TMPDIR/base"
	cp "$STATE/roots/b/storage" "$BATS_TEST_TMPDIR"
	umount "$STATE/roots/m/tree"
	rm -r "$BATS_TEST_TMPDIR/base"
	echo nonsense >>"$STATE/roots/b/storage"
	[ "$(field m .state)" = gone ]
	[ "$(field o .state)" = broken ]
	[[ $(field o .problem) == *"base' is gone" ]]
	[ "$(field b .state)" = broken ]
	[[ $(field b .problem) == *storage* ]]
	in_root d true
	in_root i true
	# what a broken root needs is not known, so nothing is thrown away
	cr create p --storage overlay --stage "$STAGE"
	run cr destroy p
	cp "$BATS_TEST_TMPDIR/storage" "$STATE/roots/b/storage"
	in_root b true
	cr info m | grep -q '^state        gone'
	cr destroy m
}
