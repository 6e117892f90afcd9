#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What crossdev's hook does, without crossdev: a program answers in its place that prints
# what crossdev --show-target-cfg prints.

load helper

setup_file() {
	setup_host
	[[ ! $WHY_NOT ]] || return 0
	mkdir -p "$HOST/upper/usr/local/bin"
	cat >"$HOST/upper/usr/local/bin/crossdev" <<-'EOF'
		#!/bin/sh
		[ "$1 $2" = "--show-target-cfg --target" ] || exit 1
		printf '%s\n' arch=arm64 "target=$3" "category=cross-$3" binutils_pn=binutils \
			gcc_pn=gcc kernel_pn=linux-headers libc_pn=glibc
	EOF
	chmod +x "$HOST/upper/usr/local/bin/crossdev"
}

hook() {
	on_host crossroot crossdev-hook --target "$T" "$@"
}

@test "crossdev-args prints what builds the toolchain of a stage" {
	run on_host crossroot crossdev-args --stage /mnt/stage.tar.zst
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output =~ ^"--gcc =12.2.0 --binutils =2.40 --libc =2.36"[-r0-9]*" --kernel =6.1"[-.r0-9]*" --target $T"$ ]]
}

@test "crossdev-args says what is wrong with a stage" {
	head -c 1000000 "$STAGE" >"$HOST/share/cut.tar.zst"
	run -1 on_host crossroot crossdev-args --stage /mnt/cut.tar.zst
	[[ $output == *"/mnt/cut.tar.zst"*damaged* ]]
	tar -C "$HOST/share" -cf "$HOST/share/other.tar" source
	run -1 on_host crossroot crossdev-args --stage /mnt/other.tar
	[[ $output == *"no package database"*stage3* ]]
	run -1 on_host crossroot crossdev-args --stage /mnt/none
	[[ $output == *"/mnt/none"*"No such file"* ]]
	run -2 on_host crossroot crossdev-args
}

@test "the hook makes a root and its commands, once" {
	run hook --event install --seed /mnt/stage.tar.zst
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run on_host crossroot plan "$T"
	[[ $output == *"/usr/$T/gcc-bin/12/gcc"*"(sys-devel/gcc 12.2.0)"* ]]
	[[ $(host_file "/usr/bin/$T-container-emerge") == *"exec crossroot emerge $T -- \"\$@\"" ]]

	on_host find /usr/bin /etc /var/lib/crossroot -newer /mnt/stage.tar.zst -type f \
		! -path '*/locks/*' ! -name setup -exec md5sum {} + | sort >"$BATS_TEST_TMPDIR/before"
	run hook --event install --seed /mnt/stage.tar.zst
	[ "$status" -eq 0 ]
	[[ $output == *"is there already"* ]]
	run hook --event install
	[ "$status" -eq 0 ]
	on_host find /usr/bin /etc /var/lib/crossroot -newer /mnt/stage.tar.zst -type f \
		! -path '*/locks/*' ! -name setup -exec md5sum {} + | sort |
		diff "$BATS_TEST_TMPDIR/before" -
}

@test "a run alone does not make the root the user's" {
	on_host "$T-container-run" true
	on_host "$T-container-run" emerge --pretend app-misc/hello
	run hook --event uninstall
	echo "$output"
	[ "$status" -eq 0 ]
	no_root "$T"
	run ! on_host test -e "/usr/bin/$T-container-emerge"
	run ! on_host test -e "/usr/bin/$T-container-run"
	hook --event uninstall
}

@test "a root that the user changed stays, but for --force" {
	hook --event install --seed /mnt/stage.tar.zst
	on_host "$T-container-run" sh -c 'echo mine >/etc/mine'
	run hook --event uninstall
	[ "$status" -eq 0 ]
	[[ $output == *"root '$T' stays"*"/etc/mine"*"crossroot destroy $T"* ]]
	run on_host crossroot run "$T" -- cat /etc/mine
	[ "$output" = mine ]
	# with a new toolchain it is still the user's
	hook --event install
	run hook --event uninstall
	[[ $output == *"/etc/mine"* ]]
	hook --event uninstall --force yes
	no_root "$T"
}

@test "settings and temporary files are the user's too" {
	hook --event install --seed /mnt/stage.tar.zst
	on_host "$T-container-run" sh -c 'mkdir /var/tmp/mine; echo 1 >/var/tmp/mine/a.c'
	run hook --event uninstall
	[[ $output == *"/var/tmp/mine/a.c"* ]]
	on_host rm -r "/var/lib/crossroot/roots/$T/tree/var/tmp/mine"
	on_host sh -c "echo 'native = none' >>/var/lib/crossroot/roots/$T/root.conf"
	run hook --event uninstall
	[[ $output == *"its root.conf"* ]]
	hook --event uninstall --force yes
}

