#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The machine's binfmt_misc table: used when asked to, shared by runs, and otherwise
# as it was. Entries of others are never changed.

load helper
load safety

OURS=crossroot-aarch64
MAGIC='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
QEMU=/usr/bin/qemu-aarch64-static

setup() {
	[[ -x $QEMU ]] || skip_or_fail "no $QEMU"
	hold_table
	if [[ -e $TABLE/$OURS ]]; then
		cr list >/dev/null # which removes what a killed run left
		wait_for 60 test ! -e "$TABLE/$OURS"
	fi
}

teardown() {
	local name
	for name in theirs others; do
		[[ ! -e $TABLE/$name ]] || echo -1 >"$TABLE/$name"
	done
	stop_started
}

# register NAME INTERPRETER FLAGS
register() {
	printf '%s' ":$1:M::$MAGIC:$MASK:$2:$3" >"$TABLE/register"
}

# start_waiting [OPTION]...: a run that works until the file /work/go-PID is there,
# and starts an emulated program every now and then. Sets PID and OUT.
start_waiting() {
	start "$CROSSROOT" run t --state-dir "$HYBRID/state" --native none "$@" \
		--bind "$BATS_TEST_TMPDIR:/mnt" -- sh -c 'echo up
		while ! /bin/test -e "/mnt/go-$1"; do /bin/sleep 0.1 || exit 9; done
		/bin/uname -m' - "${#started[@]}"
	GO=$BATS_TEST_TMPDIR/go-$((${#started[@]} - 1))
	wait_for 20 grep -q up "$OUT"
}

# ends_well PID GO OUT
ends_well() {
	: >"$2"
	wait "$1"
	[[ $(tail -n 1 "$3") == aarch64 ]] || { cat "$3" >&2; return 1; }
}

@test "global: an entry of crossroot's own, as long as the run" {
	start_waiting --binfmt global
	run cat "$TABLE/$OURS"
	[[ $output == *"enabled"*"interpreter $QEMU"*"flags: PF"* ]]
	[[ $output != *C* ]] # with C, any set-uid program would be root
	ends_well "$PID" "$GO" "$OUT"
	[ ! -e "$TABLE/$OURS" ]
	run cr run t --native none --binfmt global -- sh -c 'ls /proc/sys/fs/binfmt_misc; exit 5'
	[ "$status" -eq 5 ]
	[ "$output" = "" ]
	[ ! -e "$TABLE/$OURS" ]
}

@test "global: two runs share it, and the last one removes it" {
	start_waiting --binfmt global
	local pid=$PID go=$GO out=$OUT
	start_waiting --binfmt global
	ends_well "$pid" "$go" "$out"
	[ -e "$TABLE/$OURS" ]
	ends_well "$PID" "$GO" "$OUT"
	[ ! -e "$TABLE/$OURS" ]
}

@test "global: kill -9 of one run is nothing to the other" {
	start_waiting --binfmt global
	kill -9 "$PID"
	start_waiting --binfmt global
	local pid=$PID go=$GO out=$OUT
	start_waiting --binfmt global
	kill -9 "$PID"
	sleep 0.5
	cr list >/dev/null
	[ -e "$TABLE/$OURS" ]
	ends_well "$pid" "$go" "$out"
	[ ! -e "$TABLE/$OURS" ]
}

@test "global: what a killed run leaves, the next command removes" {
	start_waiting --binfmt global
	kill -9 "$PID"
	wait "$PID" || true
	gone() { cr list >/dev/null && [[ ! -e $TABLE/$OURS ]]; }
	wait_for 3 gone
}

@test "global: another emulator must wait for the runs that use this one" {
	local other=$BATS_TEST_TMPDIR/qemu
	cp "$QEMU" "$other"
	start_waiting --binfmt global
	run cr run t --native none --binfmt global --qemu "$other" -- uname -m
	[ "$status" -eq 125 ]
	[[ $output == *"another run has '$QEMU' for all aarch64 programs"* ]]
	ends_well "$PID" "$GO" "$OUT"
	run cr run t --native none --binfmt global --qemu "$other" -- uname -m
	[ "$output" = aarch64 ]
}

@test "global: somebody else's entry that will do is used" {
	register theirs "$QEMU" OCF
	local before
	before=$(cat "$TABLE/theirs")
	start_waiting --binfmt global
	[ ! -e "$TABLE/$OURS" ]
	ends_well "$PID" "$GO" "$OUT"
	cmp "$TABLE/theirs" <<<"$before"
	# nor does a kill change that
	start_waiting --binfmt global
	kill -9 "$PID"
	wait "$PID" || true
	cr list >/dev/null
	cmp "$TABLE/theirs" <<<"$before"
}

@test "global: somebody else's entry for the same qemu by another name is used" {
	ln -s "$QEMU" "$BATS_TEST_TMPDIR/aarch64-binfmt-P"
	register theirs "$BATS_TEST_TMPDIR/aarch64-binfmt-P" POCF
	start_waiting --binfmt global
	[ ! -e "$TABLE/$OURS" ]
	ends_well "$PID" "$GO" "$OUT"
}

@test "global: no arguments for qemu beside somebody else's entry" {
	local args=(--native none --binfmt global --qemu-arg -cpu --qemu-arg cortex-a53)
	register theirs "$QEMU" POCF
	run cr run t "${args[@]}" -- uname -m
	[ "$status" -eq 125 ]
	[[ $output == *"break aarch64 programs outside of the run, which 'theirs' starts"* ]]
	[ ! -e "$TABLE/$OURS" ]
	echo 0 >"$TABLE/theirs"
	run cr run t "${args[@]}" -- uname -m
	[ "$output" = aarch64 ]
}

@test "global: somebody else's entry that would not do stays, beside ours" {
	local before kind
	cp "$QEMU" "$BATS_TEST_TMPDIR/other"
	for kind in "$QEMU|OC" "$BATS_TEST_TMPDIR/other|F" "/bin/false|F" "$QEMU|F|off"; do
		IFS='|' read -r interp flags off <<<"$kind"
		register theirs "$interp" "$flags"
		[[ ! $off ]] || echo 0 >"$TABLE/theirs"
		before=$(cat "$TABLE/theirs")
		start_waiting --binfmt global
		[ -e "$TABLE/$OURS" ]
		cmp "$TABLE/theirs" <<<"$before"
		ends_well "$PID" "$GO" "$OUT"
		[ ! -e "$TABLE/$OURS" ]
		cmp "$TABLE/theirs" <<<"$before"
		echo -1 >"$TABLE/theirs"
	done
}

@test "global: an entry that will do, behind one that does not, is not enough" {
	register theirs "$QEMU" F
	register others /bin/false F # the later one is asked first
	start_waiting --binfmt global
	ends_well "$PID" "$GO" "$OUT"
	[ -e "$TABLE/theirs" ]
	[ -e "$TABLE/others" ]
	[ ! -e "$TABLE/$OURS" ]
}

@test "private: the machine's table knows nothing of a run" {
	local before
	before=$(ls "$TABLE")
	start_waiting --binfmt private
	[ "$(ls "$TABLE")" = "$before" ]
	[ ! -e "$TABLE/$OURS" ]
	[ ! -e "$TABLE/crossroot" ]
	run cr run t --native none -- ls /proc/sys/fs/binfmt_misc
	[[ $output == *crossroot* ]]
	ends_well "$PID" "$GO" "$OUT"
}

@test "private: an entry of the machine's does not come between" {
	register theirs /bin/false F
	run cr run t --native none --binfmt private -- uname -m
	[ "$output" = aarch64 ]
}
