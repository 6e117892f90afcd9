#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A root in Gentoo's layout with a crossdev toolchain: what the plan finds in it, and
# that its compilers and tools answer and work as the emulated ones.

load helper
bats_require_minimum_version 1.5.0

setup_file() { setup_gentoo_root; }

setup() {
	gentoo_or_skip
	RUN_ENV=() RUN_OPTS=(--env "T=$T")
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

@test "another compiler selected, without any package changed, is another plan" {
	run edited 'plan >/dev/null; sed -i s/-12/-13/ "$TREE/etc/env.d/gcc/config-$T"; plan'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"the root's compiler is gcc 13, the native root's"* ]]
	run edited 'plan | tail -n 1
		sed -i s/2.40/2.41/ "$NATIVE/etc/env.d/binutils/config-$T"; plan'
	[ "$status" -eq 0 ]
	[[ $(line /usr/$T/binutils-bin/2.40/as) == "emulated "*"the native root has none" ]]
	run edited 'rm "$NATIVE/etc/env.d/binutils/config-$T"; plan'
	[ "$status" -eq 0 ]
	[[ $(line /usr/$T/binutils-bin/2.40/as) == "emulated "*" selects no binutils for it:"* ]]
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

@test "compilers answer as the emulated ones do" {
	same_answer 'for cc in gcc g++ cc c++ cpp $T-gcc /usr/$T/gcc-bin/12/$T-gcc-12 $T-g++; do
		for ask in --version -dumpmachine -dumpversion -dumpfullversion -dumpspecs \
			-print-search-dirs -print-multiarch -print-sysroot -print-libgcc-file-name \
			-print-multi-lib -print-multi-os-directory -print-prog-name=ld \
			-print-prog-name=cc1 -print-prog-name=collect2 \
			-print-file-name=libstdc++.so -print-file-name=crt1.o \
			-print-file-name=include -print-file-name=no-such-file; do
			echo "$cc $ask"
			$cc $ask
		done
	done 2>&1'
	[[ $output == *"/usr/lib/gcc/$T/12/libgcc.a"* ]]
	[[ $output == *"crossroot layout fixture"* ]]
	run ! grep -E "x86_64|/run/crossroot|sysroot=/|$NATIVE" <<<"$output"
	same_answer 'gcc -v 2>&1; $T-g++ -v 2>&1; echo >a.c
		for o in -c "-S -O2 -flto" -E "-shared -fPIC"; do gcc -### $o a.c 2>&1; done |
			sed "s,/tmp/cc[A-Za-z0-9]*,/tmp/NEW,g"'
	same_answer 'for p in as ld ar nm ranlib gcc-ar gcc-nm gcc-ranlib $T-gcc-ar $T-ld; do
		$p --version; done'
}

@test "what -v and -### name is there" {
	root_sh tools <<-'END'
		echo 'int main(void) { return 0; }' >a.c
		gcc -v a.c 2>log
		gcc -### a.c 2>>log
		grep -oE '^ "?/[^ "]*/(cc1|collect2|as)"? ' log | tr -d '" ' | sort -u >programs
		grep -q /cc1 programs
		grep -q /collect2 programs
		xargs ls <programs
		! grep -v '^Configured with' log | grep -E 'crossroot/|x86_64'
	END
}

@test "the header search list is the emulated one's" {
	local lang
	for lang in c c++; do
		# -v would ask the original. A cross compiler searches include-fixed
		# (gcc's own limits.h) before /usr/local/include, not behind it.
		same_answer "gcc -x $lang -Wp,-v -E /dev/null 2>&1 | grep -v /include-fixed |
			sed -n '/search starts here/,/^End of search/p'"
		[[ $output == *$'\n /usr/include\n'*"End of search"* ]]
	done
	# what native runs search, not what the original says of itself
	same_answer 'echo "#include <iostream>" | g++ -x c++ -M - | tr -s " \\\\" "\n" | sort -u'
	[[ $output == *"/usr/lib/gcc/$T/12/include/"* ]]
}

