#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 at random moments: nothing is left that the next command does not mend.

load helper

ROUNDS=20

setup_file() {
	setup_root
	STAGE=$("$TOP/tests/stage/make-stage" arm64)
	export STAGE
}

setup() {
	RANDOM=${SEED:=$RANDOM}
	echo "# seed $SEED" >&3
	binfmt >"$HYBRID/binfmt"
	losetup -a >"$HYBRID/loops"
	# what runs inside has this among its arguments
	MARK=9$BASHPID$RANDOM
	seen=0
}

cr() {
	"$CROSSROOT" "$1" --state-dir "$HYBRID/state" "${@:2}"
}

# The machine's own binfmt_misc table.
binfmt() {
	unshare --mount sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
		ls /proc/sys/fs/binfmt_misc'
}

# Nothing of ours runs, is mounted, attached or registered any more.
check_nothing_left() {
	local _ left ours="--state-dir $HYBRID/state|$MARK"
	for _ in {1..40}; do
		left=$(pgrep -f -- "$ours" || :)
		[[ -n $left ]] || break
		sleep 0.05
	done
	[[ -z $left ]] || { ps -fp $left >&2; return 1; }
	diff "$HYBRID/mounts" /proc/self/mountinfo
	losetup -a | diff "$HYBRID/loops" -
	binfmt | diff "$HYBRID/binfmt" -
}

# measure CMD...: sets TOOK, in milliseconds
measure() {
	local start=${EPOCHREALTIME/[.,]/}
	"$@"
	TOOK=$(((${EPOCHREALTIME/[.,]/} - start) / 1000 + 1))
}

# kill_within MILLISECONDS CMD...: start CMD, kill -9 it at a random moment of these;
# true if it was killed. Counts in $seen how often a program inside, "sleep $MARK", was
# there by then.
kill_within() {
	local pid status=0 at=$((RANDOM * $1 / 32768))
	setsid "${@:2}" >/dev/null 2>"$HYBRID/err" </dev/null &
	pid=$!
	sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"
	! pgrep -f "sleep $MARK\$" >/dev/null || seen=$((seen + 1))
	kill -9 "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || status=$?
	[[ $status -eq 137 ]]
}

@test "create" {
	local killed=0 i
	measure cr create k --stage "$STAGE"
	cr destroy k
	for ((i = 0; i < ROUNDS; i++)); do
		if kill_within $TOOK "$CROSSROOT" create k --stage "$STAGE" \
			--state-dir "$HYBRID/state"; then
			killed=$((killed + 1))
		fi
		check_nothing_left
		# none, or, when the kill came last of all, a whole one
		if cr list | grep -q '^k '; then
			cr run k --native none -- /bin/true
		fi
		# alternately: destroy takes what is left away, or create goes over it
		if ((i % 2)) && [[ -e $HYBRID/state/roots/k || -e $HYBRID/state/roots/.creating-k ]]; then
			cr destroy k
			[[ -z $(find "$HYBRID/state/roots" -maxdepth 1 -name '*k') ]]
		elif [[ -e $HYBRID/state/roots/k ]]; then
			cr destroy k
		fi
	done
	[ "$killed" -ge 5 ]
	cr create k --stage "$STAGE"
	cr run k --native none -- /bin/true
	cr destroy k
	[ "$(ls -A "$HYBRID/state/roots")" = t ]
}

@test "run, with emulated and native programs at work" {
	local killed=0 i mode
	echo 'int main(void) { return 0; }' >"$TREE/root/x.c"
	cr run t -- true
	measure cr run t -- true
	for ((i = 0; i < ROUNDS; i++)); do
		mode=private
		((i % 4)) || mode=global
		if kill_within $((2 * TOOK + 400)) "$CROSSROOT" run t --state-dir "$HYBRID/state" \
			--binfmt $mode -- \
			sh -c 'setsid sleep $1 &
			while :; do gcc -o /tmp/$1 /root/x.c && /tmp/$1; done' - "$MARK"; then
			killed=$((killed + 1))
		fi
		check_nothing_left
		cr run t -- sh -c '[ "$(uname -m)" = aarch64 ]'
	done
	[ "$killed" -eq "$ROUNDS" ]
	[ "$seen" -gt 0 ]
	rm "$TREE/root/x.c"
}

@test "the making of a plan" {
	local i whole
	rm -rf "$HYBRID/state/layers" "$HYBRID/state/roots/t/plan"
	whole=$(cr plan t)
	rm -rf "$HYBRID/state/layers" "$HYBRID/state/roots/t/plan"
	measure cr plan t >/dev/null
	for ((i = 0; i < ROUNDS; i++)); do
		rm -rf "$HYBRID/state/layers" "$HYBRID/state/roots/t/plan"
		kill_within $TOOK "$CROSSROOT" plan t --state-dir "$HYBRID/state" || :
		check_nothing_left
		((i % 5)) || cr run t -- gcc --version >/dev/null
	done
	[ "$(cr plan t)" = "$whole" ]
	[[ ! -e $HYBRID/state/layers/.new ]]
}

@test "destroy" {
	local i killed=0
	cr create d --stage "$STAGE"
	measure cr destroy d
	for ((i = 0; i < ROUNDS; i++)); do
		[[ -e $HYBRID/state/roots/d ]] || cr create d --stage "$STAGE"
		if kill_within $TOOK "$CROSSROOT" destroy d --state-dir "$HYBRID/state"; then
			killed=$((killed + 1))
		fi
		check_nothing_left
		# whole, or gone as far as every command is concerned
		if [[ $(cr list) == "d "* ]]; then
			cr run d --native none -- /bin/true
		elif ((i % 3 == 0)) && [[ -e $HYBRID/state/roots/.deleting-d ]]; then
			cr destroy d
		fi
	done
	[ "$killed" -ge 5 ]
	cr list | grep -q '^d ' && cr destroy d
	[[ ! -e $HYBRID/state/roots/.deleting-d ]] || cr destroy d
	[ "$(ls -A "$HYBRID/state/roots")" = t ]
}
