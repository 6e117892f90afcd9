#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole packages in a root of Gentoo's layout: the same bytes at tiers none and tools,
# and an installed image with nothing of the hybrid root in it. The emulated half of
# each takes minutes, xz's ten: `make check-long` runs this, `make check` does not.

load ../root/helper
load ../root/verify
bats_require_minimum_version 1.5.0

setup_file() { setup_gentoo_root; }
teardown_file() { teardown_root; }
setup() { setup_verify; }

# source_of NAME: unpack its upstream tarball into $SRC
source_of() {
	tar -C "$SRC" --strip-components=1 --no-same-owner \
		-xf "$("$TOP/tests/stage/fetch-source" "$1")"
}

@test "hello, with make check" {
	source_of hello
	same_bytes -- './configure --prefix=/usr; make; make check
		make install DESTDIR=$PWD/image'
}

@test "sed" {
	source_of sed
	same_bytes -- './configure --prefix=/usr; make; make install DESTDIR=$PWD/image'
}

@test "lua" {
	source_of lua5.4
	same_bytes -- 'make linux; make install INSTALL_TOP=$PWD/image/usr'
}

@test "zlib" {
	source_of zlib
	# its protocol begins with the time of day
	same_bytes --ignore configure.log -- './configure --prefix=/usr --libdir=/usr/lib64
		make; make check; make install DESTDIR=$PWD/image'
}

@test "xz: libtool, shared and static libraries" {
	source_of xz-utils
	same_bytes -- './configure --prefix=/usr --libdir=/usr/lib64 --disable-nls
		make; make install DESTDIR=$PWD/image'
	no_layer "$OUT"/image/usr/lib64/{liblzma.la,liblzma.a,liblzma.so,pkgconfig/liblzma.pc}
	grep -q "^libdir='/usr/lib64'" "$OUT/image/usr/lib64/liblzma.la"
}
