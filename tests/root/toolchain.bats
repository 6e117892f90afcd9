#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The native compilers of a hybrid root: what they build runs in it, and they find
# and say what the root's own compilers do.

load helper

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

@test "compilers answer as the emulated ones do" {
	same_answer 'for cc in gcc g++; do
		$cc --version; $cc -dumpmachine; $cc -dumpversion; $cc -dumpfullversion
		$cc -print-search-dirs; $cc -print-multiarch; $cc -print-sysroot
		$cc -print-prog-name=ld; $cc -print-prog-name=cc1
		for f in libstdc++.so crt1.o include no-such-file; do
			$cc -print-file-name=$f
		done
		$cc -print-libgcc-file-name
	done 2>&1'
	same_answer 'gcc -dumpspecs; gcc -v 2>&1; cpp --version; aarch64-linux-gnu-gcc-12 --version
		gcc --verbose 2>&1'
	same_answer 'for p in as ld ar nm gcc-ar gcc-nm gcc-ranlib; do $p --version; done'
}

@test "what compilers answer is there" {
	for tier in $tiers; do
		root_sh "$tier" <<-'END'
			for p in cc1 cc1plus collect2 lto1 lto-wrapper as ld; do
				command -v $(gcc -print-prog-name=$p) >found
			done
			for f in libgcc.a libstdc++.so libc.so crt1.o crtbeginS.o include plugin \
				liblto_plugin.so; do
				test $f = plugin || test -e $(gcc -print-file-name=$f)
			done
			gcc -print-search-dirs | sed -n 's/^install: //p' | xargs ls -d
		END
	done
}

@test "the header search list is the emulated one's" {
	# the preprocessor is asked for it: -v is answered by the original
	for args in "-x c" "-x c++" "-x c -nostdinc" "-x c++ -nostdinc" \
		"-x c++ -nostdinc++" "-x c -isystem /opt -I/usr/local/include"; do
		same_answer "gcc $args -Wp,-v -E /dev/null 2>&1 |
			sed -n '/search starts here/,/^End of search/p'"
		[[ $output == *"End of search"* ]]
	done
	RUN_OPTS=(--env CPLUS_INCLUDE_PATH=/opt)
	same_answer "g++ -x c++ -Wp,-v -E /dev/null 2>&1 |
		sed -n '/search starts here/,/^End of search/p'"
	[[ $output == *$'\n /opt\n'* ]]
	# a directory whose name ends as the list of the wrapper's begins
	dirs=$(in_root toolchain sh -c 'cat "/run/crossroot/conf$(readlink -f /usr/bin/g++)"' |
		sed -n 's/^include++ CPLUS_INCLUDE_PATH=//p')
	[[ $dirs == /*:/* ]]
	RUN_OPTS=(--env "CPLUS_INCLUDE_PATH=/opt$dirs")
	same_answer "g++ -x c++ -Wp,-v -E /dev/null 2>&1 |
		sed -n '/search starts here/,/^End of search/p'"
	[[ $output == *" ${dirs%%:*}"* ]]
	RUN_OPTS=()
	same_answer "cpp -Wp,-v 2>&1 | sed -n '/search starts here/,/^End of search/p'"
	[[ $output == *"End of search"* ]]
}

# try_compile NAME DEFINITION: a program that uses lib/NAME.h and -lNAME
try_compile() {
	cat >"$HYBRID/try.c" <<-END
		#include <$1.h>
		int main(void) { return $1(); }
	END
	cp "$HYBRID/try.c" "$(build_dir "$2")/$1.c"
	root_sh "$2" <<-END
		gcc -c $1.c
		gcc -o $1 $1.o -l$1
		LD_LIBRARY_PATH=/usr/local/lib ./$1
	END
}

# own_library NAME INCLUDE-DIR LIB-DIR: install a library of this test's in the root
own_library() {
	cat >"$(build_dir none)/$1.c" <<<"int $1(void) { return 0; }"
	root_sh none <<-END
		mkdir -p $2 $3
		echo "int $1(void);" >$2/$1.h
		gcc -shared -fPIC -o $3/lib$1.so $1.c
	END
}

@test "headers and libraries of the root are found" {
	own_library one /usr/local/include /usr/local/lib
	own_library two /usr/include /usr/lib/aarch64-linux-gnu
	own_library three /usr/include/aarch64-linux-gnu /usr/lib
	for tier in $tiers; do
		for name in one two three; do
			try_compile $name "$tier"
		done
	done
	root_sh none <<-END
		rm -f /usr/local/include/one.h /usr/include/two.h
		rm -f /usr/include/aarch64-linux-gnu/three.h
		rm -f /usr/local/lib/libone.so /usr/lib/*/libtwo.so /usr/lib/libthree.so
	END
}

@test "headers and libraries of the host and the native root are not found" {
	# the native root's /usr/aarch64-linux-gnu is where its cross gcc looks first
	[ -e "$NATIVE/usr/aarch64-linux-gnu/lib/libc.so.6" ]
	[ ! -e "$TREE/usr/aarch64-linux-gnu" ]
	for tier in $tiers; do
		root_sh "$tier" <<-'END' >"$HYBRID/searched"
			echo '#include <stdio.h>' | gcc -x c -M -
			echo '#include <iostream>' | g++ -x c++ -M -
			echo 'int main(void) { return 0; }' | gcc -x c -Wl,--trace -o a.out -
		END
		grep -q '/usr/include/stdio.h' "$HYBRID/searched"
		run grep -E '/usr/aarch64-linux-gnu|x86_64|crossroot|gcc-cross' "$HYBRID/searched"
		echo "$output"
		[ "$status" -eq 1 ]
		# a header of the host's that the root does not have
		[ -e /usr/include/archive.h ] && [ ! -e "$TREE/usr/include/archive.h" ]
		run root_sh "$tier" <<<'echo "#include <archive.h>" | gcc -x c -c -o no.o -'
		[ "$status" -ne 0 ]
		run root_sh "$tier" <<<'echo "int main(){}" | gcc -x c -o no - -larchive 2>&1'
		[ "$status" -ne 0 ]
		[[ $output == *"cannot find -larchive"* ]]
	done
}

@test "CROSSROOT_EMULATE=1 runs the original" {
	local script='gcc -c -o x.o -x c /dev/null; readelf -p .comment x.o | grep Debian'
	run answers tools "$script"
	native=$output
	RUN_OPTS=(--env CROSSROOT_EMULATE=1)
	run answers tools "$script"
	[ "$output" = "$(answers none "$script")" ]
	# the two compilers are packaged differently, and say so
	[ "$output" != "$native" ]
	run build_at tools <<-'END'
		g++ -O2 -flto -g -save-temps -o rtti rtti.cc
		./rtti
		readelf -p .comment rtti | grep Debian
		! readelf --debug-dump=info,rawline rtti | grep crossroot
	END
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == $'7derived42\nbad cast\n'* ]]
	[[ $output != *"Debian 12.2.0-14)"* ]]
}

@test "-v with an input names programs that are there, and none of crossroot's" {
	for tier in $tiers; do
		root_sh "$tier" <<-'END'
			echo 'int main(void) { return 0; }' >a.c
			gcc -v a.c 2>log
			sed -n 's/^ \(\/[^ ]*\) .*/\1/p' log >programs
			grep -q /cc1 programs
			grep -q /collect2 programs
			xargs ls <programs
			! grep crossroot log
		END
	done
}
