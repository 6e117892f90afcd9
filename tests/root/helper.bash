# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files: one hybrid root per file, and ways to build in it.

load ../cli/helper
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CACHE=${CROSSROOT_CACHE:-/var/cache/crossroot-tests}
export CROSSROOT=${CROSSROOT:-$TOP/build/crossroot}

# The tiers where compilers are native.
tiers="toolchain tools"

# What a build sees of its caller's environment.
CLEAN=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8)

# A killed run of these tests leaves its root; the next one removes it.
remove_stale() {
	local dir root
	for dir in "$CACHE"/root-tests/*; do
		[[ -d $dir && ! -d /proc/${dir##*.} ]] || continue
		"$CROSSROOT" list --state-dir "$dir/state" | while read -r root _; do
			"$CROSSROOT" destroy "$root" --state-dir "$dir/state"
		done
		rm -rf --one-file-system -- "$dir"
	done
}

# setup_root [ARCH [CREATE-OPTION...]]: the root "t", for setup_file. Exports:
#   HYBRID  a directory of the file's own: state/, work/
#   TREE    the root's files, as the host sees them
#   NATIVE  the native root
setup_root() {
	local arch=${1:-arm64}
	shift || true
	can_run
	create_root "$("$TOP/tests/stage/make-stage" "$arch")" \
		"$("$TOP/tests/stage/make-native-root")" "$@"
}

# setup_gentoo_root: the same in Gentoo's layout. Where that cannot be made it sets
# WHY_NOT: a skip in setup_file would fail, setup does it with gentoo_or_skip.
setup_gentoo_root() {
	local stage
	export WHY_NOT=
	can_run
	make_product stage/make-gentoo-stage
	stage=$PRODUCT
	[[ $WHY_NOT ]] || make_product stage/make-gentoo-native-root
	[[ $WHY_NOT ]] || create_root "$stage" "$PRODUCT"
}

gentoo_or_skip() {
	[[ ! $WHY_NOT ]] || skip_or_fail "$WHY_NOT" toolchains
}

# make_product SCRIPT [ARG]: sets PRODUCT to the path it prints, or WHY_NOT where the script
# has to skip.
make_product() {
	local status=0 err=$BATS_FILE_TMPDIR/err
	PRODUCT=$("$TOP/tests/$1" "${@:2}" 2>"$err") || status=$?
	if [[ $status -eq 77 ]]; then
		WHY_NOT=$(<"$err")
	elif [[ $status -ne 0 ]]; then
		cat "$err" >&2
		return 1
	fi
}

can_run() {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	[[ -x $CROSSROOT ]] || { echo "no $CROSSROOT: run make" >&2; return 1; }
}

# create_root STAGE NATIVE [CREATE-OPTION...]
create_root() {
	local stage=$1
	NATIVE=$2
	shift 2
	remove_stale
	HYBRID=$CACHE/root-tests/${BATS_TEST_FILENAME##*/}.$$
	TREE=$HYBRID/state/roots/t/tree
	export HYBRID NATIVE TREE
	mkdir -p "$HYBRID/work"
	cat /proc/self/mountinfo >"$HYBRID/mounts"
	"$CROSSROOT" create t --stage "$stage" --native-root "$NATIVE" \
		--state-dir "$HYBRID/state" "$@"
}

teardown_root() {
	local status=0
	[[ -n ${HYBRID:-} ]] || return 0
	"$CROSSROOT" destroy t --state-dir "$HYBRID/state" || status=1
	# the host's mount table must be what it was
	diff "$HYBRID/mounts" /proc/self/mountinfo >&2 || status=1
	rm -rf --one-file-system -- "$HYBRID"
	return $status
}

setup_file() { setup_root; }
teardown_file() { teardown_root; }

# build_dir TIER: the test's own directory for TIER, which in_root shows as /build.
build_dir() {
	local dir=$HYBRID/work/$BATS_TEST_NUMBER-$1
	mkdir -p "$dir"
	echo "$dir"
}

# in_root TIER CMD [ARG]...: run CMD in the root at TIER, in /build.
in_root() {
	local tier=$1
	shift
	"${CLEAN[@]}" "${RUN_ENV[@]}" "$CROSSROOT" run t --state-dir "$HYBRID/state" \
		--native "$tier" "${RUN_OPTS[@]}" --bind "$(build_dir "$tier"):/build" \
		--chdir /build -- "$@" </dev/null
}

# root_sh TIER: run the script on standard input, which ends at the first failure.
root_sh() {
	in_root "$1" sh -euc "$(cat)"
}

# machine FILE...: the ELF machine of each, once each
machine() {
	LC_ALL=C readelf -h "$@" | sed -n 's/^ *Machine: *//p' | sort -u
}

# answers TIER CMD...: what CMD prints at TIER and how it ends, in $output
answers() {
	in_root "$1" sh -c "$2; echo status \$?" 2>&1
}

# same_answer CMD: the emulated compiler and the native one say the same
same_answer() {
	local tier want
	want=$(answers none "$1")
	[[ $want == *"status 0" ]]
	for tier in $tiers; do
		run answers "$tier" "$1"
		diff <(echo "$want") - <<<"$output"
	done
	output=$want
}

plan() {
	"$CROSSROOT" plan t --state-dir "$HYBRID/state" "$@"
}

# line PATH: what the plan says of the program at PATH
line() {
	grep -E " $1 +" <<<"$output" || { echo "no line for $1 in: $output" >&2; return 1; }
}

# edited SCRIPT: run it where $TREE and $NATIVE can be changed and nobody else sees it.
edited() {
	unshare --mount bash -euc '
		mount --make-rprivate /
		for dir in "$TREE" "$NATIVE"; do
			tmp=$(mktemp -d "$HYBRID/edited.XXXXXX")
			mkdir "$tmp/upper" "$tmp/work"
			mount -t overlay overlay "$dir" \
				-o "lowerdir=$dir,upperdir=$tmp/upper,workdir=$tmp/work"
		done
		plan() { "$CROSSROOT" plan t --state-dir "$HYBRID/state" "$@"; }
		'"$1"
}
