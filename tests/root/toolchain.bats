#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The native compilers of a hybrid root: what they build runs in it, and they find
# and say what the root's own compilers do.

load helper

tiers="toolchain tools"

# sources DIR: what the tests compile
sources() {
	cat >"$1/hello.c" <<-'END'
		#include <stdio.h>
		int answer(void);
		int main(void) { printf("%d\n", answer()); return 0; }
	END
	echo 'int answer(void) { return 42; }' >"$1/answer.c"
	cat >"$1/rtti.cc" <<-'END'
		#include <iostream>
		#include <stdexcept>
		#include <typeinfo>
		struct base { virtual ~base() {} };
		struct derived : base { int n = 42; };
		static void thrower(base &b)
		{
			throw std::runtime_error(typeid(b).name());
		}
		int main()
		{
			derived d;
			base &b = d;
			try {
				thrower(b);
			} catch (const std::exception &e) {
				std::cout << e.what() << dynamic_cast<derived &>(b).n << '\n';
			}
			try {
				struct other : base {} o;
				base &c = o;
				(void)dynamic_cast<derived &>(c);
			} catch (const std::bad_cast &) {
				std::cout << "bad cast\n";
			}
		}
	END
	cat >"$1/load.c" <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			void *lib = dlopen(argv[argc - 1], RTLD_NOW);
			int (*f)(void) = lib ? (int (*)(void))dlsym(lib, "answer") : NULL;
			if (!f)
				return fprintf(stderr, "%s\n", dlerror()), 1;
			printf("%d\n", f());
			return 0;
		}
	END
	cat >"$1/threads.c" <<-'END'
		#include <pthread.h>
		#include <stdio.h>
		static __thread int own;
		static int sum;
		static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
		static void *work(void *arg)
		{
			for (int i = 0; i < 1000; i++)
				own += 1;
			pthread_mutex_lock(&lock);
			sum += own;
			pthread_mutex_unlock(&lock);
			return arg;
		}
		int main(void)
		{
			pthread_t t[4];
			for (int i = 0; i < 4; i++)
				pthread_create(t + i, NULL, work, NULL);
			for (int i = 0; i < 4; i++)
				pthread_join(t[i], NULL);
			printf("%d\n", sum);
			return 0;
		}
	END
	cat >"$1/threads.cc" <<-'END'
		#include <future>
		#include <iostream>
		#include <numeric>
		#include <thread>
		#include <vector>
		int main()
		{
			std::vector<std::future<long>> parts;
			for (int i = 0; i < 4; i++)
				parts.push_back(std::async(std::launch::async, [i] {
					if (i == 3)
						throw i;
					return 14L;
				}));
			long sum = 0;
			for (auto &p : parts)
				try {
					sum += p.get();
				} catch (int i) {
					std::cout << "caught " << i << '\n';
				}
			std::thread t([&] { std::cout << sum << '\n'; });
			t.join();
		}
	END
}

# build_at TIER: run the script on standard input, with the sources around it
build_at() {
	sources "$(build_dir "$1")"
	root_sh "$1"
}

# expect OUTPUT: build at both tiers, with the script on standard input
expect() {
	local script tier
	script=$(cat)
	for tier in $tiers; do
		run build_at "$tier" <<<"$script"
		echo "$tier: $output"
		[ "$status" -eq 0 ]
		[ "$output" = "$1" ]
	done
}

@test "C" {
	expect 42 <<-'END'
		gcc -O2 -Wall -c answer.c hello.c
		gcc -o hello answer.o hello.o
		./hello
	END
	[ "$(machine "$(build_dir tools)"/{hello,*.o})" = AArch64 ]
}

@test "C++ with exceptions and RTTI" {
	expect $'7derived42\nbad cast' <<-'END'
		g++ -O2 -o rtti rtti.cc
		./rtti
	END
}

@test "a shared library, linked and loaded" {
	expect $'42\n42' <<-'END'
		gcc -fPIC -shared -Wl,-soname,libanswer.so.1 -o libanswer.so.1 answer.c
		ln -s libanswer.so.1 libanswer.so
		gcc -o hello hello.c -L. -lanswer -Wl,-rpath,/build
		./hello
		gcc -o load load.c
		./load ./libanswer.so.1
	END
}

@test "link-time optimization" {
	expect $'42\n42\n42\n7derived42\nbad cast' <<-'END'
		gcc -O2 -flto -c answer.c hello.c
		gcc -O2 -flto -o plain answer.o hello.o
		./plain
		gcc-ar rcs libanswer.a answer.o
		gcc-nm libanswer.a | grep -q 'T answer'
		gcc-ranlib libanswer.a
		gcc -O2 -flto=2 -o archived hello.o -L. -lanswer
		./archived
		gcc -O2 -flto -ffat-lto-objects -c -o fat.o answer.c
		ar rcs libfat.a fat.o
		gcc -O2 -fno-lto -c -o thin.o hello.c
		gcc -O2 -fno-lto -o fat thin.o -L. -lfat
		./fat
		g++ -O2 -flto -o rtti rtti.cc
		./rtti
	END
}

@test "static programs" {
	expect $'42\n7derived42\nbad cast' <<-'END'
		gcc -static -o hello hello.c answer.c
		./hello
		g++ -static -o rtti rtti.cc
		./rtti
		! readelf -l hello rtti | grep INTERP
	END
}

@test "threads in C and C++" {
	expect $'4000\ncaught 3\n42' <<-'END'
		gcc -O2 -pthread -o c threads.c
		./c
		g++ -O2 -pthread -o cc threads.cc
		./cc
	END
}

@test "instrumented programs: -pg, --coverage, sanitizers" {
	expect 42 <<-'END'
		gcc -pg --coverage -O0 -o hello hello.c answer.c
		./hello
		test -s gmon.out
		gprof -b -p hello gmon.out | grep -q time
		gcov -n hello-answer.gcda | grep -q 'Lines executed:100.00%'
		echo 'int main(int argc, char **argv) { volatile int n = 0x7fffffff; n += argc; return 0; }' >ub.c
		gcc -fsanitize=undefined -o ub ub.c
		./ub 2>&1 | grep -q 'signed integer overflow'
	END
}

@test "debug information names only the root's files" {
	local tier dir
	for tier in $tiers; do
		build_at "$tier" <<-'END'
			gcc -g3 -o hello hello.c answer.c
			g++ -g -flto -o rtti rtti.cc
			as -g -o empty.o /dev/null
		END
		dir=$(build_dir "$tier")
		readelf -SW "$dir/hello" | grep -q '\.debug_info'
		readelf -SW "$dir/rtti" | grep -q '\.debug_info'
		readelf --debug-dump=info "$dir/hello" | grep -q 'DW_AT_comp_dir.*: /build'
		for f in hello rtti empty.o; do
			strings -a "$dir/$f" >"$dir/strings"
			[ -s "$dir/strings" ]
			run grep -E "x86.64|amd64|gcc-cross|crossroot|sysroot|$NATIVE" "$dir/strings"
			echo "$f: $output"
			[ "$status" -eq 1 ]
		done
	done
}

@test "a failed compilation fails" {
	for tier in $tiers; do
		run root_sh "$tier" <<<'echo "int main(" | gcc -x c - 2>&1'
		[ "$status" -eq 1 ]
		[[ $output == *error:* ]]
		[ ! -e "$(build_dir "$tier")/a.out" ]
	done
}
