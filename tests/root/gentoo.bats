#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A root in Gentoo's layout with a crossdev toolchain: what the plan finds in it, and
# that its compilers and tools answer and work as the emulated ones.

load helper
bats_require_minimum_version 1.5.0

setup_file() { setup_gentoo_root; }

setup() {
	gentoo_or_skip
	RUN_ENV=() RUN_OPTS=()
}

T=aarch64-unknown-linux-gnu
export T
CROSS=/usr/x86_64-pc-linux-gnu/$T

@test "the plan swaps what crossdev and the same packages cover" {
	run plan --json
	[ "$status" -eq 0 ]
	python3 "$BATS_TEST_DIRNAME/check_plan.py" gentoo <<<"$output"
	run plan
	echo "$output"
	local gcc="(sys-devel/gcc 12.2.0)" binutils="(sys-devel/binutils 2.40)" name p
	for name in gcc $T-gcc $T-gcc-12; do
		[[ $(line /usr/$T/gcc-bin/12/$name) == \
			"toolchain "*" $CROSS/gcc-bin/12/$T-gcc  $gcc" ]]
	done
	for name in g++ c++ cpp gcov gcc-ar gcc-nm gcc-ranlib; do
		[[ $(line "/usr/$T/gcc-bin/12/${name//+/[+]}") == \
			"toolchain "*" $CROSS/gcc-bin/12/$T-$name  $gcc" ]]
	done
	for name in cc1 cc1plus collect2 lto1 lto-wrapper liblto_plugin.so; do
		p=/usr/libexec/gcc/$T/12/$name
		[[ $(line $p) == "toolchain  $p "*" $p  $gcc" ]]
	done
	for name in as ld.bfd ar nm ranlib strip objcopy objdump readelf; do
		[[ $(line /usr/$T/binutils-bin/2.40/$name) == \
			"toolchain "*" $CROSS/binutils-bin/2.40/$name  $binutils" ]]
	done
	[[ $(line /usr/bin/sed) == "tools "*" /usr/bin/sed  (sys-apps/sed 4.9-"* ]]
	[[ $(line /usr/bin/bash) == "tools "*" /usr/bin/bash  (app-shells/bash 5.2_p15-"* ]]
	[[ $(line /usr/bin/make) == "tools "*" (dev-build/make "* || \
		$(line /usr/bin/make) == "tools "*" (sys-devel/make "* ]]
	# what names its machine, and what no package owns on both sides
	run ! grep -E ' /usr/bin/(uname|arch|getconf|ldd|file) ' <<<"$output"
}

@test "every slot that both have is swapped, one that only the root has is listed" {
	run edited '
		slot() { # ROOT PACKAGE SLOT VERSION: another slot, of the same files
			local env=$1/etc/env.d/gcc/$T dir path db=$1/var/db/pkg
			sed "s,/12,/$3,g" "$env-12" >"$env-$3"
			dir=$(sed -n "s/^GCC_PATH=\"\(.*\)\"/\1/p" "$env-12")
			for path in "$dir" "/usr/libexec/gcc/$T/12"; do
				mkdir -p "$1${path%12}$3"
				find "$1$path" -maxdepth 1 -type f \
					-regex ".*/\($T-\)?\(gcc\|cc1\|collect2\)" \
					-exec cp -t "$1${path%12}$3" {} +
			done
			cp -r "$db/$2-12.2.0" "$db/$2-$4"
			echo "${2#*/}-$4" >"$db/$2-$4/PF"
			echo "$3" >"$db/$2-$4/SLOT"
			sed -i "s,/12\>,/$3,g" "$db/$2-$4/CONTENTS"
			touch "$db/${2%/*}" "$db"
		}
		slot "$TREE" sys-devel/gcc 11 11.4.0
		slot "$NATIVE" "cross-$T/gcc" 11 11.4.0
		slot "$TREE" sys-devel/gcc 10 10.5.0
		plan'
	[ "$status" -eq 0 ]
	local v path
	for v in "12 12.2.0" "11 11.4.0"; do
		for path in libexec/gcc/$T/${v% *}/cc1 $T/gcc-bin/${v% *}/$T-gcc; do
			line "/usr/$path"
			[[ $(line "/usr/$path") == "toolchain "*"(sys-devel/gcc ${v#* })" ]]
		done
	done
	line /usr/libexec/gcc/$T/10/cc1
	[[ $(line /usr/libexec/gcc/$T/10/cc1) == "emulated "*" the native root has none" ]]
	[[ $(line /usr/$T/gcc-bin/10/gcc) == "emulated "*" the native root has none" ]]
}

