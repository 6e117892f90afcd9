#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# audit: a clean image passes, each kind of leak is found.

load helper
bats_require_minimum_version 1.5.0

setup() {
	img=$BATS_TEST_TMPDIR/img
	mkdir -p "$img"/usr/{bin,lib,share}
	host=$(uname -m)
	# The image is for another machine: real ELF files with its number in them.
	if [[ $host == x86_64 ]]; then
		target=aarch64-unknown-linux-gnu machine='\267\000'
		loader=/lib/ld-linux-aarch64.so.1 tuple=x86_64-pc-linux-gnu
	elif [[ $host == aarch64 ]]; then
		target=x86_64-pc-linux-gnu machine='\076\000'
		loader=/lib64/ld-linux-x86-64.so.2 tuple=aarch64-unknown-linux-gnu
	else
		skip_or_fail "no target for a host like this"
	fi
	arch=${target%%-*}
	src=$BATS_TEST_TMPDIR/a.c
	echo 'int main(void) { return 0; }' >"$src"
	make_elf usr/bin/prog "-Wl,--dynamic-linker=$loader"
	make_elf usr/lib/libx.so -shared -Wl,-rpath,/usr/lib/x
	make_elf usr/lib/x.o -c
	ar rcs "$img/usr/lib/libx.a" "$img/usr/lib/x.o"
	printf '#!/bin/sh\necho hello\n' >"$img/usr/bin/script"
	ln -s prog "$img/usr/bin/link"
	mkfifo "$img/usr/share/fifo"
	: >"$img/usr/share/empty"
}

retarget() {
	printf "$machine" | dd of="$1" bs=1 seek=18 conv=notrunc status=none
}

# make_elf PATH [FLAG]...: an ELF file for the target.
make_elf() {
	make_native "$@"
	retarget "$img/$1"
}

make_native() {
	gcc -o "$img/$1" "$src" "${@:2}"
}

# finds LINE...: the audit fails, with exactly these findings.
finds() {
	run --separate-stderr "$CROSSROOT" audit "$img" --target $target
	echo "$output$stderr"
	[ "$status" -eq 1 ]
	[ "$(sed '/^$/,$d' <<<"$output")" = "$(printf '%s\n' "$@")" ]
}

@test "a clean image" {
	run "$CROSSROOT" audit "$img" --target $target
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "0 findings in 6 files; 4 ELF files and members, held against $arch" ]
	run "$CROSSROOT" audit "$img"
	[ "$status" -eq 0 ]
	[[ $output == *"held against $arch, which most of them are for" ]]
	run "$CROSSROOT" audit "$img" --json
	[ "$status" -eq 0 ]
	[ "$output" = "[]" ]
}

@test "ELF files of another architecture" {
	# nothing in these names the host
	make_native usr/lib/liby.so -shared
	make_native usr/lib/y.o -c
	make_native usr/bin/y -static -nostdlib -Wl,-e,main
	finds "/usr/bin/y: foreign architecture: $host, not $arch" \
		"/usr/lib/liby.so: foreign architecture: $host, not $arch" \
		"/usr/lib/y.o: foreign architecture: $host, not $arch"
	# two of seven: the rest decides
	run "$CROSSROOT" audit "$img" --json
	[ "$status" -eq 1 ]
	[ "$(jq -r '.[].path' <<<"$output" | xargs)" = "/usr/bin/y /usr/lib/liby.so /usr/lib/y.o" ]
}

@test "members of archives, long names and thin ones" {
	local long=a_member_whose_name_is_longer_than_a_header_has_room_for.o
	make_native "$long" -c
	(cd "$img" && ar rcs usr/lib/libx.a $long && ar rcsT usr/lib/libthin.a $long)
	rm "$img/$long"
	finds "/usr/lib/libx.a($long): foreign architecture: $host, not $arch"
	rm "$img"/usr/lib/lib{x,thin}.a
	mkdir "$img/z-$tuple"
	cp "$img/usr/lib/x.o" "$img/z-$tuple/"
	(cd "$img" && ar rcsT usr/lib/libthin.a z-$tuple/x.o)
	finds "/usr/lib/libthin.a(../../z-$tuple/x.o): file name: ../../z-$tuple/x.o" \
		"/z-$tuple: file name: z-$tuple"
}

