#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# In a root of Gentoo's layout, what the native tools build is what the emulated ones
# build, byte by byte, and nothing of the hybrid root is in it.

load helper
load verify
bats_require_minimum_version 1.5.0

setup_file() { setup_gentoo_root; }
teardown_file() { teardown_root; }

setup() { setup_verify; }

# project NAME: build that one
project() { cp "$BATS_TEST_DIRNAME/projects/$1/"* "$SRC/"; }

@test "a C++ project with a shared library and exceptions" {
	project c++
	# -MD names the headers that were read
	same_bytes -- 'make; make install DESTDIR=$PWD/image'
	[ "$(machine "$OUT"/image/usr/{bin/prog,lib64/libshape.so.1})" = AArch64 ]
	[ "$(<"$OUT/image/usr/share/shape/ran")" = $'4\nno shape blob from main.cc' ]
	grep -q '/usr/lib/gcc/aarch64-unknown-linux-gnu/12/include/' "$OUT"/image/usr/share/shape/main.d
	no_layer "$OUT"/image/usr/share/shape/*.d "$OUT"/image/usr/lib64/pkgconfig/shape.pc
	readelf --debug-dump=info,rawline,str "$OUT/image/usr/bin/prog" >"$OUT/debug"
	grep -q 'DW_AT_comp_dir.*/tmp/build' "$OUT/debug"
	no_layer "$OUT/debug" "$OUT/image/usr/bin/prog" "$OUT"/image/usr/lib64/*shape*
}

@test "a project with link-time optimization" {
	project c
	same_bytes -- 'make CFLAGS="-O2 -flto -g" RANDOM_SEED=-frandom-seed=\$@
		make install DESTDIR=$PWD/image'
	readelf -SW "$OUT/image/usr/lib64/libanswer.a" | grep -q '\.gnu\.lto_'
	no_layer "$OUT/image/usr/lib64/libanswer.a" "$OUT/image/usr/bin/prog"
}

@test "without -frandom-seed two emulated runs differ already" {
	project c
	run --separate-stderr verify --tiers none,none -- make "CFLAGS=-O2 -flto"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"answer.o: "*.gnu.lto_* ]]
}

@test "a project with -g3" {
	project c
	same_bytes -- 'make CFLAGS="-O1 -g3" && g++ -O2 -g3 -c -o extra.o extra.cc
		make install DESTDIR=$PWD/image; cp extra.o image/usr/lib64'
	readelf --debug-dump=macro "$OUT/image/usr/bin/prog" | grep -q 'TWICE'
	# by their names in there: readelf prints them
	(cd "$OUT/image/usr" && readelf --debug-dump=info,rawline,str,macro bin/prog \
		lib64/extra.o) >"$OUT/debug"
	grep -q '/usr/lib/gcc/aarch64-unknown-linux-gnu/12/include' "$OUT/debug"
	no_layer "$OUT/debug" "$OUT/image/usr/lib64/extra.o"
}

@test "zlib: configure, a shared library, a .pc file" {
	tar -C "$SRC" --strip-components=1 --no-same-owner \
		-xf "$("$TOP/tests/stage/fetch-source" zlib)"
	# its protocol begins with the time of day
	same_bytes --ignore configure.log -- './configure --prefix=/usr --libdir=/usr/lib64
		make; make install DESTDIR=$PWD/image'
	no_layer "$OUT"/image/usr/lib64/{libz.a,libz.so.1.2.13,pkgconfig/zlib.pc}
}

@test "planted differences are found and named" {
	project planted
	run --separate-stderr verify -- make
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"note: content"* ]]
	[[ $output == *"prog: "*.rodata* ]]
	[[ $output == *" 2 of "*" files differ"* || $output == *$'\n2 of '*" files differ"* ]]
	run --separate-stderr verify --json -- make
	[ "$status" -eq 1 ]
	[ "$(jq -r '.differences[].path' <<<"$output" | sort | xargs)" = "note prog" ]
	[ "$(jq -r '.builds[].tier' <<<"$output" | xargs)" = "none tools" ]
	run --separate-stderr verify --ignore note --ignore prog -- make
	[ "$status" -eq 0 ]
}

@test "a build that fails is no success" {
	echo 'int main(' >"$SRC/a.c"
	run --separate-stderr verify -- gcc -c a.c
	[ "$status" -eq 1 ]
	[[ $output == *"status 1"*"status 1"* ]]
}

@test "planted leaks of each kind are found in an installed image" {
	local img=$OUT/image
	project c
	"${CLEAN[@]}" "$CROSSROOT" run t --state-dir "$HYBRID/state" --bind "$SRC:/tmp/build" \
		--chdir /tmp/build -- sh -euc 'make; make install DESTDIR=$PWD/image
		mkdir -p image/usr/lib64/pkgconfig
		cp -L /usr/bin/sed image/usr/bin/sed
		gcc -o image/usr/bin/interp main.c answer.c -Wl,--dynamic-linker=/run/crossroot/native/ld.so
		gcc -o image/usr/bin/rpath main.c answer.c -Wl,-rpath,/run/crossroot/native/lib
		echo "const char s[] = \"gcc --sysroot=/ -O2\";" >s.c
		gcc -c s.c; ar rc image/usr/lib64/libs.a s.o
		echo "libdir=/run/crossroot/native/usr/lib64" >image/usr/lib64/pkgconfig/s.pc
		echo "dependency_libs=-L/usr/x86_64-pc-linux-gnu/lib" >image/usr/lib64/libs.la
		printf "#!/run/crossroot/native/bin/sh\n" >image/usr/bin/script'
	mv "$SRC/image" "$img"
	run "$CROSSROOT" audit "$img" --target aarch64-unknown-linux-gnu --native-root "$NATIVE"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"/usr/bin/sed: foreign architecture: x86_64, not aarch64"* ]]
	[[ $output == *"/usr/bin/interp: interpreter"*": /run/crossroot/native/ld.so"* ]]
	[[ $output == *"/usr/bin/rpath: RUNPATH"*": /run/crossroot/native/lib"* ]]
	[[ $output == *"/usr/lib64/libs.a(s.o): string at .rodata"*"--sysroot=/"* ]]
	[[ $output == *"/usr/lib64/pkgconfig/s.pc: string at line 1: "* ]]
	[[ $output == *"/usr/lib64/libs.la: string at line 1: "*x86_64-pc-linux-gnu* ]]
	[[ $output == *"/usr/bin/script: string at line 1: "* ]]
	[[ $output != *"/usr/bin/prog: "* && $output != *"/usr/lib64/libanswer.a: "* ]]
}
