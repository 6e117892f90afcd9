#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Many commands at once on a few roots: each succeeds or is refused in so many words, and
# what a run was told is written is there at the end.

load helper

# what a command may be told when another one has what it needs
REFUSED="is in use|is the base of|there is no root|there is a root .* already|is being"

# work WORKER CMD...: run it, note its name where it went wrong in any other way
work() {
	local out
	if ! out=$("${@:2}" 2>&1) && ! [[ $out =~ $REFUSED ]]; then
		echo "$*: $out" >>"$BATS_TEST_TMPDIR/wrong"
	fi
}

# writer N: runs that write, until time is up; what went well is noted
writer() {
	local i=0
	until [[ -e $BATS_TEST_TMPDIR/stop ]]; do
		i=$((i + 1))
		if out=$(in_root o "echo $1-$i >/root/$1-$i" 2>&1); then
			echo "$1-$i" >>"$BATS_TEST_TMPDIR/written"
		elif ! [[ $out =~ $REFUSED ]]; then
			echo "writer $1: $out" >>"$BATS_TEST_TMPDIR/wrong"
		fi
	done
}

cloner() {
	until [[ -e $BATS_TEST_TMPDIR/stop ]]; do
		work c cr clone o "c$1"
		work c in_root "c$1" 'echo >/root/of-clone'
		work c cr destroy "c$1"
	done
}

others() {
	until [[ -e $BATS_TEST_TMPDIR/stop ]]; do
		work o cr list
		[[ $1 != overlay ]] || work o cr snapshot o
		work o "$CROSSROOT" run o --native none --ephemeral -- touch /root/ephemeral
		work o cr create u --base o
		work o in_root u true
		work o cr destroy u
	done
}

@test "runs, clones, snapshots, overlays upon it and listings of one root" {
	local kind n
	for kind in $KINDS; do
		make_root $kind o
		rm -f "$BATS_TEST_TMPDIR"/{stop,written,wrong}
		(exec 3>&-; writer a & writer b & cloner 1 & cloner 2 & others $kind & wait) &
		sleep 5
		touch "$BATS_TEST_TMPDIR/stop"
		wait
		[ ! -e "$BATS_TEST_TMPDIR/wrong" ] || { cat "$BATS_TEST_TMPDIR/wrong" >&2; return 1; }
		n=$(wc -l <"$BATS_TEST_TMPDIR/written")
		echo "# $kind: $n files written" >&3
		[ "$n" -gt 3 ]
		in_root o 'cd /root; ls -d [ab]-*' | sort | diff - <(sort "$BATS_TEST_TMPDIR/written")
		in_root o '[ ! -e /root/of-clone ] && [ ! -e /root/ephemeral ]'
		for n in c1 c2 u; do
			[[ ! -e $STATE/roots/$n ]] || cr destroy $n
		done
		cr destroy o
		[ -z "$(ls -A "$STATE/roots" "$STATE/overlays" | grep -v :)" ]
		check_loops
		check_mounts
	done
}
