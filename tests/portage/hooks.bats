#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What crossroot adds to Portage in a root: native Python, lifted swaps, tiers by package,
# another try one tier lower. By small packages of a repository that this file makes.

load helper

setup_file() {
	setup_portage_root
	[[ ! $WHY_NOT ]] || return 0
	local repo=$TREE/var/db/repos/hooks
	mkdir -p "$repo"/{metadata,profiles}
	printf '%s\n' 'repo-name = hooks' 'masters = test crossroot' 'thin-manifests = true' \
		>"$repo/metadata/layout.conf"
	echo hooks >"$repo/profiles/repo_name"
	printf '%s\n' sys-apps app-test >"$repo/profiles/categories"
	printf '%s\n' '[hooks]' 'location = /var/db/repos/hooks' 'auto-sync = no' \
		>"$TREE/etc/portage/repos.conf/hooks.conf"
	MINE=$TREE/etc/portage/package.env/mine
	export MINE
}

setup() {
	gentoo_or_skip
	: >"$MINE"
}

# shellcheck disable=SC2016 # for Portage to expand
# ebuild CAT/PF: the rest of it from standard input
ebuild() {
	local dir=$TREE/var/db/repos/hooks/${1%-*}
	mkdir -p "$dir"
	{
		printf '%s\n' 'EAPI=8' 'inherit crossroot' "DESCRIPTION=\"The package $1\"" \
			'HOMEPAGE="https://example.org/"' 'S="${WORKDIR}"' 'LICENSE="GPL-2+"' \
			'SLOT="0"' 'KEYWORDS="arm64"'
		cat
	} >"$dir/${1#*/}.ebuild"
}

# inside CMD...: crossroot CMD on the root, at tier tools; without the FEATURES that the
# other files switch off, which the hooks do here.
inside() {
	"${CLEAN[@]}" FEATURES="${FEATURES:-}" "$CROSSROOT" "$1" t --state-dir "$HYBRID/state" \
		"${RUN_OPTS[@]}" -- "${@:2}" </dev/null
}

emerge() { inside run emerge --oneshot --color=n "$@"; }

retrying() { inside emerge --oneshot --color=n "$@"; }

@test "create has installed the hooks; setup takes them out and puts them back" {
	local state=(--state-dir "$HYBRID/state") before
	[ -f "$TREE/etc/portage/profile/bashrc/crossroot.bashrc" ]
	[ -f "$TREE/var/db/repos/crossroot/eclass/crossroot.eclass" ]
	before=$(cd "$TREE" && find etc/portage var/db/repos -newer var | sort)
	echo '# mine' >>"$TREE/etc/portage/binrepos.conf/crossroot.conf"
	run -0 "$CROSSROOT" setup t --undo "${state[@]}"
	[[ $output == *"binrepos.conf/crossroot.conf' of root 't' was changed: it stays"* ]]
	tail -n 1 "$TREE/etc/portage/binrepos.conf/crossroot.conf" | grep -qx '# mine'
	rm "$TREE/etc/portage/binrepos.conf/crossroot.conf"
	rmdir "$TREE/etc/portage/binrepos.conf"
	[ -z "$(find "$TREE/etc/portage" "$TREE/var/db/repos" -name '*crossroot*')" ]
	# a file of the user's in the way: nothing is written, and nothing of it is lost
	mv "$TREE/etc/portage/package.env" "$HYBRID/work/package.env"
	echo 'sys-libs/zlib foo.conf' >"$TREE/etc/portage/package.env"
	run -1 "$CROSSROOT" setup t "${state[@]}"
	[[ $output == *"'/etc/portage/package.env' of the root is a file"*"hint: "* ]]
	[ "$(<"$TREE/etc/portage/package.env")" = 'sys-libs/zlib foo.conf' ]
	[ -z "$(find "$TREE/etc/portage" "$TREE/var/db/repos" -name '*crossroot*')" ]
	rm "$TREE/etc/portage/package.env"
	mv "$HYBRID/work/package.env" "$TREE/etc/portage/package.env"
	"$CROSSROOT" setup t "${state[@]}"
	"$CROSSROOT" setup t "${state[@]}"
	[ "$(cd "$TREE" && find etc/portage var/db/repos -newer var | sort)" = "$before" ]
}

