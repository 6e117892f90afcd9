#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each kind of storage: create, run, destroy, and what is left.

load helper

@test "each kind keeps what is written between runs, and the host sees nothing of it" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		in_root $kind 'uname -m; echo kept >/root/file; chmod 4711 /root/file' | grep aarch64
		[ "$(in_root $kind 'cat /root/file; stat -c %a /root/file')" = "kept
4711" ]
		[[ $kind == tmpfs ]] || check_mounts
		check_loops
		cr destroy $kind
		check_mounts
		[ ! -e "$STATE/roots/$kind" ]
	done
}

@test "what a root's storage is needs no file for a directory, as before" {
	make_root dir d
	[ ! -e "$STATE/roots/d/storage" ]
	make_root image i
	grep -qx 'kind = image' "$STATE/roots/i/storage"
	[ "$(stat -c %a "$STATE/roots/i/root.img")" = 600 ]
	# sparse: what it holds, not what it may
	[ "$(stat -c %s "$STATE/roots/i/root.img")" = $((64 << 20)) ]
	[ "$(stat -c %b "$STATE/roots/i/root.img")" -lt $((40 << 11)) ]
	[ -z "$(ls -A "$STATE/roots/i/tree")" ]
}

@test "two runs of one root at once see each other's files" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		start $kind 'echo one >/root/one; echo ready
			until [ -e /root/two ]; do sleep 0.05; done; cat /root/two; sleep 0.3'
		[ "$(losetup -a | grep -c "$STATE")" = "$([[ $kind != image ]]; echo $?)" ]
		[ "$(in_root $kind 'cat /root/one; echo two >/root/two')" = one ]
		# the first one goes, a third one joins the second
		start $kind 'echo ready; until [ -e /root/four ]; do sleep 0.05; done
			echo three >/root/three; cat /root/four'
		wait "${started[0]}"
		grep -q two "$BATS_TEST_TMPDIR/out.0"
		in_root $kind 'echo four >/root/four'
		wait "$PID"
		grep -q four "$OUT"
		[ "$(in_root $kind 'cat /root/three')" = three ]
		started=()
		cr destroy $kind
	done
}

@test "many runs that start at once share one file system" {
	local kind i pids
	for kind in image overlay; do
		make_root $kind $kind
		pids=()
		for i in {1..8}; do
			in_root $kind "echo $i >/root/$i" 3>&- &
			pids+=($!)
		done
		for i in "${pids[@]}"; do
			wait "$i"
		done
		[ "$(in_root $kind 'cat /root/*' | sort | xargs)" = "1 2 3 4 5 6 7 8" ]
		check_loops
		cr destroy $kind
	done
}

@test "a run that cannot see who has the root open is refused" {
	local kind
	for kind in image overlay; do
		make_root $kind $kind
		start $kind 'echo ready; sleep 100'
		fails "in use" unshare --fork --pid --mount-proc "$CROSSROOT" run $kind --native none -- true
		in_root $kind true
		stop_started
	done
}

@test "kill -9 of a run leaves no mount and no loop device, and the root works" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		start $kind 'echo kept >/root/kept; echo ready; sleep 100'
		kill -9 "$PID"
		wait "$PID" || :
		[ "$(in_root $kind 'cat /root/kept')" = kept ]
		check_loops
		cr destroy $kind
	done
}

@test "what a kill left goes with the next command, whatever name that is for" {
	local status=0
	strace -f -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=1 \
		"$CROSSROOT" create a --stage "$STAGE" 2>/dev/null 3>&- || status=$?
	[ "$status" -ne 0 ]
	mkdir -p "$STATE/roots/.deleting-b/tree/x" "$STATE/roots/.creating-busy" "$STATE/roots/.other"
	[ -e "$STATE/roots/.creating-a" ]
	exec {busy}>"$STATE/locks/busy"
	flock -n -x $busy
	make_root dir d
	# what somebody is at work on stays, and what is not crossroot's
	[ "$(ls -A "$STATE/roots" | xargs)" = ".creating-busy .other d" ]
	exec {busy}>&-
	cr destroy d
	[ "$(ls -A "$STATE/roots" | xargs)" = ".other" ]
	rmdir "$STATE/roots/.other"
}

@test "a root in use is not destroyed, whatever its storage" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		start $kind 'echo ready; sleep 100'
		fails "root '$kind' is in use" cr destroy $kind
		in_root $kind true
		stop_started
	done
}

@test "a root in memory that is gone says so, and goes" {
	make_root tmpfs m
	umount "$STATE/roots/m/tree"
	fails "was in memory and is gone" in_root m true
	[[ $output == *"crossroot destroy m"* ]]
	cr destroy m
}

@test "a root in memory is not destroyed while somebody is in it" {
	make_root tmpfs m
	(cd "$STATE/roots/m/tree" && fails "unmount" cr destroy m)
	in_root m true
}

@test "a tmpfs and an image hold what --size says, and say when they are full" {
	local kind
	head -c 40000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
	tar -C "$SMALL" -cf "$BATS_TEST_TMPDIR/big.tar" . -C "$BATS_TEST_TMPDIR" big
	for kind in tmpfs image; do
		make_root $kind $kind
		fails "No space left" in_root $kind 'dd if=/dev/zero of=/root/big bs=1M count=80'
		in_root $kind 'rm /root/big; echo works'
		cr destroy $kind
		fails "No space left" cr create $kind --storage $kind --size 16m --stage "$BATS_TEST_TMPDIR/big.tar"
		[ -z "$(names)" ]
		[ -z "$(ls -A "$STATE/roots")" ]
		check_mounts
	done
}

@test "options that do not go together are usage errors" {
	local args
	while read -r args; do
		# shellcheck disable=SC2086 # words
		run cr create x $args
		[ "$status" -eq 2 ] || { echo "$args: $status $output"; return 1; }
	done <<-ARGS
		--storage cloud --stage $STAGE
		--storage image
		--storage overlay
		--storage tmpfs
		--size 1g --stage $STAGE
		--storage dir --base /
		--storage image --base /
		--storage overlay --image $STAGE
		--base / --stage $STAGE
		--storage image --size 1x --stage $STAGE
		--storage image --size 0 --stage $STAGE
		--storage image --size 1m --stage $STAGE
		--storage image --size 99999999t --stage $STAGE
	ARGS
	[ -z "$(ls -A "$STATE/roots" 2>/dev/null)" ]
}

@test "a directory of the user's: filled if it is empty, taken as it is, and left there" {
	local dir=$BATS_TEST_TMPDIR/mine
	cr create one --root "$dir" --stage "$STAGE"
	[ -x "$dir/bin/sh" ]
	cr run one --native none -- sh -c 'echo >/root/new'
	[ -e "$dir/root/new" ]
	run cr create two --root "$dir"
	[ "$status" -eq 1 ]
	[[ $output == *"is in use by root 'one'"* ]]
	cr destroy one
	[ -e "$dir/root/new" ]
	run cr create one --root "$dir" --stage "$STAGE"
	[ "$status" -eq 2 ]
	[[ $output == *"is not empty"* ]]
	[ -e "$dir/root/new" ]
	cr create one --root "$dir"
	run cr run one --native none -- sh -c 'echo /root/*'
	[ "$output" = /root/new ]
	run cr create two --root "$BATS_TEST_TMPDIR"
	[ "$status" -ne 0 ]
	cr destroy one
}