@test "a wrong interpreter" {
	make_elf usr/bin/a -Wl,--dynamic-linker=/opt/lib/ld.so.1
	make_elf usr/bin/b -Wl,--dynamic-linker=/run/crossroot/native/ld.so
	run "$CROSSROOT" audit "$img" --target $target
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "/usr/bin/a: interpreter: /opt/lib/ld.so.1" ]]
	[[ ${lines[1]} == "/usr/bin/b: interpreter at .interp+0x0: /run/crossroot/native/ld.so" ]]
	[[ ${lines[2]} == "2 findings"* ]]
}

@test "names of sections do not reach the terminal as they are" {
	make_native usr/lib/s.o -c
	printf '/run/crossroot/x' >"$BATS_TEST_TMPDIR/data"
	objcopy --add-section $'.x\e[2J'="$BATS_TEST_TMPDIR/data" "$img/usr/lib/s.o"
	retarget "$img/usr/lib/s.o"
	finds "/usr/lib/s.o: string at .x?[2J+0x0: /run/crossroot/x"
}

@test "RPATH and RUNPATH" {
	make_elf usr/lib/a.so -shared -Wl,-rpath,/usr/lib/$tuple,--enable-new-dtags
	make_elf usr/lib/b.so -shared -Wl,-rpath,/run/crossroot/native,--disable-new-dtags
	make_elf usr/lib/c.so -shared -Wl,-rpath,/srv/native/usr/lib
	run "$CROSSROOT" audit "$img" --target $target --native-root /srv/native/
	echo "$output"
	[ "$status" -eq 1 ]
	[[ ${lines[0]} =~ ^/usr/lib/a.so:\ RUNPATH\ at\ \.dynstr\+0x[0-9a-f]+:\ /usr/lib/$tuple$ ]]
	[[ ${lines[1]} =~ ^/usr/lib/b.so:\ RPATH\ at\ \.dynstr\+0x[0-9a-f]+:\ /run/crossroot/native$ ]]
	[[ ${lines[2]} =~ ^/usr/lib/c.so:\ RUNPATH\ at\ .*:\ /srv/native/usr/lib$ ]]
	[[ ${lines[3]} == "3 findings"* ]]
	# without section headers too: e_shoff, e_shnum and e_shstrndx are 0
	dd if=/dev/zero of="$img/usr/lib/a.so" bs=1 seek=40 count=8 conv=notrunc
	dd if=/dev/zero of="$img/usr/lib/a.so" bs=1 seek=60 count=4 conv=notrunc
	run "$CROSSROOT" audit "$img/usr/lib/a.so" --target $target
	[[ ${lines[0]} =~ a.so:\ RUNPATH\ at\ offset\ 0x[0-9a-f]+:\ /usr/lib/$tuple$ ]]
}

@test "strings in sections, packed debug information too" {
	echo 'const char s[] = "-O2 --sysroot=/ -g", t[] = "--sysroot";' >"$src"
	make_elf usr/lib/a.o -c
	mkdir -p "$BATS_TEST_TMPDIR/run/crossroot"
	echo 'int f(void) { return 1; }' >"$BATS_TEST_TMPDIR/run/crossroot/f.c"
	src=$BATS_TEST_TMPDIR/run/crossroot/f.c
	# so much that it is worth packing
	for i in $(seq 200); do echo "int a_function_of_the_number_$i(void) { return $i; }"; done >>"$src"
	make_elf usr/lib/b.o -c -g -gz=zlib
	readelf -SW "$img/usr/lib/b.o" | grep -q 'debug_line_str .* [MS]*C '
	! grep -aq /run/crossroot "$img/usr/lib/b.o" || return 1
	run "$CROSSROOT" audit "$img" --target $target
	echo "$output"
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "/usr/lib/a.o: string at .rodata+0x4: -O2 --sysroot=/ -g (and 1 more)" ]]
	[[ ${lines[1]} =~ ^/usr/lib/b.o:\ string\ at\ \.debug_[a-z_]+\+0x[0-9a-f]+,\ unpacked:\ .*/run/crossroot ]]
}

@test "a section that cannot be unpacked" {
	local corpus=$BATS_TEST_DIRNAME/../fuzz/corpus/audit
	run "$CROSSROOT" audit "$corpus/packed"
	[ "$status" -eq 0 ]
	run "$CROSSROOT" audit "$corpus/packed-huge"
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == *"/packed-huge: not searched: 1 section cannot be unpacked" ]]
}