@test "a target that crossroot knows nothing of is none of its business" {
	local t
	for t in avr msp430-elf nvptx-none; do
		run on_host crossroot crossdev-hook --event uninstall --target "$t" --seed x
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
}

@test "a root that the user made is not crossdev's, and is the same" {
	hook --event install --seed /mnt/stage.tar.zst
	list_root >"$BATS_TEST_TMPDIR/one"
	hook --event uninstall --force yes
	on_host crossroot create --target "$T" --stage /mnt/stage.tar.zst
	list_root | diff "$BATS_TEST_TMPDIR/one" -
	run hook --event uninstall --force yes
	[ "$status" -eq 0 ]
	[[ $output == *"crossdev did not make it"* ]]
	on_host crossroot destroy "$T"
}

# every file of the root with its mode, owner, size and content
list_root() {
	(
		cd "$HOST/state/roots/$T/tree" || exit
		find . -printf '%p %M %U:%G %l\n' | sort
		find . -type f -exec md5sum {} + | sort -k 2
	)
}

@test "commands and files of others are left alone" {
	on_host sh -c "echo theirs >/usr/bin/$T-container-run"
	run hook --event install --seed /mnt/stage.tar.zst
	[ "$status" -eq 0 ]
	[[ $output == *"/usr/bin/$T-container-run is not crossroot's"* ]]
	hook --event uninstall
	[ "$(host_file "/usr/bin/$T-container-run")" = theirs ]
	on_host rm "/usr/bin/$T-container-run"
}

@test "a toolchain that does not fit is refused before anything is unpacked" {
	on_host mv "/var/db/pkg/cross-$T/gcc-12.2.0" "/var/db/pkg/cross-$T/gcc-13.2.0"
	run -1 hook --event install --seed /mnt/stage.tar.zst
	[[ $output == *"the cross compiler is gcc 13.2.0, the stage's is 12.2.0"* ]]
	[[ $output == *"crossdev --gcc 12.2.0"* ]]
	no_root "$T"
	on_host mv "/var/db/pkg/cross-$T/gcc-13.2.0" "/var/db/pkg/cross-$T/gcc-12.3.0"
	run hook --event install --seed /mnt/stage.tar.zst
	[ "$status" -eq 0 ]
	[[ $output == *"gcc 12.3.0, the stage's is 12.2.0"*emulated* ]]
	hook --event uninstall
	on_host mv "/var/db/pkg/cross-$T/gcc-12.3.0" "/var/db/pkg/cross-$T/gcc-12.2.0"
}

@test "what the hook is told wrong" {
	# without a file one is fetched: here nobody listens
	run -1 hook --event install --mirror http://127.0.0.1:1
	[[ $output == *"127.0.0.1"* ]]
	run -2 hook --event install --seed stage.tar.zst
	[[ $output == *"whole path"* ]]
	run -2 hook --event build
	run -2 hook --event install --llvm maybe
	run -2 on_host crossroot crossdev-hook --event install
	run -1 on_host crossroot crossdev-hook --event install --seed /mnt/stage.tar.zst \
		--target armv7a-unknown-linux-gnueabihf
	[[ $output == *"for $T, not for armv7a"* ]]
	run -1 hook --event install --seed /mnt/stage.tar.zst --llvm yes
	[[ $output == *"LLVM's"*"--native none"* ]]
	run -1 hook --event install --seed /mnt/stage.tar.zst --crossdev /none
	[[ $output == *"ask crossdev about $T"* ]]
	run hook --event install --init-only yes
	[ "$status" -eq 0 ]
	[[ $output == *"no toolchain was built"* ]]
	no_root "$T"
}

@test "a root in crossdev's own directory, when that is asked for" {
	run hook --event install --seed /mnt/stage.tar.zst --root "/usr/$T"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$(ls -A "$HOST/state/roots/$T/tree")" ]
	run on_host cat "/usr/$T/etc/portage/make.conf"
	[[ $output == *PORTAGE_RO_DISTDIRS* ]]
	run on_host "$T-container-run" sh -c 'uname -m; emerge --info | grep ^ROOT; ls /'
	echo "$output"
	[[ $output == aarch64* && $output != *"ROOT=\"/usr"* ]]
	builds_hello "$HOST/upper/usr/$T"
	# crossdev would go on and delete it
	run -1 hook --event uninstall
	[[ $output == *"the files of root '$T' are in '/usr/$T', which crossdev would delete"* ]]
	on_host test -e "/usr/bin/$T-container-run"
	hook --event uninstall --force yes
	no_root "$T"
	on_host test -e "/usr/$T/usr/bin/hello"
}
