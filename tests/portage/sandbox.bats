#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Gentoo's sandbox in a hybrid root. No archive that the other tests use has it:
# CROSSROOT_SANDBOX names its source, with a configure script made by autogen.sh.

load helper

setup_file() {
	export WHY_NOT=
	if [[ ! -x ${CROSSROOT_SANDBOX:-}/configure ]]; then
		WHY_NOT="no CROSSROOT_SANDBOX with the source of Gentoo's sandbox"
		return
	fi
	setup_portage_root
	[[ ! $WHY_NOT ]] || return 0
	local repo=$TREE/var/db/repos/evil
	mkdir -p "$repo"/{metadata,profiles,app-test/evil}
	printf '%s\n' 'repo-name = evil' 'masters = test' 'thin-manifests = true' \
		>"$repo/metadata/layout.conf"
	echo evil >"$repo/profiles/repo_name"
	echo app-test >"$repo/profiles/categories"
	printf '%s\n' '[evil]' 'location = /var/db/repos/evil' 'auto-sync = no' \
		>"$TREE/etc/portage/repos.conf/evil.conf"
	# as root, whom nothing else would stop
	cat >"$repo/app-test/evil/evil-1.ebuild" <<-'END'
		EAPI=8
		DESCRIPTION="writes where it must not"
		HOMEPAGE="https://example.org/"
		S="${WORKDIR}"
		LICENSE="GPL-2+"
		SLOT="0"
		KEYWORDS="arm64"
		RESTRICT="userpriv"
		src_compile() {
			echo '#include <fcntl.h>
			int main(void) { return open("/usr/emulated-evil", O_CREAT | O_WRONLY, 0644) < 0; }' \
				>a.c || die
			gcc a.c -o a || die
			touch /usr/native-evil
			./a
			einfo "tier $(</run/crossroot/tier), preloaded: ${LD_PRELOAD}"
		}
	END
	build_sandbox "$CROSSROOT run t --state-dir $HYBRID/state --bind" "" \
		--host=aarch64-unknown-linux-gnu
	mv "$HYBRID/work/image" "$HYBRID/work/image.arm64"
	build_sandbox "bwrap --ro-bind $("$TOP/tests/stage/make-native-root") / --tmpfs /tmp \
		--proc /proc --dev /dev --bind" " " ""
}

setup() {
	[[ ! $WHY_NOT ]] || skip_or_fail "$WHY_NOT" sandbox
}

# build_sandbox RUNNER SEPARATOR HOST: into $HYBRID/work/image, by RUNNER, whose last
# argument is a bind.
build_sandbox() {
	local src=$HYBRID/work/sandbox bind
	rm -rf "$src"
	cp -a "$CROSSROOT_SANDBOX" "$src"
	bind="$src:/mnt"
	[[ ! $2 ]] || bind="$src /mnt"
	# shellcheck disable=SC2086 # words
	$1 $bind --chdir /mnt -- sh -euc "./configure --prefix=/usr --libdir=/usr/lib64 \
		--sysconfdir=/etc $3 && make -j2 && make install DESTDIR=/mnt/image" \
		>"$HYBRID/work/log" 2>&1 || { tail "$HYBRID/work/log" >&2; return 1; }
	mv "$src/image" "$HYBRID/work/image"
}

# install_sandbox IMAGE ROOT: with an entry in the package database
install_sandbox() {
	local db=$2/var/db/pkg/sys-apps/sandbox-2.46 path
	cp -a "$1/." "$2/"
	cp -a "$2/var/db/pkg/sys-apps/portage-3.0.83" "$db"
	echo sandbox-2.46 >"$db/PF"
	find "$1" -type f -printf '/%P\n' | while read -r path; do
		echo "obj $path $(md5sum <"$1$path" | cut -c1-32) 1"
	done >"$db/CONTENTS"
}

emerge_evil() {
	"${CLEAN[@]}" "$CROSSROOT" run t --state-dir "$HYBRID/state" "$@" -- \
		emerge --oneshot --color=n app-test/evil </dev/null
}

@test "without a twin the sandbox is switched off, and the plan says why" {
	install_sandbox "$HYBRID/work/image.arm64" "$TREE"
	run -0 emerge_evil
	[[ $output == *"tier tools, preloaded: "$'\n'* ]]
	[[ $output != *"cannot be preloaded"* ]]
	rm "$TREE"/usr/{native,emulated}-evil
	"$CROSSROOT" plan t --state-dir "$HYBRID/state" |
		grep -q '/usr/bin/sandbox .*the native root has none'
}

@test "with a twin native and emulated programs are confined, at every tier" {
	local native=$HYBRID/work/native tier
	cp -a "$NATIVE" "$native"
	install_sandbox "$HYBRID/work/image" "$native"
	for tier in tools toolchain none; do
		echo "app-test/evil crossroot/$tier.conf" >"$TREE/etc/portage/package.env/evil"
		run -1 emerge_evil --native-root "$native"
		[[ $output == *"tier $tier, preloaded: libsandbox.so"* ]]
		[[ $output == *"ACCESS DENIED"*"/usr/native-evil"* ]]
		[[ $output == *"ACCESS DENIED"*"/usr/emulated-evil"* ]]
		[ ! -e "$TREE/usr/native-evil" ]
		[ ! -e "$TREE/usr/emulated-evil" ]
	done
}