@test "a driver is what it is called as" {
	same_answer 'for cc in gcc $T-gcc /usr/$T/gcc-bin/12/$T-gcc-12 cc g++ c++ $T-g++; do
		echo "int main(" | $cc -x c -fsyntax-only - 2>&1 || :
		$cc 2>&1 || :
		$cc -no-such-option -x c -E /dev/null 2>&1 || :
	done; cpp --no-such 2>&1 || :'
	[[ $output == *"$T-gcc-12: fatal error: no input files"* ]]
	[[ $output == *"c++: fatal error: no input files"* ]]
	# g++ adds its library whatever the path it is called by
	root_sh tools <<-'END'
		echo 'int main() { throw 1; }' >a.cc
		for cc in g++ c++ "$T-g++" "/usr/$T/gcc-bin/12/c++"; do
			$cc -o a a.cc
			readelf -d a | grep -q 'NEEDED.*libstdc'
		done
		ln -s "$(command -v gcc)" mine
		./mine -c -o b.o -x c /dev/null
		echo 'int main(void) { return 0; }' >a.c
		for cc in cc gcc "$T-gcc" "/usr/$T/gcc-bin/12/$T-gcc-12"; do $cc -o a a.c; ./a; done
	END
}

@test "CROSSROOT_EMULATE=1 runs the original" {
	# a native driver that does nothing shows which one ran
	run edited '
		cp --remove-destination "$NATIVE/usr/bin/true" \
			"$NATIVE/usr/x86_64-pc-linux-gnu/$T/gcc-bin/12/$T-gcc"
		for env in NOTHING=1 CROSSROOT_EMULATE=1; do
			"$CROSSROOT" run t --state-dir "$HYBRID/state" --env $env --chdir /tmp -- \
				sh -c "echo \"int main(void) { return 0; }\" >a.c; gcc -o a.out a.c
					./a.out; echo $env \$?"
		done'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"NOTHING=1 127"* && $output == *"CROSSROOT_EMULATE=1 0"* ]]
}

@test "headers and libraries are the root's, never the native root's" {
	# crossdev's own sysroot, where this compiler would look first
	[ -e "$NATIVE/usr/$T/usr/include/stdio.h" ]
	[ -e "$NATIVE/usr/$T/usr/lib64/libc.so.6" ]
	[ ! -e "$TREE/usr/$T/usr" ]
	local tier
	for tier in $tiers; do
		root_sh "$tier" <<-'END' >"$HYBRID/searched"
			echo '#include <stdio.h>' | gcc -x c -M -
			echo '#include <iostream>' | g++ -x c++ -M -
			echo 'int main() {}' | g++ -x c++ -Wl,--trace -o a.out -
			echo 'int main(void) { return 0; }' | gcc -x c -static -Wl,--trace -o s.out -
			./a.out
			./s.out
		END
		grep -q '/usr/include/stdio.h' "$HYBRID/searched"
		run ! grep -E "/usr/$T/(usr|lib|sys)|x86_64|crossroot" "$HYBRID/searched"
	done
	# one of each in the root alone, and in the native root alone
	run edited '
		mine() {
			mkdir -p "$1/usr/include" "$1/usr/lib64"
			echo "int $2(void);" >"$1/usr/include/$2.h"
			echo "INPUT(-lc)" >"$1/usr/lib64/lib$2.so"
		}
		mine "$TREE" ours
		mine "$NATIVE" theirs
		mine "$NATIVE/usr/$T" theirs
		in_root() {
			"$CROSSROOT" run t --state-dir "$HYBRID/state" --native "$1" \
				--chdir /tmp -- sh -c "$2" 2>&1
		}
		for tier in toolchain tools; do
			for name in ours theirs; do
				in_root $tier "echo \"#include <$name.h>\" | gcc -x c -E -o /dev/null -" &&
					echo $tier compiles $name
				in_root $tier "echo \"int main(void) { return 0; }\" |
					gcc -x c -o /dev/null - -l$name" && echo $tier links $name
			done
		done; :'
	echo "$output"
	[ "$(grep -c ' \(compiles\|links\) ours' <<<"$output")" -eq 4 ]
	[ "$(grep -c ' \(compiles\|links\) theirs' <<<"$output")" -eq 0 ]
	[ "$(grep -c 'theirs.h: No such file' <<<"$output")" -eq 2 ]
	[ "$(grep -c 'cannot find -ltheirs' <<<"$output")" -eq 2 ]
}

