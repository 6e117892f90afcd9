#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The native layer beside a target's own libraries, in the place where both want to be.

load helper

setup() {
	RUN_ENV=() RUN_OPTS=()
}

@test "native programs run where /lib64 is full of the target's libraries" {
	[[ ! -e $TREE/usr/lib64/libc.so.6 ]]
	"$TOP/tests/stage/relayout-root" "$TREE"
	[ "$(machine "$TREE/lib64/libc.so.6")" = AArch64 ]
	# the target's ldconfig writes its own cache over whatever is there
	in_root none ldconfig
	for tier in none tools; do
		in_root "$tier" bash -c '
			printf "caf\351\n" | iconv -f latin1 -t UTF-8
			printf "\260\241\n" | iconv -f EUC-KR -t UTF-8
			export LC_ALL=C.UTF-8
			printf "%s\n" Zebra äpfel apfel | sort
			echo äöü | sed s/./x/g
			echo ÄÖÜ | grep -io äöü
			exec 2>&1; ls /nonexistent' >"$HYBRID/out.$tier" || :
	done
	[ -s "$HYBRID/out.none" ]
	diff "$HYBRID/out.none" "$HYBRID/out.tools"
	run in_root tools sh -c 'echo "int main(void) { return 42; }" >a.c; gcc a.c && ./a.out'
	[ "$status" -eq 42 ]
	run "$CROSSROOT" plan t --state-dir "$HYBRID/state"
	[[ $output == *"tools      /usr/bin/sed "* ]]
}
