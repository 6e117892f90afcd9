#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# enter gives a shell a terminal of the root's own.

load helper

# on_terminal SCRIPT OPTION...: enter the root there, type SCRIPT (see terminal.py)
on_terminal() {
	run python3 "$BATS_TEST_DIRNAME/terminal.py" 33x101 "$1" -- env TERM=dumb \
		"$CROSSROOT" enter --state-dir "$HYBRID/state" t "${@:2}"
	[[ $status -eq 0 ]] || { echo "$output" >&2; return 1; }
}

@test "the terminal is the root's, with size, name and settings" {
	on_terminal '> tty; stty size; test -t 0 && echo is-a-tty; uname -m; echo PID=$$
		< /dev/pts/0\r\n33 101\r\nis-a-tty\r\naarch64
		size 20x44
		> sleep 0.2; stty size
		< \n20 44
		> exit 7'
	[[ $output == *"exit 7"* && $output == *restored* ]]
	! grep -i 'no job control' <<<"$output"
}

@test "job control: stop, background, continue, interrupt" {
	on_terminal '> sleep 1000
		wait 0.5
		> \x1a
		< Stopped
		> jobs; bg; kill %1; wait %1; echo status=$?
		< status=143
		> echo rea""dy; sleep 1000
		< \nready
		wait 0.3
		> \x03
		> echo code=$?
		< \ncode=130
		> \x04'
	[[ $output == *restored* ]]
}

@test "a shell that is killed leaves the outer terminal as it was" {
	on_terminal '> echo up
		< \nup
		> kill -9 $$'
	[[ $output == *"exit 137"* && $output == *restored* ]]
}

@test "options: user and directory" {
	on_terminal '> id -u; pwd; exit
		< 1234\r\n/var' --user 1234 --chdir /var
}

@test "without a terminal it reads a script" {
	run "$CROSSROOT" enter --state-dir "$HYBRID/state" t <<<'uname -m; exit 5'
	[ "$status" -eq 5 ]
	[ "$output" = aarch64 ]
}

@test "run uses the caller's terminal, and stops with what it runs" {
	run python3 "$BATS_TEST_DIRNAME/terminal.py" 24x80 '> cd /; "$CROSSROOT" run --state-dir "$HYBRID/state" t -- sh -c "echo rea\"\"dy; sleep 1; echo done"
		< \nready
		wait 0.3
		> \x1a
		< Stopped
		> fg
		< \ndone
		> exit' -- env TERM=dumb bash --norc --noprofile -i
	[[ $status -eq 0 ]] || { echo "$output" >&2; return 1; }
}
