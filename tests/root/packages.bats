#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of several build systems, from their upstream sources, built and tested in
# the root at tier tools.

load helper

# upstream NAME: unpack the package's source into the test's own directory
upstream() {
	local tarball
	tarball=$("$TOP/tests/stage/fetch-source" "$1")
	DIR=$(build_dir tools)
	tar -C "$DIR" --strip-components=1 --no-same-owner -xf "$tarball"
	cd "$DIR"
}

# foreign FILE...: all are for the root's machine
foreign() {
	ls -d "$@" >/dev/null
	[ "$(machine "$@")" = AArch64 ]
}

# no_leak: nothing of crossroot or this machine in what was built
no_leak() {
	local found
	found=$(grep -rlaE 'run/crossroot|x86_64-linux-gnu|gcc-cross' \
		--include='*.o' --include='*.a' --include='*.so*' --include=config.h \
		--include=Makefile . || :)
	echo "$found"
	[ -z "$found" ]
}

@test "hello: configure, make, make check" {
	upstream hello
	root_sh tools <<<'./configure && make && make check' >"$DIR.log" 2>&1
	foreign hello ./*/*.o
	no_leak
	grep -q '^# FAIL: *0' "$DIR.log"
	grep -qE '^# PASS: *[1-9]' "$DIR.log"
	[ "$(in_root tools ./hello)" = "Hello, world!" ]
}

@test "sed: configure, make, part of make check" {
	upstream sed
	# of 210 tests some that run the new sed on its own scripts and on UTF-8: all of
	# them take minutes under emulation
	root_sh tools <<-'END' >"$DIR.log" 2>&1
		./configure --disable-nls
		make
		make check-TESTS TESTS="testsuite/8bit.sh testsuite/bug32082.sh
			testsuite/cmd-R.sh testsuite/comment-n.sh testsuite/convert-number.sh
			testsuite/in-place-hyphen.sh testsuite/newline-dfa-bug.sh
			testsuite/posix-char-class.sh testsuite/stdin.sh
			testsuite/utf8-ru.sh testsuite/word-delim.sh"
	END
	foreign sed/sed lib/*.o
	no_leak
	grep -q '^# FAIL: *0' "$DIR.log"
	grep -qE '^# PASS: *[1-9]' "$DIR.log"
}

@test "lua: a plain Makefile" {
	upstream lua5.4
	root_sh tools <<<'make linux && make INSTALL_TOP=/build/inst install' >"$DIR.log" 2>&1
	foreign inst/bin/lua inst/bin/luac src/*.o
	no_leak
	run in_root tools inst/bin/lua -e 'local t = {}
		for i = 1, 5 do t[i] = string.format("%.3f", math.sqrt(i)) end
		print(table.concat(t, " "), math.maxinteger // 3, select("#", pcall(error, "x")))'
	[ "$status" -eq 0 ]
	[ "$output" = "1.000 1.414 1.732 2.000 2.236	3074457345618258602	2" ]
}

@test "zlib: its own configure, make, make test" {
	upstream zlib
	root_sh tools <<<'./configure && make && make test' >"$DIR.log" 2>&1
	foreign libz.so.1.* minigzip examplesh ./*.o
	no_leak
	[ "$(grep -c 'test OK' "$DIR.log")" -ge 2 ]
}

@test "jsoncpp: cmake, ninja, ctest" {
	upstream jsoncpp
	root_sh tools <<-'END' >"$DIR.log" 2>&1
		cmake -S . -B b -G Ninja -DCMAKE_BUILD_TYPE=Release \
			-DBUILD_STATIC_LIBS=ON -DBUILD_OBJECT_LIBS=OFF -DJSONCPP_WITH_POST_BUILD_UNITTEST=OFF
		ninja -C b
		cd b && ctest --output-on-failure
	END
	foreign b/lib/libjsoncpp.so.*.*.* b/bin/jsoncpp_test
	no_leak
	grep -q '100% tests passed' "$DIR.log"
	# what cmake believes: no cross build, on the root's machine
	grep -q 'CMAKE_HOST_SYSTEM_PROCESSOR "aarch64"' "$DIR"/b/CMakeFiles/*/CMakeSystem.cmake
	grep -q 'CMAKE_CROSSCOMPILING "FALSE"' "$DIR"/b/CMakeFiles/*/CMakeSystem.cmake
}

@test "info tells how many programs have a twin, once they were planned" {
	local root=$HYBRID/state/roots/t
	rm -f "$root/plan"
	run "$CROSSROOT" info t --state-dir "$HYBRID/state"
	[[ $output == *"not planned yet: 'crossroot plan t'"* && ! -e $root/plan ]]
	"$CROSSROOT" info t --state-dir "$HYBRID/state" --json | jq -e '.twins == null'
	plan --json >"$HYBRID/plan.json"
	"$CROSSROOT" info t --state-dir "$HYBRID/state" --json >"$HYBRID/info.json"
	jq -es '(.[0].swaps | map(select(.swapped))) as $native |
		(.[0].swaps | map(select(.swapped | not) | .path)) as $emulated |
		.[1].twins == {matching: ($native | length), of: (.[0].swaps | length),
			emulated: $emulated} and ($native | length) > 100' \
		"$HYBRID/plan.json" "$HYBRID/info.json"
	run "$CROSSROOT" info t --state-dir "$HYBRID/state"
	[[ $output == *"twins        "*" of "*" programs; emulated: "*"'crossroot plan' says why"* ]]
}