@test "link-time optimization, with gcc's own ar, nm and ranlib" {
	local tier
	for tier in none $tiers; do
		echo 'int answer(void) { return 42; }' >"$(build_dir "$tier")/answer.c"
		cat >"$(build_dir "$tier")/main.c" <<-'END'
			int answer(void);
			int main(void) { return answer() - 42; }
		END
		root_sh "$tier" <<-'END'
			gcc -O2 -flto -frandom-seed=1 -fno-fat-lto-objects -c answer.c main.c
			for p in "" $T-; do
				rm -f libanswer.a
				${p}gcc-ar rcD libanswer.a answer.o
				${p}gcc-nm libanswer.a | grep -q 'T answer'
				${p}gcc-ranlib -D libanswer.a
				${p}gcc-nm -s libanswer.a | grep -q '^answer in'
			done
			gcc -O2 -flto -o plain main.o -L. -lanswer
			./plain
			ar rcD libplain.a answer.o
			nm libplain.a >/dev/null
		END
	done
	for tier in $tiers; do
		for f in answer.o main.o libanswer.a libplain.a plain; do
			cmp "$(build_dir none)/$f" "$(build_dir "$tier")/$f"
		done
	done
}

# same CMD CONTENT: CMD prints the same at every tier, of a file "in" with the CONTENT
same() {
	local tier
	for tier in none $tiers; do
		# shellcheck disable=SC2059
		printf "$2" >"$(build_dir $tier)/in"
		in_root $tier sh -euc "$1" >"$HYBRID/$tier" 2>&1
		[ -s "$HYBRID/$tier" ]
		cmp "$HYBRID/none" "$HYBRID/$tier" || {
			diff -a "$HYBRID/none" "$HYBRID/$tier"
			return 1
		}
	done
	output=$(<"$HYBRID/none")
}

@test "tools with libraries of the same names as the target's" {
	[ "$(machine "$TREE/lib64/libc.so.6")" = AArch64 ]
	same 'iconv -f latin1 -t UTF-8 in; iconv -f LATIN1 -t ASCII//TRANSLIT in' 'caf\351 \275\n'
	[[ $output == "café ½"$'\n'* ]]
	same 'iconv -f EUC-KR -t UTF-8 in; iconv -f EUC-KR in | bash -c "read -r a; echo \${#a}"' \
		'\xc7\xd1\xb1\xdb\n'
	[ "$output" = $'한글\n2' ]
	same 'locale; locale -a; locale charmap; LC_ALL=C.UTF-8 sort in; LC_ALL=C sort in
		LC_ALL=xx_YY.UTF-8 sort in 2>&1' 'z\nZebra\n\303\251t\303\251\nete\n'
	same 'grep -oP "\\p{L}+" in; sed "s/./<&>/g" in; gawk "{ print length, toupper(\$0) }" in
		wc -m in; ls -Q; ls /nonexistent 2>&1 || :' '\303\251t\303\251 x\n'
	[[ $output == *ÉTÉ* ]]
	# the target's own ldconfig writes over the cache that native programs would read;
	# it passes over the mountpoint of their loader with a remark
	same 'ldconfig 2>/dev/null; ldconfig -p | grep -F libz.so.1; uname -m; pkg-config --libs --cflags zlib
		pkg-config --variable=pc_path pkg-config; bash -c "echo \$MACHTYPE \$HOSTTYPE"' ''
	[[ $output == *"libc6,AArch64"*$'\naarch64\n'* && $output == */usr/lib64/pkgconfig* ]]
	same 'sed --version | head -n 1; make --version | head -n 1' ''
}
