#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A second target, 32 bits wide, with arguments for qemu.

load helper

setup_file() { setup_root armhf --qemu-arg -cpu --qemu-arg cortex-a8; }

# divide TIER: build and run a program that divides with an instruction
divide() {
	cat >"$(build_dir "$1")/divide.c" <<-'END'
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			unsigned int r;
			(void)argv;
			__asm__(".arch_extension idiv\n\tudiv %0, %1, %2"
				: "=r"(r) : "r"(42u * argc), "r"(2u));
			printf("%u\n", r);
			return 0;
		}
	END
	root_sh "$1" <<<'gcc -march=armv7-a+fp -o divide divide.c && exec ./divide'
}

@test "compile and run, C and C++" {
	local tier
	for tier in toolchain tools; do
		cat >"$(build_dir $tier)/a.cc" <<-'END'
			#include <iostream>
			#include <stdexcept>
			int main()
			{
				try {
					throw std::runtime_error("caught");
				} catch (const std::exception &e) {
					std::cout << e.what() << sizeof(void *) << '\n';
				}
			}
		END
		run root_sh $tier <<-'END'
			uname -m
			gcc -dumpmachine
			echo 'int main(void) { return sizeof(long) - 4; }' | gcc -x c -o c -
			./c
			g++ -O2 -flto -g -o cc a.cc
			./cc
			echo "$HOSTTYPE"
		END
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$output" = $'armv7l\narm-linux-gnueabihf\ncaught4\narm' ]
		[ "$(machine "$(build_dir $tier)"/{c,cc})" = ARM ]
	done
}

@test "the same bytes" {
	local tier
	for tier in none tools; do
		printf '#include <stdio.h>\nint main(void) { return puts("x") < 0; }\n' \
			>"$(build_dir $tier)/a.c"
		root_sh $tier <<-'END'
			gcc -fno-ident -O2 -g -fstack-protector-strong -c a.c
			gcc -o a a.o
		END
	done
	cmp "$(build_dir none)/a.o" "$(build_dir tools)/a.o"
	cmp "$(build_dir none)/a" "$(build_dir tools)/a"
}

@test "qemu gets its arguments" {
	# cortex-a8 cannot divide, cortex-a15 can
	run divide tools
	echo "$output"
	[ "$status" -eq 132 ] # 128 + SIGILL
	RUN_OPTS=(--qemu-arg -cpu --qemu-arg cortex-a15)
	run divide tools
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = 21 ]
}
