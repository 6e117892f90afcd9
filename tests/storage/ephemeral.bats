#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs whose changes are dropped or kept, and directories in memory.

load helper

# eph NAME SCRIPT [OPTION...]
eph() {
	"$CROSSROOT" run "$1" --native none --ephemeral "${@:3}" -- sh -euc "$2" </dev/null
}

@test "what an ephemeral run changes is gone after it, in each kind" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		in_root $kind 'echo old >/root/file; echo >/root/gone; ls /root' >"$BATS_TEST_TMPDIR/ls"
		[ "$(eph $kind 'cat /root/file; echo new >/root/file; rm /root/gone; mv /usr/bin/env /x
			cat /root/file')" = "old
new" ]
		[ "$(in_root $kind 'cat /root/file; ls -d /usr/bin/env')" = "old
/usr/bin/env" ]
		in_root $kind 'ls /root' | diff "$BATS_TEST_TMPDIR/ls" -
		run eph $kind 'exit 7'
		[ "$status" -eq 7 ]
		cr destroy $kind
		[ -z "$(ls -A "$STATE/overlays")" ]
	done
}

@test "a root that is read-only can be run so" {
	mksquashfs "$SMALL" "$BATS_TEST_TMPDIR/b.sqfs" -quiet -no-progress >/dev/null
	cr create s --image "$BATS_TEST_TMPDIR/b.sqfs"
	fails "Read-only file system" in_root s 'echo >/root/x'
	fails "--ephemeral" cr run s --bind /tmp:/new -- true
	[ "$(eph s 'echo x >/root/x; cat /root/x' --bind /tmp:/new)" = x ]
	eph s 'echo kept >/root/x' --keep k
	[ "$(in_root k 'cat /root/x')" = kept ]
}

@test "ephemeral runs beside each other and beside a usual one" {
	local kind
	for kind in dir image overlay; do
		make_root $kind $kind
		start $kind 'echo ready; sleep 100'
		[ "$(eph $kind 'echo 1 >/root/x; cat /root/x')" = 1 ]
		in_root $kind '[ ! -e /root/x ]'
		stop_started
		# and one that comes while there is only an ephemeral one sees the root itself
		"$CROSSROOT" run $kind --native none --ephemeral -- \
			sh -c 'echo >/root/x; echo ready; sleep 100' </dev/null >"$BATS_TEST_TMPDIR/e" 3>&- &
		started+=($!)
		until grep -q ready "$BATS_TEST_TMPDIR/e"; do sleep 0.05; done
		in_root $kind '[ ! -e /root/x ]; echo real >/root/real'
		stop_started
		[ "$(in_root $kind 'cat /root/real')" = real ]
		cr destroy $kind
	done
}

@test "the changes are kept as a new root, whatever the status" {
	local kind
	for kind in $KINDS; do
		make_root $kind $kind
		in_root $kind 'echo old >/root/old'
		run eph $kind 'echo new >/root/new; rm /root/old; exit 3' --keep new
		[ "$status" -eq 3 ]
		[ "$(in_root new 'cd /root; echo *')" = new ]
		if [[ $kind == overlay ]]; then
			[ "$(in_root $kind 'cd /root; echo *')" = old ]
		else
			fails "is the base of 'new'" in_root $kind true
		fi
		cr destroy new
		[ "$(in_root $kind 'cd /root; echo *')" = old ]
		cr destroy $kind
		[ -z "$(ls -A "$STATE/overlays")" ]
	done
}

@test "what cannot be kept is said before the program runs" {
	make_root dir d
	make_root dir e
	fails "there is a root 'e' already" eph d 'echo ran' --keep e
	[[ $output != *ran* ]]
	fails "cannot name a root" eph d 'echo ran' --keep ../x
	fails "--keep is for --ephemeral" cr run d --keep x -- true
	start d 'echo ready; sleep 100'
	fails "is in use" eph d 'echo ran' --keep x
	[[ $output != *ran* ]]
	# nor is anything kept of a run that could not be set up
	run eph e true --bind /nonexistent:/x --keep x
	[ "$status" -eq 125 ]
	[ "$(names | xargs)" = "d e" ]
}

@test "kill -9 of an ephemeral run: the next one collects what it left" {
	make_root overlay o
	"$CROSSROOT" run o --native none --ephemeral -- \
		sh -c 'echo >/root/x; echo ready; sleep 100' </dev/null >"$BATS_TEST_TMPDIR/e" 3>&- &
	until grep -q ready "$BATS_TEST_TMPDIR/e"; do sleep 0.05; done
	[ "$(ls "$STATE/overlays" | wc -l)" = 3 ]
	# in use, it is no garbage
	fails "is in use" cr snapshot o
	eph o true
	[ "$(ls "$STATE/overlays" | wc -l)" = 3 ]
	kill -9 $!
	wait || :
	sleep 0.2
	eph o true
	[ "$(ls "$STATE/overlays" | wc -l)" = 2 ]
}

@test "a directory in memory: owner, mode and size, and nothing of it stays" {
	local kind
	for kind in dir overlay; do
		make_root $kind $kind
		in_root $kind 'mkdir /var/build; echo below >/var/build/below; chmod 2770 /var/build'
		[ "$("$CROSSROOT" run $kind --native none --tmpfs /var/build:4m --tmpfs /root/new -- sh -c '
			ls /var/build; stat -c "%a %u" /var/build; echo >/var/build/x; echo >/root/new/x
			dd if=/dev/zero of=/var/build/big bs=1M count=8 2>/dev/null || echo full')" = "2770 0
full" ]
		[ "$(in_root $kind 'cd /var/build; echo *; ls /root/new')" = below ]
		cr destroy $kind
	done
	make_root dir d
	for bad in relative / /x:1q /x:0 ""; do
		run cr run d --tmpfs "$bad" -- true
		[ "$status" -eq 125 ]
		[[ $output == *--tmpfs* ]]
	done
}
