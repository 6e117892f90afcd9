#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# doctor: what it says of a machine, of a user and of a machine made worse.

load helper

setup() {
	mounts_before=$(cat /proc/self/mountinfo)
	# where any user can run it; the state directory is not needed
	bin=$(mktemp -d)
	chmod 755 "$bin"
	install -m755 "$CROSSROOT" "$bin/crossroot"
}

teardown() {
	rm -rf "$bin"
	check_mounts
}

# has STATUS NAME: whether that check ended so.
has() {
	grep -Eq "^$1 +$2  " <<<"$output"
}

@test "every line is a check, every complaint has a remedy" {
	run "$bin/crossroot" doctor
	complaints=$(grep -Ec '^(warning|missing) ' <<<"$output") || true
	[ "$(grep -Ec '^ +-> .' <<<"$output")" -eq "$complaints" ]
	[ -z "$(grep -Ev '^(ok|warning|missing) +[^ ]|^ +-> ' <<<"$output")" ]
	if grep -q '^missing ' <<<"$output"; then
		[ "$status" -eq 1 ]
	else
		[ "$status" -eq 0 ]
	fi
	has ok kernel
	[[ $output == *"Linux $(uname -r) on $(uname -m)"* ]]
}

@test "--json says the same" {
	run "$bin/crossroot" doctor
	text=$output was=$status
	run "$bin/crossroot" doctor --json
	[ "$status" -eq "$was" ]
	[[ ${output:0:1} == '[' ]]
	for s in ok warning missing; do
		[ "$(grep -c "\"status\": \"$s\"" <<<"$output")" -eq \
			"$(grep -c "^$s " <<<"$text")" ]
	done
	[ "$(grep -c '"mend": null' <<<"$output")" -eq "$(grep -c '^ok ' <<<"$text")" ]
	[ "$(grep -c '"detail": "' <<<"$output")" -eq "$(grep -c '"name": "' <<<"$output")" ]
}

@test "no other user can run a root, and all can ask" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root to become another user"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$bin/crossroot" doctor
	[ "$status" -eq 1 ]
	has missing privilege
	has warning "binfmt private"
	has ok openat2
}

@test "a qemu that is there is found, run and registered" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	[[ -x /usr/bin/qemu-s390x-static ]] || skip_or_fail "needs qemu-s390x-static"
	run "$bin/crossroot" doctor
	has ok namespaces || skip_or_fail "no namespaces here"
	has ok "binfmt private" || skip_or_fail "needs Linux 6.7"
	has ok qemu-s390x
	version=$(/usr/bin/qemu-s390x-static --version | sed -n 's/.*version //p')
	[[ $output == *"/usr/bin/qemu-s390x-static, version $version, static, can be registered"* ]]
}

# In a user namespace with one user a run's identity map is refused, and a table of
# the whole machine's can be put up that is not the machine's.
@test "missing namespaces and a foreign entry without F are said" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	[[ -x /usr/bin/qemu-s390x-static ]] || skip_or_fail "needs qemu-s390x-static"
	unshare -Urm mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc ||
		skip_or_fail "needs Linux 6.7"
	run unshare -Urm sh -c '
		t=/proc/sys/fs/binfmt_misc
		mount -t binfmt_misc binfmt_misc $t
		z="\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		for e in one:OC two:F; do
			printf "%s" ":${e%:*}:M::\x7fELF\x02\x02\x01$z\x00\x02\x00\x16:"\
"\xff\xff\xff\xff\xff\xff\xff$z\xff\xfe\xff\xff:/usr/bin/qemu-s390x-static:${e#*:}" \
				>$t/register || exit 99
		done
		exec "$1" doctor' sh "$bin/crossroot"
	[ "$status" -eq 1 ]
	has missing namespaces
	has warning "entry one"
	has ok "entry two"
	[[ $output == *"/usr/bin/qemu-s390x-static, flags 'OC', enabled: does not serve a root"* ]]
}

@test "no qemu is missing, a dynamic one will not do" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	[[ -x /usr/bin/qemu-s390x-static ]] || skip_or_fail "needs qemu-s390x-static"
	run unshare -m sh -c '
		for f in /usr/bin/qemu-*; do
			mount --bind /dev/null "$f" || exit 99
		done
		"$1" doctor
		echo "status $?"
		mount --bind /bin/ls /usr/bin/qemu-s390x-static
		"$1" doctor' sh "$bin/crossroot"
	[[ $output == *"status 1"* ]]
	has missing qemu
	has warning qemu-s390x
	[[ $output == *"qemu-s390x "*" not installed"* ]]
	[[ $output == *"/usr/bin/qemu-s390x-static, version ls (GNU coreutils)"*" is not static"* ]]
	[[ $output == *"QEMU_USER_TARGETS=s390x (Gentoo)"* ]]
}

@test "a machine without mkfs.ext4 is warned: it can make no images" {
	[[ -x /usr/sbin/mkfs.ext4 && $(id -u) -eq 0 ]] || skip_or_fail "no mkfs.ext4, or not root"
	run "$bin/crossroot" doctor
	has ok mkfs.ext4
	run unshare --mount bash -euc 'mount --bind /dev/null "$(realpath /usr/sbin/mkfs.ext4)"
		"$1" doctor' - "$bin/crossroot"
	has warning mkfs.ext4
}

@test "a machine without ldconfig is warned: another native root may have it" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	run unshare --mount bash -euc 'mount --bind /dev/null "$(realpath /sbin/ldconfig)"
		"$1" doctor' - "$bin/crossroot"
	has warning ldconfig
}

@test "a machine without gpgv is warned: stages cannot be verified" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	run unshare --mount bash -euc 'mount --bind /dev/null "$(realpath /usr/bin/gpgv)"
		"$1" doctor' - "$bin/crossroot"
	has warning gpgv
	[[ $output == *"-> install gpgv"* ]]
	run "$bin/crossroot" doctor
	has ok gpgv
}

@test "doctor takes no arguments" {
	run "$bin/crossroot" doctor now
	[ "$status" -eq 2 ]
}
