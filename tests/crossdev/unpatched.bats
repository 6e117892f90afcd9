#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# crossdev as it comes: a file that its configuration sources calls the hook.

load helper

setup_file() {
	[[ ${CROSSDEV-} ]] || return 0
	setup_host
}

setup() {
	[[ ${CROSSDEV-} ]] ||
		skip_or_fail "CROSSDEV does not name the source of crossdev" crossdev
	gentoo_or_skip
	mkdir -p "$HOST/upper/etc/portage/crossdev/$T"
	echo ". /usr/share/crossroot/crossdev/env" >"$HOST/upper/etc/portage/crossdev/$T/env"
}

@test "a failure of crossdev stays one" {
	run -1 on_host crossdev --with-container=/mnt/stage.tar.zst --target "$T" \
		--portage --no-such-option
	no_root "$T"
}

@test "--with-container leaves a root ready for emerge" {
	run on_host crossdev --with-container=/mnt/stage.tar.zst --target "$T"
	echo "$output"
	[ "$status" -eq 0 ]
	builds_hello
}

@test "without it nothing happens" {
	run on_host crossdev --target "$T"
	[ "$status" -eq 0 ]
	[[ $output != *crossroot* ]]
}

@test "a stage that is no stage fails crossdev" {
	on_host crossroot destroy "$T"
	run -1 on_host crossdev --with-container=/mnt/none --target "$T"
	[[ $output == *"no whole path of a stage: /mnt/none"* && $output != *Emerging* ]]
}
