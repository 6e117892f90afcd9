# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files: a state directory of the test's own, and a stage
# made from one static program, so that no test needs the network.

# skip_or_fail REASON [KIND]: a skip, unless CROSSROOT_MUST_RUN says that it must run:
# "all" is all that Debian has; what else is needed is a KIND of its own ("toolchains").
skip_or_fail() {
	if [[ " ${CROSSROOT_MUST_RUN:-} " == *" ${2:-all} "* ]]; then
		echo "must run, but: $1" >&2
		return 1
	fi
	skip "$1"
}

setup_state() {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	export CROSSROOT_STATE_DIR=$BATS_TEST_TMPDIR/state
	mounts_before=$(cat /proc/self/mountinfo)
}

# The host's mount table must be what it was.
check_mounts() {
	[[ $(cat /proc/self/mountinfo) == "$mounts_before" ]]
}

# make_stage FILE: a root file system of this machine's own architecture with
# dash and the libraries it needs.
make_stage() {
	local tree=$BATS_TEST_TMPDIR/tree lib
	mkdir -p "$tree"/{bin,etc,proc,sys,dev,run,tmp}
	cp /bin/dash "$tree/bin/sh"
	for lib in $(ldd /bin/dash | grep -o '/[^ ]*'); do
		mkdir -p "$tree${lib%/*}"
		cp -L "$lib" "$tree$lib"
	done
	tar -C "$tree" -czf "$1" .
}