@test "Portage runs on native Python, what a package calls python3 is the root's" {
	ebuild app-test/python-1 <<-'END'
		src_compile() {
			local ask='import os, sys; print(os.uname().machine, sys.executable,'
			ask+=' sys.implementation._multiarch)'
			einfo "portage: $("${PORTAGE_PYTHON}" -c "${ask}")"
			einfo "package: $(python3 -c "${ask}")"
		}
	END
	run -0 emerge app-test/python
	[[ $output == *"portage: aarch64 /run/crossroot/python3.11/bin/python3.11 x86_64-"* ]]
	[[ $output == *"package: aarch64 /usr/"*"python3 aarch64-"* ]]
	[[ $("$CROSSROOT" plan t --state-dir "$HYBRID/state" --json | jq -r \
		'.swaps[] | select(.path | endswith("/emerge")) | .kind') == script ]]
}

@test "quickpkg packs what is installed, not what is swapped" {
	local out=$HYBRID/work/quickpkg
	mkdir -p "$out"
	run -0 inside run sh -c 'quickpkg sys-apps/sed && sed --version >/dev/null &&
		grep -q " /usr/bin/sed " /proc/self/mountinfo'
	tar -C "$out" --strip-components=1 -xf "$TREE"/var/cache/binpkgs/sys-apps/sed/*.gpkg.tar
	tar -C "$out" -xf "$out"/image.tar.*
	[ "$(machine "$(find "$out/image" -name sed -type f)")" = AArch64 ]
}

@test "nothing of crossroot is in a package's environment" {
	ebuild app-test/clean-1 <<<'src_compile() { :; }'
	sed -i /^inherit/d "$TREE/var/db/repos/hooks/app-test/clean/clean-1.ebuild"
	echo 'app-test/clean crossroot/toolchain.conf' >"$MINE"
	run -0 emerge app-test/clean
	run -1 sh -c "bzcat '$TREE/var/db/pkg/app-test/clean-1/environment.bz2' | grep -i crossroot"
}

@test "a package that owns swapped programs is merged, and removed, in their use" {
	ebuild sys-apps/owner-1 <<-'END'
		src_install() {
			# new files, which are the originals
			cp /run/crossroot/emulated/usr/bin/{sed,bash,make} "${WORKDIR}" || die
			exeinto /usr/bin
			doexe "${WORKDIR}"/*
		}
		pkg_preinst() { einfo "sed is swapped: $(grep -c ' /usr/bin/sed ' /proc/self/mountinfo)"; }
	END
	# one that builds meanwhile with what is lifted under it
	ebuild app-test/busy-1 <<-'END'
		src_compile() {
			local i
			[[ $(grep -c ' /usr/bin/sed ' /proc/self/mountinfo) == 1 ]] || die "not swapped"
			touch /var/tmp/busy || die
			for ((i = 0; i < 300; i++)); do
				[[ $(echo a | sed s/a/b/) == b && $(bash -c 'echo c') == c ]] || die
				[[ ! -e /var/tmp/merged ]] || break
				sleep 0.2
			done
			[[ -e /var/tmp/merged ]] || die "the other is not merged"
		}
	END
	rm -f "$TREE"/var/tmp/{busy,merged}
	emerge --jobs 2 --load-average 100 app-test/busy >"$HYBRID/work/busy" 2>&1 3>&- &
	local busy=$!
	for ((i = 0; i < 300; i++)); do
		[[ ! -e $TREE/var/tmp/busy ]] || break
		sleep 0.2
	done
	FEATURES="-collision-protect -protect-owned" run -0 emerge sys-apps/owner
	touch "$TREE/var/tmp/merged"
	[[ $output == *"sed is swapped: 0"* ]]
	wait "$busy"
	verify sys-apps/owner-1
	[ "$(machine "$TREE/usr/bin/sed" "$TREE/usr/bin/bash" "$TREE/usr/bin/make")" = AArch64 ]

	# the next run plans anew: nobody's version is known to be right any more
	run -0 in_root tools sh -c 'sed --version | head -n 1'
	[[ $output == "sed (GNU sed) 4.9" ]]
	cp -p "$TREE"/usr/bin/{sed,bash,make} "$HYBRID/work/"
	run -0 inside run emerge --color=n --unmerge sys-apps/owner
	[ ! -e "$TREE/usr/bin/sed" ]
	[ ! -e "$TREE/var/db/pkg/sys-apps/owner-1" ]
	cp -p "$HYBRID"/work/{sed,bash,make} "$TREE/usr/bin/"
}

@test "package.env gives a package its tier" {
	ebuild app-test/tier-1 <<-'END'
		tell() {
			local sed=emulated bash=emulated
			! crossroot_is_native sed || sed=native
			[[ $(realpath /proc/self/exe) == *qemu* ]] || bash=native
			einfo "${EBUILD_PHASE} $(crossroot_tier) sed ${sed} $(id -u) ${MAKEOPTS}"
			echo 'int main(void) { return 0; }' >"${T}/a.c" || die
			${CC:-gcc} -o "${T}/a" "${T}/a.c" && "${T}/a" || die
			[[ $(crossroot_emulated uname -m) == aarch64 ]] || die
		}
		src_compile() { tell; }
		src_test() { tell; }
		src_install() { tell; }
	END
	run -0 emerge app-test/tier
	[[ $output == *"compile tools sed native 250 "* ]]
	echo 'app-test/tier crossroot/toolchain.conf crossroot/single-job.conf' >"$MINE"
	FEATURES="test" run -0 emerge app-test/tier
	[[ $output == *"compile toolchain sed emulated 250 -j1"* ]]
	[[ $output == *"test toolchain sed emulated 250 -j1"* ]]
	[[ $output == *"install toolchain sed emulated 0 -j1"* ]]
	echo 'app-test/tier crossroot/none.conf' >"$MINE"
	run -0 emerge app-test/tier
	[[ $output == *"compile none sed emulated 250 "* ]]
}

@test "what fails is tried again one tier lower, and that is remembered" {
	local learnt=$TREE/etc/portage/package.env/crossroot-learnt
	ebuild app-test/picky-1 <<-'END'
		DEPEND="app-test/tier"
		src_compile() { [[ $(crossroot_tier) != tools ]] || die "not at tools"; }
	END
	ebuild app-test/broken-1 <<<'src_compile() { die "nowhere"; }'
	run -0 retrying app-test/picky
	[[ $output == *"app-test/picky-1 failed in phase compile at tier tools: trying tier toolchain"* ]]
	grep -qx '=app-test/picky-1 crossroot/toolchain.conf' "$learnt"
	[ -d "$TREE/var/db/pkg/app-test/picky-1" ]
	# another time it is right at once
	run -0 retrying app-test/picky
	[[ $output != *"failed in phase"* ]]
	run -1 retrying --keep-going app-test/broken
	[[ $output == *"failed in phase compile at tier none: no other to try"* ]]
	run -1 grep broken "$learnt"
	# who interrupts it has not learnt anything
	ebuild app-test/slow-1 <<<'src_compile() { sleep 1000; }'
	run timeout --signal=INT 12 "${CLEAN[@]}" "$CROSSROOT" emerge t \
		--state-dir "$HYBRID/state" -- --oneshot app-test/slow </dev/null
	[ "$status" -ge 124 ]
	[[ $output == *"app-test/slow-1"* && $output != *"trying tier"* ]]
	run -1 grep slow "$learnt"
	[ -z "$(find "$HYBRID/state/roots/t" -maxdepth 1 -name 'failed.*')" ]
	grep -q picky "$learnt"
	[ ! -e "$TREE/var/db/pkg/app-test/broken-1" ]
}

@test "builds in memory leave nothing on disk, and a full one says so" {
	ebuild app-test/big-1 <<-'END'
		src_compile() { dd if=/dev/zero of=big bs=1M count=64 || die "no room"; }
	END
	rm -rf "$TREE/var/tmp/portage"
	mkdir -p "$TREE/var/tmp/portage"
	RUN_OPTS=(--tmpfs-build 128m)
	run -0 emerge app-test/big
	RUN_OPTS=(--tmpfs-build 32m)
	run -1 emerge app-test/big
	[[ $output == *"No space left on device"*"failed (compile phase)"* ]]
	[ -z "$(ls -A "$TREE/var/tmp/portage")" ]
	RUN_OPTS=(--tmpfs-build lots)
	run -125 emerge app-test/big
	[[ $output == *"'lots' is no size"* ]]
}
