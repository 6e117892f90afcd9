#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 in create, clone, snapshot, rollback, resize and destroy of each kind, at random
# moments and before each system call that changes something: the next command finishes
# it or undoes it, and no other root has lost a thing.

load helper

ROUNDS=20
CHANGES=mkdir,mkdirat,renameat,unlinkat,mount,umount2,fsync,ftruncate,fchmod,rmdir,unlink

setup() {
	setup_state
	STATE=$CROSSROOT_STATE_DIR
	mounts_before=$(mounts)
	RANDOM=${SEED:=$RANDOM}
	echo "# seed $SEED" >&3
}

# Hundreds of kills: make check-long has the time, make check kills at random.
long_only() {
	[[ ${CROSSROOT_LONG-} ]] || skip "only in make check-long"
}

# kill_within MILLISECONDS CMD...: true if CMD was killed in time
kill_within() {
	local pid status=0 at=$((RANDOM * $1 / 32768))
	setsid "${@:2}" >/dev/null 2>&1 3>&- </dev/null &
	pid=$!
	sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"
	kill -9 "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || status=$?
	[[ $status -eq 137 ]]
}

# measure CMD...: sets TOOK, in milliseconds
measure() {
	local start=${EPOCHREALTIME/[.,]/}
	"$@" >/dev/null
	TOOK=$(((${EPOCHREALTIME/[.,]/} - start) / 1000 + 1))
}

# killed_at SYSCALL N CMD...: true if CMD was killed before it made its Nth such call
killed_at() {
	local status=0
	{
		strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" \
			"${@:3}" >/dev/null 2>&1 3>&- </dev/null || status=$?
	} 2>/dev/null # the shell says "Killed"
	[[ $status -eq 137 ]]
}

# at_each_step CHECK CMD...: kill CMD before each call that changes something, CHECK after
# each kill. "reset" has to make what CMD needs.
at_each_step() {
	local check=$1 call n kills=0
	shift
	for call in ${CHANGES//,/ }; do
		for ((n = 1; n <= 12; n++)); do
			reset
			killed_at $call $n "$@" || break
			kills=$((kills + 1))
			$check || { echo "killed at $call $n of $*" >&2; return 1; }
		done
	done
	echo "# killed $kills times: ${*#"$CROSSROOT"}" >&3
	[ "$kills" -ge 5 ]
}

# What of the root @1 has to be there, whoever was killed.
whole() {
	[ "$(in_root "$1" 'cat /root/mark; ls /usr/bin/env')" = "mark
/usr/bin/env" ]
}

marked() {
	make_root "$1" "$2"
	in_root "$2" 'echo mark >/root/mark'
}

# Nothing is left under a name that a killed command used, after a command on that name.
nothing_left() {
	[ -z "$(find "$STATE/roots" -maxdepth 1 -name '.*-*')" ]
	check_loops
}

create_args() {
	case $1 in
	image) echo "--storage image --size 64m --stage $STAGE" ;;
	tmpfs) echo "--storage tmpfs --size 32m --stage $STAGE" ;;
	base) echo "--base src" ;;
	*) echo "--storage $1 --stage $STAGE" ;;
	esac
}

@test "create of each kind" {
	local kind i killed args
	make_root dir src
	for kind in $KINDS base; do
		killed=0
		# shellcheck disable=SC2046 # words
		measure cr create k $(create_args $kind)
		cr destroy k
		for ((i = 0; i < ROUNDS; i++)); do
			# shellcheck disable=SC2046
			! kill_within $TOOK "$CROSSROOT" create k $(create_args $kind) ||
				killed=$((killed + 1))
			check_loops
			if [[ $(names) == *k* ]]; then
				in_root k true
				cr destroy k
			elif ((i % 2)) && [[ -e $STATE/roots/.creating-k ]]; then
				cr destroy k
				nothing_left
				check_mounts
			fi
		done
		[ "$killed" -ge 5 ]
		# shellcheck disable=SC2046
		cr create k $(create_args $kind)
		in_root k true
		cr destroy k
		nothing_left
		check_mounts
	done
	in_root src true
	cr destroy src
	[ -z "$(ls -A "$STATE/overlays")" ]
}

