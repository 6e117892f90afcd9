#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Real Portage builds, tests and merges packages in a hybrid root.

load helper

# Merged. libpng needs zlib; cjson and expat are built by CMake, fribidi by Meson, gperf and
# jsoncpp are C++, jsoncpp's sources are put together by the root's Python.
MERGED=(app-misc/hello-2.10 sys-libs/zlib-1.2.13 dev-lang/lua-5.4.4 media-libs/libpng-1.6.39
	dev-util/gperf-3.1 dev-libs/cjson-1.7.15 dev-libs/expat-2.5.0 dev-libs/fribidi-1.0.8
	dev-libs/jsoncpp-1.9.5)
# These own programs that are swapped. The tests of some take minutes.
MERGED+=(app-shells/dash-0.5.12 app-arch/bzip2-1.0.8)
[[ ! ${CROSSROOT_LONG:-} ]] ||
	MERGED+=(sys-apps/sed-4.9 app-arch/gzip-1.12 app-arch/xz-utils-5.4.1 dev-build/make-4.3)

# shellcheck disable=SC2034 # in_portage uses it
RUN_ENV=(PORTAGE_LOGDIR=/var/log/portage)

setup_file() { setup_portage_root "${MERGED[@]}"; }

# tested CAT/PF: its log says that its own tests passed.
tested() {
	grep -q ">>> Completed testing $1\$" "$TREE/var/log/portage/${1/\//:}":*.log
}

# image CAT/PF: a directory of the files that it installed
image() {
	local dir=$HYBRID/work/images/$1
	mkdir -p "$dir"
	contents "$1" | sed 's,^/\(.*\) [0-9a-f]*$,\1,' |
		tar -C "$TREE" -T - -cf - | tar -C "$dir" -xf -
	echo "$dir"
}

@test "emerge tells what it is and what it would do" {
	run -0 in_portage tools emerge --version
	[[ $output == "Portage 3.0."*"default/arm64"*"aarch64"* ]]
	run -0 in_portage tools emerge --pretend --verbose --color=n libpng zlib
	[[ $output == *"sys-libs/zlib-1.2.13:0/1::test"*"media-libs/libpng-1.6.39:0/16::test"* ]]
}

@test "emerge builds, tests and merges packages at tier tools" {
	local cpf
	mapfile -t atoms < <(atoms "${MERGED[@]}")
	FEATURES="test" run in_portage tools emerge --oneshot --color=n --jobs=2 "${atoms[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	for cpf in "${MERGED[@]}"; do
		[ "$(<"$TREE/var/db/pkg/$cpf/CHOST")" = aarch64-unknown-linux-gnu ]
		[ "$(<"$TREE/var/db/pkg/$cpf/CBUILD")" = aarch64-unknown-linux-gnu ]
		[ "$(<"$TREE/var/db/pkg/$cpf/repository")" = test ]
		tested "$cpf"
		verify "$cpf"
	done
	run -0 in_portage none hello
	[ "$output" = "Hello, world!" ]
}

@test "what was built is arm64, and audit finds nothing in it" {
	local cpf files image
	for cpf in "${MERGED[@]}"; do
		image=$(image "$cpf")
		mapfile -t files < <(elf_files "$image")
		[ "${#files[@]}" -ge 1 ]
		[ "$(machine "${files[@]}")" = AArch64 ]
		run -0 "$CROSSROOT" audit "$image" --target aarch64-unknown-linux-gnu \
			--native-root "$NATIVE" --state-dir "$HYBRID/state"
	done
}
