#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The same source gives the same bytes, whoever compiled it.
#
# Not tried: -fstack-protector. Of these two compilers only the root's has the fix for
# CVE-2023-4039 (+deb12u1), which lays out protected stack frames of arm64 anew: another
# compiler, and crossroot plan notes it. Twins of one version have no such difference.
#
# Debian packages the cross gcc as "12.2.0-14" and the root's as "12.2.0-14+deb12u1",
# and gcc writes that name into the section .comment. Two ways to set it aside, and
# nothing else:
#  - most tests build with -fno-ident, which leaves out .comment: the files have to be
#    identical as they are, build-id included;
#  - one test builds without: there .comment has to be the two names, and what objcopy
#    makes of the files without .comment and without the build-id, a hash that covers
#    it, has to be identical.

load helper

# sources DIR
sources() {
	cat >"$1/lib.h" <<-'END'
		#define TWICE(x) ((x) * 2)
		struct point { double x; long y; const char *name; };
		int twice(const struct point *p, int n);
	END
	cat >"$1/lib.c" <<-'END'
		#include "lib.h"
		#include <math.h>
		#include <stddef.h>
		#include <string.h>
		static const struct point origin = { 0.1, -1, __FILE__ };
		int twice(const struct point *p, int n)
		{
			double sum = origin.x;
			for (int i = 0; i < n; i++)
				sum += TWICE(p[i].x) * 1e-3 + (double)p[i].y + strlen(p[i].name);
			return (int)sqrt(sum) + (int)offsetof(struct point, name);
		}
	END
	cat >"$1/main.c" <<-'END'
		#include "lib.h"
		#include <stdio.h>
		#include <stdlib.h>
		static __thread int counter;
		int main(int argc, char **argv)
		{
			struct point p[3] = { { .x = argc, .name = argv[0] }, { .name = "" },
					      { .name = "c" } };
			switch (argc) {
			case 1: counter = 5; break;
			case 2: counter = rand(); break;
			case 3: counter = 7; break;
			case 4: counter = atoi(argv[3]); break;
			case 5: abort();
			}
			return printf("%d %d\n", twice(p, 3), counter) < 0;
		}
	END
	cat >"$1/both.cc" <<-'END'
		#include <algorithm>
		#include <iostream>
		#include <map>
		#include <memory>
		#include <stdexcept>
		#include <string>
		namespace shapes {
		struct shape { virtual ~shape() = default; virtual double area() const = 0; };
		template <typename T> struct square : shape {
			explicit square(T s) : side(s) {}
			double area() const override { return side * side; }
			T side;
		};
		}
		int main(int argc, char **)
		{
			std::map<std::string, std::unique_ptr<shapes::shape>> all;
			all["a"] = std::make_unique<shapes::square<double>>(argc / 3.0);
			all["b"] = std::make_unique<shapes::square<int>>(argc);
			try {
				for (auto &[name, s] : all)
					std::cout << name << s->area() << '\n';
				throw std::out_of_range("end");
			} catch (const std::exception &e) {
				std::cout << e.what() << '\n';
			}
		}
	END
}

# products TIER: names and bytes of what the last script made there
products() {
	(cd "$(build_dir "$1")" && find . -type f | sort | xargs sha256sum)
}

# identical: the script on standard input makes the same files at every tier
identical() {
	local script tier
	script=$(cat)
	for tier in none toolchain tools; do
		sources "$(build_dir $tier)"
		root_sh $tier <<<"$script"
	done
	[ "$(products none | wc -l)" -gt 4 ]
	diff <(products none) <(products toolchain)
	diff <(products none) <(products tools)
}

@test "C" {
	identical <<-'END'
		set -- -fno-ident
		for f in -O0 "-O2 -Wall" -Os "-O3 -march=armv8.2-a+sve" "-g3 -O2"; do
			n=$(echo "$f" | tr -d ' ')
			for s in lib main; do
				gcc "$@" $f -c -o $s$n.o $s.c
			done
			gcc $f -o prog$n lib$n.o main$n.o -lm
		done
		gcc "$@" -O2 -S -o lib.s lib.c
		gcc -E -dD main.c >main.i
		gcc "$@" -O2 -MMD -c lib.c
	END
}

@test "C++ with debug information" {
	identical <<-'END'
		g++ -fno-ident -O2 -g -c both.cc
		g++ -g -o prog both.o
		strip -o stripped prog
		objcopy --only-keep-debug prog debug
		objcopy --add-gnu-debuglink=debug stripped linked
	END
}

@test "shared and static" {
	identical <<-'END'
		gcc -fno-ident -O2 -g -fPIC -shared -Wl,-soname,libl.so.1 -o libl.so.1 lib.c -lm
		gcc -fno-ident -O2 -o prog main.c ./libl.so.1
		gcc -fno-ident -O2 -static -o static main.c lib.c -lm
		gcc -fno-ident -O2 -D_FORTIFY_SOURCE=2 -static-pie \
			-Wl,-z,relro,-z,now -o pie main.c lib.c -lm
	END
}

@test "archives" {
	identical <<-'END'
		gcc -fno-ident -O2 -c lib.c main.c
		ar rcs libboth.a lib.o main.o
		ar rcsT libthin.a lib.o main.o
		cp lib.o lib2.o
		ar qc libq.a lib.o lib2.o
		ranlib libq.a
		strip -g -o stripped.o lib.o
		ld -r -o joined.o lib.o main.o
		nm libboth.a >nm
		objdump -dr lib.o >disassembled
		readelf -a lib.o >elf
		size main.o >sizes
	END
}

@test "link-time optimization" {
	# gcc names LTO sections at random unless it is given a seed
	identical <<-'END'
		set -- -fno-ident -O2 -flto -frandom-seed=1
		gcc "$@" -c lib.c main.c
		gcc "$@" -o prog lib.o main.o -lm
		gcc-ar rcs libl.a lib.o
		gcc "$@" -g -flto-partition=none -o archived main.o libl.a -lm
		gcc "$@" -ffat-lto-objects -c -o fat.o lib.c
	END
}

@test "the plan notes that the compilers are packaged differently" {
	run "$CROSSROOT" plan t --state-dir "$HYBRID/state"
	[[ $output == *"/cc1plus "*"packaged as 12.2.0-14+deb12u1 here, as 12.2.0-14"* ]]
}

@test "without -fno-ident, .comment and the build-id are all that differs" {
	local tier dir
	for tier in none tools; do
		dir=$(build_dir $tier)
		sources "$dir"
		root_sh $tier <<-'END'
			gcc -O2 -g -c lib.c main.c
			gcc -o prog lib.o main.o -lm
			for f in lib.o main.o prog; do
				objcopy -R .comment -R .note.gnu.build-id $f $f.rest
				readelf -p .comment $f >>comments
			done
		END
		sed -n 's/.*GCC: //p' "$dir/comments" | sort -u >"$dir/names"
		cat "$dir/names"
		# crt1.o and its like bring the root's own name into prog
		grep -vxF "(Debian 12.2.0-14+deb12u1) 12.2.0" "$dir/names" >"$dir/other" || :
	done
	[ ! -s "$(build_dir none)/other" ]
	[ "$(cat "$(build_dir tools)/other")" = "(Debian 12.2.0-14) 12.2.0" ]
	for f in lib.o main.o prog; do
		cmp "$(build_dir none)/$f.rest" "$(build_dir tools)/$f.rest"
	done
}
