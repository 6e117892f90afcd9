#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# verify: what its builds are given, and what becomes of the copies it makes.

load helper

setup() {
	setup_state
	make_stage "$BATS_TEST_TMPDIR/stage.tar.gz"
	"$CROSSROOT" create one --stage "$BATS_TEST_TMPDIR/stage.tar.gz"
	src=$BATS_TEST_TMPDIR/src out=$BATS_TEST_TMPDIR/out
	mkdir "$src" "$out"
	touch -d @1234567 "$src"
}

teardown() {
	check_mounts
}

# verify OPTION... -- SCRIPT
verify() {
	local opts=()
	while [[ $1 != -- ]]; do opts+=("$1"); shift; done
	# a caller may ignore the signal that is sent here
	env --default-signal=INT "$CROSSROOT" verify one --tree "$src" --bind "$out:/out" "${opts[@]}" -- /bin/sh -c "$2"
}

copies() {
	find "$CROSSROOT_STATE_DIR" -maxdepth 1 -type d -name 'verify.*' -printf '%f\n'
}

@test "the time is that of --env, of the environment or of the tree" {
	local script='echo $SOURCE_DATE_EPOCH >>/out/times'
	unset SOURCE_DATE_EPOCH
	verify -- "$script"
	SOURCE_DATE_EPOCH=2 verify -- "$script"
	SOURCE_DATE_EPOCH=2 verify --env SOURCE_DATE_EPOCH=3 -- "$script"
	[ "$(cat "$out/times")" = $'1234567\n1234567\n2\n2\n3\n3' ]
}

@test "the builds have nothing to read" {
	run verify -- 'if read x; then echo "$x" >got; fi' <<<$'one\ntwo'
	[ "$status" -eq 0 ]
	[[ $output == *"0 files, no difference"* ]]
}

@test "a build that fails is compared, one that is stopped is the last" {
	run verify -- 'echo >>/out/builds; exit 3'
	[ "$status" -eq 1 ]
	[[ $output == *"status 3, "*"status 3, "*"no difference"* ]]
	[ "$(wc -l <"$out/builds")" -eq 2 ]
	run verify -- 'echo >>/out/stopped; kill -INT $$'
	[ "$status" -eq 1 ]
	[[ $output == *"the build at tier none was stopped: Interrupt"* ]]
	[ "$(wc -l <"$out/stopped")" -eq 1 ]
	run "$CROSSROOT" verify one --tree "$src" -- /nonexistent
	[ "$status" -eq 1 ]
	[[ $output == *"warning: tier none: run '/nonexistent' in the root: No such file"* ]]
	[[ $output == *"status 127, "*"status 127, "* ]]
	[ -z "$(copies)" ]
}

@test "the next verify deletes what a killed one left, and not what one works in" {
	local pid
	"$CROSSROOT" verify one --tree "$src" --bind "$out:/out" -- \
		/bin/sh -c 'echo >/out/up; read x </dev/ptmx' >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		[ -e "$out/up" ] && break
		sleep 0.05
	done
	verify -- :
	[ "$(copies | wc -l)" -eq 1 ]
	kill -KILL "$pid"
	wait "$pid" || :
	# the run ends with its verify, and lets go of the directory
	for _ in $(seq 100); do
		verify -- :
		[ -z "$(copies)" ] && break
		sleep 0.05
	done
	[ -z "$(copies)" ]
}
