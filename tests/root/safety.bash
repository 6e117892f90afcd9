# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the tests of what runs leave alone: programs in the background, and the
# machine's binfmt_misc table. Loaded after helper.bash.

started=()

# stop_started: the teardown of a file whose tests call start.
stop_started() {
	local pid
	for pid in "${started[@]}"; do
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	started=()
}

# start CMD [ARG]...: run it in the background; sets PID, which is CMD's own.
start() {
	"$@" </dev/null >"$BATS_TEST_TMPDIR/out.${#started[@]}" 2>&1 3>&- &
	PID=$!
	OUT=$BATS_TEST_TMPDIR/out.${#started[@]}
	started+=("$PID")
}

# wait_for SECONDS CMD [ARG]...: until CMD succeeds; fails when it has not by then.
wait_for() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		if [[ $SECONDS -ge $end ]]; then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# cr COMMAND [ARG]...: crossroot in the state directory of the file's root
cr() {
	"$CROSSROOT" "$1" --state-dir "$HYBRID/state" "${@:2}"
}

# The machine's table, held mounted where only this test sees it; sets TABLE.
hold_table() {
	start unshare --mount sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
		echo held && exec sleep 1000'
	wait_for 5 grep -q held "$OUT"
	TABLE=/proc/$PID/root/proc/sys/fs/binfmt_misc
}
