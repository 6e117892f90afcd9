#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Real Portage builds, tests and merges packages in a hybrid root.

load helper
# shellcheck disable=SC2034 # setup_file uses it
SOURCES=(hello zlib)

# elf_files CATEGORY/PF: the ELF files among them, as the host sees them
elf_files() {
	local path
	while read -r path _; do
		if [[ $(head -c 4 "$TREE$path" | tr -d '\0') == $'\x7fELF' ]]; then
			echo "$TREE$path"
		fi
	done < <(contents "$1")
}

# verify CATEGORY/PF: what the database says is what is there, as qcheck does it.
verify() {
	local path sum count=0
	while read -r path sum; do
		[[ $(md5sum <"$TREE$path") == "$sum  -" ]] || {
			echo "$path is not what $1 installed" >&2
			return 1
		}
		count=$((count + 1))
	done < <(contents "$1")
	[ "$count" -gt 3 ]
}

@test "emerge tells what it is and what it would do" {
	run -0 in_portage tools emerge --version
	[[ $output == "Portage 3.0."*"default/arm64"*"aarch64"* ]]
	run -0 in_portage tools emerge --pretend --verbose --color=n hello
	[[ $output == *"app-misc/hello-2.10::test"* ]]
}

@test "emerge builds, tests and merges hello and zlib at tier tools" {
	local pf
	FEATURES="test" run -0 in_portage tools emerge --oneshot --color=n app-misc/hello \
		sys-libs/zlib
	[[ $output == *"PASS: tests/hello-1"* ]]
	[[ $output == *"*** zlib shared test OK ***"* ]]
	for pf in app-misc/hello-2.10 sys-libs/zlib-1.2.13; do
		[ "$(<"$TREE/var/db/pkg/$pf/CHOST")" = aarch64-unknown-linux-gnu ]
		[ "$(<"$TREE/var/db/pkg/$pf/CBUILD")" = aarch64-unknown-linux-gnu ]
		[ "$(<"$TREE/var/db/pkg/$pf/repository")" = test ]
		verify "$pf"
	done
	run -0 in_portage none hello
	[ "$output" = "Hello, world!" ]
}

@test "what was installed is arm64" {
	local pf files
	for pf in app-misc/hello-2.10 sys-libs/zlib-1.2.13; do
		mapfile -t files < <(elf_files "$pf")
		[ "${#files[@]}" -ge 1 ]
		[ "$(machine "${files[@]}")" = AArch64 ]
	done
}

@test "audit finds nothing in what was installed" {
	local pf image=$HYBRID/work/image
	mkdir "$image"
	for pf in app-misc/hello-2.10 sys-libs/zlib-1.2.13; do
		contents "$pf" | sed 's,^/\(.*\) [0-9a-f]*$,\1,' |
			tar -C "$TREE" -T - -cf - | tar -C "$image" -xf -
	done
	run -0 "$CROSSROOT" audit "$image" --target aarch64-unknown-linux-gnu \
		--native-root "$NATIVE" --state-dir "$HYBRID/state"
}
