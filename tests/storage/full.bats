#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The disk that holds the state directory is full: a clear error, and nothing is lost.

load helper

setup() {
	setup_state
	STATE=$CROSSROOT_STATE_DIR
	mounts_before=$(mounts)
	export STATE
	mkdir -p "$STATE"
}

# on_disk SIZE SCRIPT: run it where the state directory is a file system of that size
on_disk() {
	export -f cr make_root in_root fill free_some says_full names run
	unshare -m bash -euc '
		mount --make-rprivate /
		mount -t tmpfs -o "size=$1" disk "$STATE"
		'"$2" - "$1"
}

# all but some KiB
fill() {
	local left
	left=$(df --output=avail -k "$STATE" | tail -n1)
	[[ $left -le $1 ]] || head -c $(((left - $1) * 1024)) /dev/zero >"$STATE/ballast"
}

free_some() {
	rm "$STATE/ballast"
}

# says_full CMD...: it fails, naming the reason
says_full() {
	local out
	if out=$("$@" 2>&1); then
		echo "did not fail: $*" >&2
		return 1
	fi
	[[ $out == *"No space left"* ]] || { echo "$* said: $out" >&2; return 1; }
}

@test "create of each kind" {
	local kind
	for kind in dir image overlay; do
		export kind
		on_disk 24m '
			make_root dir other
			in_root other "echo kept >/root/x"
			fill 1500
			says_full make_root $kind k
			[ -z "$(find "$STATE/roots" -maxdepth 1 -name "*k")" ]
			[ "$(in_root other "cat /root/x")" = kept ]
			free_some
			make_root $kind k
			in_root k true'
		check_loops
	done
}

@test "clone of each kind, snapshot, and what a run writes" {
	local kind
	for kind in dir image overlay; do
		export kind
		on_disk 40m '
			make_root $kind o
			in_root o "echo kept >/root/x"
			fill 0
			case $kind in
			overlay) says_full cr snapshot o; says_full cr clone o c ;;
			*) says_full cr clone o c ;;
			esac
			[ -z "$(find "$STATE/roots" -maxdepth 1 -name "*c")" ]
			free_some
			[ "$(in_root o "cat /root/x")" = kept ]
			cr clone o c
			[ "$(in_root c "cat /root/x")" = kept ]
			fill 0
			# what is full does not stand in the way of making room
			cr destroy c
			free_some
			in_root o "echo more >/root/y"'
		check_loops
	done
}

@test "a snapshot on a full disk leaves the root as it was" {
	on_disk 24m '
		make_root overlay o
		in_root o "echo kept >/root/x"
		cp "$STATE/roots/o/storage" /dev/shm/storage.$$
		fill 0
		says_full cr snapshot o
		cmp "$STATE/roots/o/storage" /dev/shm/storage.$$
		rm /dev/shm/storage.$$
		free_some
		[ "$(in_root o "cat /root/x")" = kept ]
		[ "$(cr snapshot o)" = 1 ]
		[ "$(ls "$STATE/overlays" | wc -l)" = 3 ]'
}
