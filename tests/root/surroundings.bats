#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a caller may have set, closed or taken away before crossroot starts.

load helper

cr() {
	timeout -k 1 60 "$CROSSROOT" "$1" --state-dir "$HYBRID/state" "${@:2}"
}

@test "a umask of the caller's does not shut users of the root out" {
	rm -rf "$HYBRID/state/layers" "$HYBRID/state/roots/t/plan"
	(umask 077 && cr plan t >/dev/null)
	run cr run t --user 1234 -- sh -c 'id -u; umask'
	[ "$output" = $'1234\n0022' ]
	run bash -c 'umask 077; exec "$@"' - "$CROSSROOT" run --state-dir "$HYBRID/state" t \
		--user 1234 -- sh -c 'id -u; umask; : >/dev/null; : >/tmp/x; ls /run/crossroot'
	[ "$status" -eq 0 ]
	[[ $output == $'1234\n0077\n'* ]]
	# the swapped compilers too: their wrapper reads files that the run made
	run bash -c 'umask 077; exec "$@"' - "$CROSSROOT" run --state-dir "$HYBRID/state" t \
		--user 1234 --native toolchain -- \
		sh -c 'cd /tmp && echo "int x;" >x.c && gcc -c x.c && ls x.o'
	[ "$status" -eq 0 ]
	[[ $output == *x.o ]]
}

@test "a caller that ignores SIGCHLD" {
	run timeout -k 1 20 env --ignore-signal=CHLD "$CROSSROOT" run t \
		--state-dir "$HYBRID/state" -- sh -c 'exit 3'
	[ "$status" -eq 3 ]
}

@test "descriptors that are closed" {
	local status=0
	cr run t -- sh -c 'exit 3' <&- >&- 2>&- || status=$?
	[ "$status" -eq 3 ]
}

@test "results that cannot be written" {
	local cmd
	for cmd in "list" "info t" "plan t" "list --help"; do
		# shellcheck disable=SC2086
		run bash -c '"$@" >/dev/full' - "$CROSSROOT" ${cmd%% *} --state-dir \
			"$HYBRID/state" $([[ $cmd == *" "* ]] && echo "${cmd#* }")
		[ "$status" -eq 1 ]
		[[ $output == *"cannot write the result: No space left on device"* ]]
	done
}