@test "text files, with their lines, and binary ones" {
	printf 'a\nb\nlibdir=/run/crossroot/native/lib\n' >"$img/usr/lib/a.la"
	printf 'Cflags: --sysroot=/ -I/a\n' >"$img/usr/lib/a.pc"
	printf 'set(T "%s")\nset(U "%s")\n' $tuple "${tuple%%-*}-linux-gnu" >"$img/usr/lib/a.cmake"
	printf '#!/run/crossroot/native/sh\n' >"$img/usr/bin/s"
	printf 'ab\0\0/run/crossroot/x\0' >"$img/usr/share/data"
	printf '/run/crossroot %s\n' $tuple >"$img/usr/share/two"
	echo /run/crossroot | gzip >"$img/usr/share/man.gz"
	finds "/usr/bin/s: string at line 1: #!/run/crossroot/native/sh" \
		"/usr/lib/a.cmake: string at line 1: set(T \"$tuple\")" \
		"/usr/lib/a.cmake: string at line 2: set(U \"$host-linux-gnu\")" \
		"/usr/lib/a.la: string at line 3: libdir=/run/crossroot/native/lib" \
		"/usr/lib/a.pc: string at line 1: Cflags: --sysroot=/ -I/a" \
		"/usr/share/data: string at offset 0x4: /run/crossroot/x" \
		"/usr/share/two: string at line 1: /run/crossroot $tuple"
}

@test "symlinks are read, not followed" {
	mkdir "$BATS_TEST_TMPDIR/outside"
	echo /run/crossroot >"$BATS_TEST_TMPDIR/outside/leak"
	ln -s "$BATS_TEST_TMPDIR/outside" "$img/out"
	ln -s "$BATS_TEST_TMPDIR/outside/leak" "$img/out-file"
	ln -s /run/crossroot/native/x "$img/x"
	finds "/x: symlink target: /run/crossroot/native/x"
}

@test "what names this machine is right in a build for it" {
	rm -r "$img"
	mkdir -p "$img/usr/bin"
	make_native usr/bin/prog
	echo $tuple >"$img/tuple"
	run "$CROSSROOT" audit "$img"
	echo "$output"
	[ "$status" -eq 0 ]
	run "$CROSSROOT" audit "$img" --target $target
	[ "$status" -eq 1 ]
}

@test "allowed paths" {
	mkdir -p "$img/usr/lib/firmware/sub"
	echo /run/crossroot >"$img/usr/lib/firmware/sub/blob"
	echo /run/crossroot >"$img/usr/share/doc"
	run "$CROSSROOT" audit "$img" --allow '/usr/lib/firmware/*'
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == /usr/share/doc:* ]]
	run "$CROSSROOT" audit "$img" --allow '/usr/lib/firmware/*' --allow /usr/share/doc
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "one file, JSON" {
	printf 'x\n--sysroot\n' >"$img/f"
	run "$CROSSROOT" audit "$img/f" --json
	[ "$status" -eq 1 ]
	[ "$(jq -c . <<<"$output")" = \
		"[{\"path\":\"$img/f\",\"member\":null,\"what\":\"string\",\"where\":\"line 2\",\"text\":\"--sysroot\",\"more\":0}]" ]
}

@test "mistakes" {
	run "$CROSSROOT" audit
	[ "$status" -eq 2 ]
	run "$CROSSROOT" audit "$img" --target vax-dec-ultrix
	[ "$status" -eq 2 ]
	run "$CROSSROOT" audit "$img/none"
	[ "$status" -eq 1 ]
	[[ $output == *"stat '$img/none': No such file"* ]]
	run "$CROSSROOT" audit "$img/usr/share/fifo"
	[ "$status" -eq 1 ]
	[[ $output == *"no directory and no regular file"* ]]
}

@test "what cannot be read is an error" {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	mkdir -m 0 "$img/usr/closed"
	run setpriv --bounding-set -dac_override,-dac_read_search "$CROSSROOT" audit "$img"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"open '/usr/closed': Permission denied"* ]]
}

@test "damaged files are searched all the same" {
	head -c 500 "$img/usr/lib/libx.so" >"$img/usr/lib/cut.so"
	echo /run/crossroot >>"$img/usr/lib/cut.so"
	head -c 100 "$img/usr/lib/libx.a" >"$img/usr/lib/cut.a"
	echo ' --sysroot' >>"$img/usr/lib/cut.a"
	run --separate-stderr "$CROSSROOT" audit "$img" --target $target
	echo "$output$stderr"
	[ "$status" -eq 1 ]
	[[ $output == *"/usr/lib/cut.so: string at offset 0x1f4: /run/crossroot"* ]]
	[[ $output == *"/usr/lib/cut.a: string at"*"--sysroot"* ]]
	[[ $stderr == *"/usr/lib/cut.a: a damaged archive"* ]]
}
