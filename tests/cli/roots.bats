#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# create, list, run, destroy: what they do, say and return.

load helper

setup() {
	setup_state
	stage=$BATS_TEST_TMPDIR/stage.tar.gz
	make_stage "$stage"
}

teardown() {
	check_mounts
}

@test "create, list, run and destroy a root" {
	run "$CROSSROOT" create one --stage "$stage"
	[ "$status" -eq 0 ]
	run "$CROSSROOT" list
	[[ $output =~ ^one\ +x86_64\ +dir\ +[0-9]+\ s\ +ready$ ]]
	run "$CROSSROOT" run one -- /bin/sh -c 'echo "$K"; exit 7' --env K=no
	[ "$status" -eq 7 ]
	run "$CROSSROOT" run one --env K=yes -- /bin/sh -c 'echo "$K"; exit 7'
	[ "$status" -eq 7 ]
	[ "$output" = yes ]
	run "$CROSSROOT" destroy one
	[ "$status" -eq 0 ]
	run "$CROSSROOT" list
	[ "$output" = "" ]
}

@test "other users of the machine reach no file of a root, its own users do" {
	"$CROSSROOT" create one --stage "$stage"
	[ "$(stat -c %a "$CROSSROOT_STATE_DIR/roots")" = 700 ]
	run "$CROSSROOT" run one --user 65534 -- /bin/sh -c 'cd /etc && echo "$PWD"'
	[ "$output" = /etc ]
	# as an earlier version left it
	chmod 755 "$CROSSROOT_STATE_DIR/roots"
	"$CROSSROOT" list
	[ "$(stat -c %a "$CROSSROOT_STATE_DIR/roots")" = 700 ]
}

@test "the program's end is passed through" {
	"$CROSSROOT" create one --stage "$stage"
	run "$CROSSROOT" run one -- /bin/sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
	run "$CROSSROOT" run one -- /nonexistent
	[ "$status" -eq 127 ]
	[[ $output == *"run '/nonexistent' in the root: No such file"* ]]
	run "$CROSSROOT" run one --chdir /nowhere -- /bin/sh -c :
	[ "$status" -eq 125 ]
	run "$CROSSROOT" run one --user nobody-here -- /bin/sh -c :
	[ "$status" -eq 125 ]
	[[ $output == *"no user 'nobody-here'"* ]]
	# 4294967295 would be "stay root", 4294967296 would be root
	for user in "" -1 +1 " 1" 0x1 4294967295 4294967296 18446744073709551616; do
		run "$CROSSROOT" run one "--user=$user" -- /bin/sh -c :
		[ "$status" -eq 125 ]
		[[ $output == *"no user '$user'"* ]]
	done
}

@test "a signal reaches the program" {
	"$CROSSROOT" create one --stage "$stage"
	"$CROSSROOT" run one -- /bin/sh -c \
		'trap "echo caught; exit 3" TERM; echo ready; while :; do read x <&3 || :; done 3<>/dev/ptmx' \
		>"$BATS_TEST_TMPDIR/out" &
	pid=$!
	for _ in $(seq 100); do
		grep -q ready "$BATS_TEST_TMPDIR/out" && break
		sleep 0.05
	done
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" -eq 3 ]
	grep -q caught "$BATS_TEST_TMPDIR/out"
}

@test "names that cannot be names are refused" {
	for name in a/b .. .x -- "$(printf 'n%.0s' $(seq 300))"; do
		run "$CROSSROOT" create --stage "$stage" -- "$name"
		[ "$status" -eq 2 ]
	done
}

@test "bad stages are refused and leave nothing" {
	head -c 1000 "$stage" >"$BATS_TEST_TMPDIR/cut.tar.gz"
	run "$CROSSROOT" create one --stage "$BATS_TEST_TMPDIR/cut.tar.gz"
	[ "$status" -eq 1 ]
	[[ $output == *"is damaged"* ]]
	run "$CROSSROOT" create one --stage "$BATS_TEST_TMPDIR"
	[ "$status" -eq 2 ]
	[[ $output == *"is a directory"* ]]
	run "$CROSSROOT" create one --stage "$BATS_TEST_TMPDIR/missing"
	[ "$status" -eq 1 ]
	mkdir "$BATS_TEST_TMPDIR/none"
	tar -C "$BATS_TEST_TMPDIR/none" -cf "$BATS_TEST_TMPDIR/none.tar" .
	run "$CROSSROOT" create one --stage "$BATS_TEST_TMPDIR/none.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"no root file system"* ]]
	run "$CROSSROOT" create one --stage "$stage" --target sparc64-unknown-linux-gnu
	[ "$status" -eq 1 ]
	[[ $output == *"not what sparc64-unknown-linux-gnu needs"* ]]
	[ -z "$(ls -A "$CROSSROOT_STATE_DIR/roots")" ]
}

@test "create and destroy delete what a killed command left" {
	local dir=$CROSSROOT_STATE_DIR/roots
	mkdir -p "$dir"/{.creating,.deleting}-{one,other}/tree
	"$CROSSROOT" create one --stage "$stage"
	[ "$(ls -A "$dir")" = one ]
	mkdir -p "$dir"/{.creating,.deleting}-{one,other}/tree
	"$CROSSROOT" destroy one
	[ -z "$(ls -A "$dir")" ]
	# there is nothing else of it
	mkdir -p "$dir"/.creating-other/tree
	"$CROSSROOT" destroy other
	[ -z "$(ls -A "$dir")" ]
}

@test "a root in use is not destroyed, a missing one is said to be missing" {
	"$CROSSROOT" create one --stage "$stage"
	mkfifo "$BATS_TEST_TMPDIR/go"
	"$CROSSROOT" run one -- /bin/sh -c 'echo up; read x' \
		<>"$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/out" &
	pid=$!
	for _ in $(seq 100); do
		grep -q up "$BATS_TEST_TMPDIR/out" && break
		sleep 0.05
	done
	run "$CROSSROOT" destroy one
	[ "$status" -eq 1 ]
	[[ $output == *"is in use"* ]]
	echo >"$BATS_TEST_TMPDIR/go"
	wait $pid
	"$CROSSROOT" destroy one
	run "$CROSSROOT" destroy one
	[ "$status" -eq 1 ]
	[[ $output == *"there is no root 'one'"* ]]
}

@test "every command has --help and --version" {
	commands=$("$CROSSROOT" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	[[ $commands == create*verify*audit*stage ]]
	for cmd in "" $commands; do
		run "$CROSSROOT" $cmd --help
		[ "$status" -eq 0 ]
		[[ $output == usage:* ]]
		run "$CROSSROOT" $cmd --version
		[ "$status" -eq 0 ]
		[ "$output" = "crossroot $(cat "$BATS_TEST_DIRNAME/../../VERSION")" ]
	done
}
