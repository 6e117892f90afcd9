#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Which programs a build at tier tools starts, and which of them run emulated.

load helper

# Programs of the root that are never swapped, and why a build runs them all the same.
declare -gA emulated_on_purpose=(
	[/usr/bin/uname]="config.guess asks for the machine"
	[/usr/bin/arch]="configure notes the machine in config.log"
	[/usr/bin/hostname]="configure notes the host in config.log; not a build tool"
)

@test "only conftests, fresh programs and a known few run emulated in a build of hello" {
	command -v strace >/dev/null || skip_or_fail "needs strace"
	tar -C "$(build_dir tools)" --strip-components=1 --no-same-owner \
		-xf "$("$TOP/tests/stage/fetch-source" hello)"
	CROSSROOT_BIN=$CROSSROOT
	CROSSROOT=$HYBRID/traced
	printf '#!/bin/sh\nexec %s "$@"\n' "$(printf '%q ' strace -f -qq -z -s 4096 \
		-e trace=execve,chroot -e signal=none -o "$HYBRID/trace" "$CROSSROOT_BIN")" >"$CROSSROOT"
	chmod +x "$CROSSROOT"
	root_sh tools <<<'./configure && make && ./hello' >"$HYBRID/log" 2>&1
	CROSSROOT=$CROSSROOT_BIN
	tail -n 1 "$HYBRID/log" | grep -qx 'Hello, world!'

	# what crossroot itself starts comes before, and is no program of the root
	sed -n '\#execve("[^"]*/sh", \["sh", "-euc"#,$ s/.*execve("\([^"]*\)".*/\1/p' "$HYBRID/trace" \
		>"$HYBRID/all"
	sort "$HYBRID/all" | uniq -c >"$HYBRID/counts"
	sort -u "$HYBRID/all" >"$HYBRID/execs"
	"$CROSSROOT" plan t --state-dir "$HYBRID/state" --json >"$HYBRID/plan"
	jq -r '.swaps[] | select(.swapped) | .path' "$HYBRID/plan" | sort >"$HYBRID/swapped"
	jq -r '.swaps[] | select(.swapped | not) | .path' "$HYBRID/plan" >"$HYBRID/planned"
	grep -v -e '^/run/' -e '^/build/' "$HYBRID/execs" | grep '^/' >"$HYBRID/paths"
	mapfile -t paths <"$HYBRID/paths"
	in_root none realpath -- "${paths[@]}" >"$HYBRID/real"
	[ "$(wc -l <"$HYBRID/real")" -eq "${#paths[@]}" ]

	unexplained=()
	emulated=()
	while read -r path; do
		if grep -qxF -- "$path" "$HYBRID/swapped"; then
			continue
		elif [[ $(head -c 2 "$TREE$path" | tr -d '\0') == '#!' ]]; then
			# a script: its interpreter has to be native
			interpreter=$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$TREE$path")
			interpreter=$(in_root none realpath "$interpreter")
			grep -qxF -- "$interpreter" "$HYBRID/swapped" || unexplained+=("$path")
		elif grep -qxF -- "$path" "$HYBRID/planned" ||
			[[ ${emulated_on_purpose[$path]-} ]]; then
			emulated+=("$path")
		else
			unexplained+=("$path")
		fi
	done < <(sort -u "$HYBRID/real")
	echo "emulated: ${emulated[*]}"
	echo "unexplained: ${unexplained[*]}"
	[ ${#unexplained[@]} -eq 0 ]

	# natives run only below driver/
	run grep '^/run/' "$HYBRID/execs"
	run grep -vE '^/run/crossroot/driver/usr/bin/aarch64-linux-gnu-[a-z+]+-12$' <<<"$output"
	[ "$status" -eq 1 ]

	# an original is asked in the view without swaps, by a compiler driver, a few times
	mapfile -t askers < <(sed -n 's/^\([0-9]*\) *chroot("\/run\/crossroot\/emulated").*/\1/p' \
		"$HYBRID/trace")
	[ "${#askers[@]}" -ge 1 ]
	[ "${#askers[@]}" -le 10 ]
	for pid in "${askers[@]}"; do
		sed -n "/^$pid *chroot/,\$ s/^$pid *execve(\"\([^\"]*\)\".*/\1/p" "$HYBRID/trace" | head -n 1
	done | sort -u >"$HYBRID/asked"
	run grep -vE '^/usr/bin/aarch64-linux-gnu-[a-z+]+-12$' "$HYBRID/asked"
	[ "$status" -eq 1 ]

	# what is left belongs to the build
	run grep -v '^/' "$HYBRID/execs"
	[[ $output == *./conftest* ]]
	[[ $output == *./hello* ]]

	# and the plan and the trace are what they seem: the compiler is in it, many times
	[ "$(grep -c '/cc1$' "$HYBRID/all")" -gt 200 ]
	[ "$(wc -l <"$HYBRID/all")" -gt 2000 ]
	[ "$(wc -l <"$HYBRID/swapped")" -gt 150 ]
}
