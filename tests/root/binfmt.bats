#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Who starts the target's programs: a table of the run's own, or the machine's.

load helper

setup() {
	RUN_ENV=() RUN_OPTS=()
	QEMU=/usr/bin/qemu-aarch64-static
}

teardown() {
	[[ -z ${KEEPER:-} ]] || kill "$KEEPER"
}

# Hold a mount of the machine's table and write what comes by the fifo to it: as a
# host has it mounted. Its view is at /proc/$KEEPER/root.
hold_table() {
	mkfifo "$HYBRID/hold.$BATS_TEST_NUMBER"
	unshare --mount sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; echo up; read x' \
		<>"$HYBRID/hold.$BATS_TEST_NUMBER" >"$HYBRID/up" &
	KEEPER=$!
	for _ in {1..100}; do
		grep -q up "$HYBRID/up" && break
		sleep 0.05
	done
}

table() {
	nsenter --mount --target "$KEEPER" "$@"
}

entries() {
	table ls /proc/sys/fs/binfmt_misc | grep -vxE 'register|status' || :
}

# wait_for FILE: until something is in it
wait_for() {
	for _ in {1..200}; do
		[[ ! -s $1 ]] || return 0
		sleep 0.05
	done
	return 1
}

# long_run MODE NAME: a run that says "up" in out.NAME and ends when it reads a line
long_run() {
	mkfifo "$HYBRID/in.$2"
	"$CROSSROOT" run --state-dir "$HYBRID/state" --native none --binfmt "$1" t -- \
		sh -c 'echo up; read x; uname -m' <>"$HYBRID/in.$2" >"$HYBRID/out.$2" &
	eval "PID_$2=$!"
	wait_for "$HYBRID/out.$2"
}

@test "private: the machine's table stays empty" {
	hold_table
	long_run private p
	[ -z "$(entries)" ]
	echo >"$HYBRID/in.p"
	wait "$PID_p"
	[ "$(tail -n 1 "$HYBRID/out.p")" = aarch64 ]
}

@test "global: shared by runs, gone with the last, never with flag C" {
	hold_table
	long_run global a
	long_run global b
	[ "$(entries)" = crossroot-aarch64 ]
	flags=$(table sed -n 's/^flags: //p' /proc/sys/fs/binfmt_misc/crossroot-aarch64)
	[[ $flags == *F* && $flags != *C* ]]
	echo >"$HYBRID/in.a"
	wait "$PID_a"
	# the other one still starts programs
	[ "$(entries)" = crossroot-aarch64 ]
	echo >"$HYBRID/in.b"
	wait "$PID_b"
	[ "$(tail -n 1 "$HYBRID/out.b")" = aarch64 ]
	[ -z "$(entries)" ]
}

@test "global: of two the killed one takes nothing along, the next command cleans up" {
	hold_table
	long_run global c
	long_run global d
	kill -9 "$PID_c"
	wait "$PID_c" || :
	[ "$(entries)" = crossroot-aarch64 ]
	kill -9 "$PID_d"
	wait "$PID_d" || :
	# the host's own mount keeps the table, and the dead run's entry with it
	[ "$(entries)" = crossroot-aarch64 ]
	"$CROSSROOT" list --state-dir "$HYBRID/state"
	[ -z "$(entries)" ]
}

@test "global: what others registered is used, or passed over, and left as it is" {
	local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
	local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
	hold_table
	table sh -c "printf '%s' ':theirs:M::$magic:$mask:$QEMU:PF' >/proc/sys/fs/binfmt_misc/register"
	before=$(table cat /proc/sys/fs/binfmt_misc/theirs)
	long_run global e
	[ "$(entries)" = theirs ]
	echo >"$HYBRID/in.e"
	wait "$PID_e"
	[ "$(tail -n 1 "$HYBRID/out.e")" = aarch64 ]
	# one without F would look for its interpreter inside the root
	table sh -c "echo -1 >/proc/sys/fs/binfmt_misc/theirs
		printf '%s' ':theirs:M::$magic:$mask:/nonexistent:P' >/proc/sys/fs/binfmt_misc/register"
	after=$(table cat /proc/sys/fs/binfmt_misc/theirs)
	long_run global f
	[ "$(entries)" = $'crossroot-aarch64\ntheirs' ]
	echo >"$HYBRID/in.f"
	wait "$PID_f"
	[ "$(tail -n 1 "$HYBRID/out.f")" = aarch64 ]
	[ "$(entries)" = theirs ]
	[ "$(table cat /proc/sys/fs/binfmt_misc/theirs)" = "$after" ]
	[ "$before" != "$after" ]
	table sh -c 'echo -1 >/proc/sys/fs/binfmt_misc/theirs'
}

@test "arguments reach qemu, argv[0] and odd arguments reach the program" {
	local mode
	for mode in private global; do
		RUN_OPTS=(--binfmt $mode --qemu-arg -cpu --qemu-arg cortex-a53)
		run in_root none bash -c 'exec -a other sh -c "echo \$0 \$# \$2" "a b" "" "c  d"'
		[ "$status" -eq 0 ]
		[ "$output" = "a b 2 c d" ]
		run in_root none bash -c 'exec -a "my name" bash -c "tr \"\\0\" \\| </proc/\$\$/cmdline; echo; echo \$BASH_ARGV0"'
		[[ $output == *"my name"* ]]
		RUN_OPTS=(--binfmt $mode --qemu-arg -cpu --qemu-arg nonsense)
		run in_root none true
		[[ $output == *"nonsense"* ]]
	done
}
