# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts that make stages, native roots and sources share. Sourced.

CACHE=${CROSSROOT_CACHE:-/var/cache/crossroot-tests}
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STAGE_DIR=$TOP/tests/stage
CROSSROOT=${CROSSROOT:-$TOP/build/crossroot}

say() { echo "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# usage TEXT "$@": print TEXT and leave when --help is among the arguments.
usage() {
	local text=$1 arg
	shift
	for arg; do
		[[ $arg != -h && $arg != --help ]] || { echo "$text"; exit 0; }
	done
}

# Everything here is made as root: owners, devices and namespaces.
need_root() { [[ $(id -u) -eq 0 ]] || die "must run as root"; }

# A product is named after what it was made from: WORDS and the content of FILES.
# recipe_key "WORDS" FILE...
recipe_key() {
	local words=$1
	shift
	{ echo "$words"; cat "$@"; } | sha256sum | cut -c1-12
}

# lock NAME: one maker at a time, until the script ends.
lock() {
	mkdir -p "$CACHE/locks"
	exec {LOCK_FD}>"$CACHE/locks/$1"
	flock -n "$LOCK_FD" || { say "waiting for another $1"; flock "$LOCK_FD"; }
}

# A private directory in the cache, gone when the script ends however it ends.
# Leftovers of killed scripts go first. Sets WORK.
workdir() {
	local old
	mkdir -p "$CACHE/work"
	for old in "$CACHE"/work/*; do
		[[ -d $old && ! -d /proc/${old##*.} ]] && remove_tree "$old"
	done
	WORK=$CACHE/work/${0##*/}.$$
	mkdir "$WORK"
	trap 'remove_tree "$WORK"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Never through a mount: what is still mounted below stays, and is said.
remove_tree() {
	[[ -e $1 ]] || return 0
	if grep -q -F " $1/" /proc/self/mountinfo; then
		say "something is mounted below $1: left alone"
		return 0
	fi
	rm -rf --one-file-system -- "$1"
}

# in_use PREFIX PRODUCT: PRODUCT is PREFIX-KEY.... Marks it as used today, and removes
# those of other keys that nobody used for two weeks. Call it with PREFIX's lock held.
in_use() {
	local mark
	touch "$2.versions"
	find "$CACHE" -maxdepth 1 -name "$1-*.versions" -mtime +14 | while read -r mark; do
		say "removing ${mark%.versions}, unused for two weeks"
		remove_tree "${mark%.versions}"
		rm -f "$mark"
	done
}

# PACKAGE SOURCE-VERSION of what is installed in the root DIR, sorted. The source's
# version: a rebuild for one architecture (+b1) is the same source.
source_versions() {
	# shellcheck disable=SC2016
	dpkg-query --admindir="$1/var/lib/dpkg" -W \
		-f '${binary:Package} ${source:Version}\n' | sed 's/:[^ ]* / /' | sort
}

# say_version_gap ARCH STAGE NATIVE: made at different times, they may differ.
say_version_gap() {
	local n
	[[ -f $2.versions && -f $3.versions ]] || return 0
	n=$(join "$2.versions" "$3.versions" | awk '$2 != $3' | wc -l)
	[[ $n -eq 0 ]] || say "$n packages differ between native root and $1 stage: their" \
		"programs stay emulated; remove $2 and $3 to make both anew"
}

# The host's own mirrors of Debian proper, to fetch from the pool.
host_pools() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' \
		"Created-By: Packages" 2>/dev/null | sort -u |
		awk '$1 == "Debian" && $2 == "main" && $3 ~ "^http" && !/security/ { print $3 }'
}

# in_native --bind|--ro-bind ROOT [BWRAP-OPTION...] -- CMD...: run CMD in the native
# root, with a /dev, /proc and /tmp of its own. No part of crossroot is involved.
in_native() {
	local base=("$1" "$2") opts=()
	shift 2
	while [[ $1 != -- ]]; do
		opts+=("$1")
		shift
	done
	shift
	bwrap --unshare-pid --die-with-parent "${base[@]}" / --dev /dev --proc /proc \
		--perms 1777 --tmpfs /tmp --tmpfs /run "${opts[@]}" --clearenv --setenv LC_ALL C.UTF-8 \
		--setenv PATH /usr/sbin:/usr/bin --setenv HOME /root -- "$@"
}

# Where crossroot keeps the files of root NAME: root_tree STATE-DIR NAME
root_tree() { echo "$1/roots/$2/tree"; }

# timed CMD...: run CMD, its output into $LOG; sets TOOK to the microseconds it took.
timed() {
	local start=${EPOCHREALTIME/[.,]/}
	"$@" >>"$LOG" 2>&1 </dev/null || {
		say "failed: $* (the end of its output follows)"
		tail -n 20 "$LOG" >&2
		return 1
	}
	TOOK=$((${EPOCHREALTIME/[.,]/} - start))
}

# build_steps RUNNER [CONFIGURE-ARG...]: ./configure, make and make check through
# RUNNER, a function that runs its arguments in the build's place. Sets STEPS to the
# microseconds of each. CHECK= leaves the last one out.
build_steps() {
	local runner=$1
	shift
	STEPS=()
	timed "$runner" ./configure "$@" || return
	STEPS+=("$TOOK")
	timed "$runner" make || return
	STEPS+=("$TOOK")
	[[ -n ${CHECK-1} ]] || return 0
	timed "$runner" make check || return
	STEPS+=("$TOOK")
}

# unpack TARBALL DIR: its one directory becomes DIR.
unpack() {
	rm -rf "$2"
	mkdir -p "$2"
	tar -C "$2" --strip-components=1 --no-same-owner -xf "$1"
}

# The environment every measured build gets: CLEAN CMD...
CLEAN=(env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8)