@test "create of each kind, before each step" {
	long_only
	local kind
	make_root dir src
	reset() {
		[[ $(names) != *k* ]] || cr destroy k
	}
	check() {
		if [[ $(names) == *k* ]]; then
			in_root k true
		else
			# over what is left
			cr create k --base src
			nothing_left
		fi
	}
	for kind in $KINDS base; do
		# shellcheck disable=SC2046
		at_each_step check "$CROSSROOT" create k $(create_args $kind)
		reset
		check_mounts
	done
	in_root src true
}

@test "clone of each kind" {
	local kind i killed
	for kind in $KINDS; do
		marked $kind o
		killed=0
		measure cr clone o k
		cr destroy k
		for ((i = 0; i < ROUNDS; i++)); do
			! kill_within $TOOK "$CROSSROOT" clone o k || killed=$((killed + 1))
			check_loops
			[[ $(names) != *k* ]] || { whole k; cr destroy k; }
			((i % 4)) || whole o
		done
		[ "$killed" -ge 5 ]
		whole o
		cr clone o k
		cr destroy o
		whole k
		cr destroy k
		nothing_left
		[ -z "$(ls -A "$STATE/overlays")" ]
	done
	check_mounts
}

@test "clone, snapshot and rollback, before each step" {
	long_only
	local kind
	check() {
		whole o
		[[ $(names) != *k* ]] || whole k
	}
	for kind in $KINDS; do
		marked $kind o
		reset() {
			[[ $(names) != *k* ]] || cr destroy k
			[[ $kind != overlay ]] || in_root o 'echo >>/root/more'
		}
		at_each_step check "$CROSSROOT" clone o k
		reset
		if [[ $kind == overlay ]]; then
			at_each_step check "$CROSSROOT" snapshot o
			cr snapshot o
			reset() { in_root o 'echo >>/root/more'; cr snapshot o >/dev/null; in_root o 'echo >/root/new'; }
			at_each_step check "$CROSSROOT" rollback o
		fi
		cr destroy o
		nothing_left
	done
	check_mounts
	[ -z "$(ls -A "$STATE/overlays")" ]
}

@test "destroy of each kind" {
	local kind i killed
	make_root dir src
	for kind in $KINDS base; do
		killed=0
		# shellcheck disable=SC2046
		cr create k $(create_args $kind)
		measure cr destroy k
		for ((i = 0; i < ROUNDS; i++)); do
			# shellcheck disable=SC2046
			[[ $(names) == *k* ]] || cr create k $(create_args $kind)
			! kill_within $TOOK "$CROSSROOT" destroy k || killed=$((killed + 1))
			check_loops
			# whole, or gone for every command
			[[ $(names) != *k* ]] || in_root k true
			if ((i % 3 == 0)) && [[ $(names) != *k* && -e $STATE/roots/.deleting-k ]]; then
				cr destroy k
				check_mounts
			fi
		done
		[ "$killed" -ge 3 ]
		cr destroy k || [[ $(names) != *k* ]]
		nothing_left
		check_mounts
	done
	in_root src true
}

@test "destroy before each step, and what shares its layers" {
	long_only
	local kind
	make_root dir src
	reset() {
		# shellcheck disable=SC2046
		[[ $(names) == *k* ]] || cr create k $(create_args $kind)
	}
	check() {
		[[ $(names) != *k* ]] || in_root k true
	}
	for kind in $KINDS base; do
		at_each_step check "$CROSSROOT" destroy k
		cr destroy k 2>/dev/null || :
		check_mounts
	done
	marked overlay o
	kind=clone
	reset() { [[ $(names) == *k* ]] || cr clone o k; }
	check() { whole o; [[ $(names) != *k* ]] || whole k; }
	at_each_step check "$CROSSROOT" destroy k
	whole o
}

@test "resize, before each step" {
	long_only
	local size=64
	marked image o
	reset() { size=$((size + 1)); }
	# what was begun is finished by the same command
	check() { whole o; cr resize o 200m; whole o; cr destroy o; marked image o; }
	at_each_step check "$CROSSROOT" resize o 200m
}