@test "an unequal major version is refused, with both named and what to install" {
	local edit='
		for p in "$TREE"/usr/{libexec/gcc/$T,$T/gcc-bin}; do mv "$p/12" "$p/13"; done
		cd "$TREE/etc/env.d/gcc"
		sed "s,/12,/13,g" $T-12 >$T-13
		rm $T-12
		sed -i s/-12/-13/ config-$T
		cd "$TREE/var/db/pkg/sys-devel"
		mv gcc-12.2.0 gcc-13.2.1_p20240210
		sed -i "s,/12\>,/13,g" gcc-13.*/CONTENTS
		echo gcc-13.2.1_p20240210 >gcc-13.2.1_p20240210/PF
		touch . ..'
	run edited "$edit; plan"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == *"the root's compiler is gcc 13.2.1_p20240210, the native root's"* ]]
	[[ ${lines[0]} == *" cross compiler for $T is gcc 12"* ]]
	[[ ${lines[1]} == *": install it there: crossdev --gcc 13.2.1_p20240210 --binutils 2.40 -t $T" ]]
	# nor does a run go on without
	run edited "$edit"'; "$CROSSROOT" run t --state-dir "$HYBRID/state" -- true'
	[ "$status" -eq 125 ]
	[[ $output == *"crossdev --gcc 13.2.1_p20240210 "* ]]
}

@test "no cross compiler at all is refused, with what to install" {
	run edited 'rm "$NATIVE"/etc/env.d/gcc/*'$T'*; plan'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"the native root has no cross compiler for $T"* ]]
	[[ $output == *"crossdev --gcc 12.2.0 --binutils 2.40 -t $T"* ]]
}

@test "unequal minor versions are warned of and noted" {
	run edited '
		cd "$NATIVE/var/db/pkg/cross-$T"
		mv gcc-12.2.0 gcc-12.3.0
		echo gcc-12.3.0 >gcc-12.3.0/PF
		mv binutils-2.40 binutils-2.40-r9
		echo binutils-2.40-r9 >binutils-2.40-r9/PF
		touch . ..
		plan'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *"the root has gcc 12.2.0 and binutils 2.40, the native root's"* ]]
	[[ ${lines[0]} == *"crossdev --gcc 12.2.0 --binutils 2.40 -t $T" ]]
	[[ $(line /usr/libexec/gcc/$T/12/cc1) == "toolchain "*"; version 12.2.0 here, 12.3.0 in the native root)" ]]
	[[ $(line /usr/$T/binutils-bin/2.40/as) == "toolchain "*"; version 2.40 here, 2.40-r9 in the native root)" ]]
}

@test "other USE flags make another program" {
	run edited '
		echo "elibc_glibc kernel_linux" >"$(echo "$NATIVE"/var/db/pkg/sys-apps/sed-*)/USE"
		echo "arm64 elibc_glibc nls test" >"$(echo "$TREE"/var/db/pkg/sys-apps/grep-*)/USE"
		touch "$NATIVE/var/db/pkg"/{sys-apps,.} "$TREE/var/db/pkg"/{sys-apps,.}
		plan'
	[ "$status" -eq 0 ]
	line /usr/bin/sed
	[[ $(line /usr/bin/sed) == "emulated "*'built with USE="nls" here, USE="" in the native root' ]]
	# the machine's own flags, and those that change no program
	line /usr/bin/grep
	[[ $(line /usr/bin/grep) == "tools "* ]]
}

@test "an unequal revision keeps a tool emulated and names both" {
	run edited '
		cd "$TREE/var/db/pkg/sys-apps"
		old=$(echo sed-*)
		mv "$old" sed-4.9-r7
		echo sed-4.9-r7 >sed-4.9-r7/PF
		touch . ..
		plan'
	[ "$status" -eq 0 ]
	[[ $(line /usr/bin/sed) == "emulated "*"version 4.9-r7 here, 4.9-r101 in the native root" ]]
}
