# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the tests of where roots live: a small arm64 stage, a state directory for each
# test, and a look at what a test leaves behind.

load ../cli/helper
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export CROSSROOT=${CROSSROOT:-$TOP/build/crossroot}

KINDS="dir image overlay tmpfs"

# small_tree DIR: a few real arm64 programs, less than 10 MB
small_tree() {
	local stage names=() p
	stage=$("$TOP/tests/stage/make-stage" arm64)
	for p in dash sh env cat true touch rm ls mkdir rmdir mv sleep uname dd chmod ln stat; do
		names+=("./usr/bin/$p" "./bin/$p")
	done
	mkdir -p "$1"
	# "bin" and "lib" are links to usr/bin and usr/lib in one release and not in another
	tar --zstd -xf "$stage" -C "$1" --wildcards ./bin ./lib "${names[@]}" \
		'./usr/lib/aarch64-linux-gnu/lib'{c.so.6,selinux.so.1,acl.so.1,attr.so.1,pcre2-8.so.0}'*' \
		'*/ld-linux-aarch64.so.1' 2>/dev/null || :
	mkdir -p "$1"/{etc,proc,sys,dev,run,tmp,root,var}
	echo root:x:0:0::/root:/bin/sh >"$1/etc/passwd"
	# else the first run makes it, and it counts as a change
	: >"$1/etc/resolv.conf"
	[[ -e $1/usr/bin/sh && $(du -sm "$1" | cut -f1) -lt 10 ]]
}

setup_file() {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	export SMALL=$BATS_FILE_TMPDIR/small STAGE=$BATS_FILE_TMPDIR/small.tar
	small_tree "$SMALL"
	tar -C "$SMALL" -cf "$STAGE" .
}

setup() {
	setup_state
	STATE=$CROSSROOT_STATE_DIR
	mounts_before=$(mounts)
}

# Whatever a test made goes by destroy, and then nothing is left: no mount, no loop
# device, no layer, no file of a root.
teardown() {
	local name left
	stop_started
	# those that have others for their base come last
	for _ in 1 2 3; do
		for name in $(names); do
			"$CROSSROOT" destroy "$name" 2>/dev/null || :
		done
	done
	[ -z "$(names)" ]
	check_mounts
	check_loops
	for left in roots overlays; do
		[ -z "$(ls -A "$STATE/$left" 2>/dev/null)" ]
	done
}

names() {
	"$CROSSROOT" list | awk '{ print $1 }'
}

# No loop device is over a file of the test's. What a kill left may take a moment to go.
check_loops() {
	local _
	for _ in {1..60}; do
		[[ $(losetup -a) == *"${OURS:-$BATS_TEST_TMPDIR}"* ]] || return 0
		sleep 0.05
	done
	losetup -a >&2
	return 1
}

# The mount table, without what other tests beside this one have in theirs.
mounts() {
	awk -v ours="${OURS:-$BATS_TEST_TMPDIR}" \
		'index($5, ours) || $5 !~ /bats-run-|crossroot-tests/' /proc/self/mountinfo
}

check_mounts() {
	diff <(echo "$mounts_before") <(mounts)
}

cr() {
	"$CROSSROOT" "$@"
}

# in_root NAME SCRIPT: run a script in a root with nothing native
in_root() {
	"$CROSSROOT" run "$1" --native none -- sh -euc "$2" </dev/null
}

# make_root KIND NAME
make_root() {
	local size=()
	[[ $1 != image ]] || size=(--size 64m)
	[[ $1 != tmpfs ]] || size=(--size 32m)
	cr create "$2" --storage "$1" "${size[@]}" --stage "$STAGE"
}


started=()

stop_started() {
	local pid
	for pid in "${started[@]}"; do
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	started=()
}

# start NAME SCRIPT: run a script in a root in the background, until it says "ready"
start() {
	local out=$BATS_TEST_TMPDIR/out.${#started[@]} _
	rm -f "$out"
	"$CROSSROOT" run "$1" --native none -- sh -euc "$2" </dev/null >"$out" 2>&1 3>&- &
	PID=$!
	OUT=$out
	started+=("$PID")
	for _ in {1..200}; do
		! grep -qs ready "$out" || return 0
		sleep 0.05
	done
	cat "$out" >&2
	return 1
}

# fails WORDS CMD...: CMD fails and says that
fails() {
	local want=$1
	shift
	run "$@"
	[[ $status -ne 0 && $output == *"$want"* ]] || {
		echo "status $status, wanted '$want': $output" >&2
		return 1
	}
}
