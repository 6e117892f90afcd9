#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Arguments for qemu, and that no other argument suffers from them.

load helper

setup() {
	RUN_ENV=() RUN_OPTS=()
}

@test "arguments reach qemu, argv[0] and odd arguments reach the program" {
	local mode modes="private global"
	# which is refused beside an entry of the machine's: binfmt.bats has that
	! unshare --mount sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
		grep -l "^magic .*b700" /proc/sys/fs/binfmt_misc/*' >/dev/null || modes=private
	for mode in $modes; do
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

@test "more arguments than the shim takes are an error, and not left out" {
	local i
	RUN_OPTS=(--binfmt private)
	for ((i = 0; i < 32; i++)); do
		RUN_OPTS+=(--qemu-arg -cpu --qemu-arg cortex-a53)
	done
	run in_root none true
	[ "$status" -eq 0 ]
	RUN_OPTS+=(--qemu-arg -cpu --qemu-arg cortex-a53)
	run in_root none true
	[ "$status" -ne 0 ]
	[[ $output == *"start qemu for"*"Argument list too long"* ]]
}
