#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What users do wrong: each gets an exit status, a message that says what is wrong,
# and loses nothing.

load helper

setup() {
	setup_state
	stage=$BATS_TEST_TMPDIR/stage.tar.gz
	make_stage "$stage"
}

teardown() {
	[[ ! -d $BATS_TEST_TMPDIR/small ]] || umount -l "$BATS_TEST_TMPDIR/small" 2>/dev/null || :
	check_mounts
}

# refused STATUS TEXT CMD...: CMD fails so, says TEXT, and leaves no root behind
refused() {
	local want=$1 text=$2
	shift 2
	run "$@"
	if [[ $status -ne $want || $output != *"$text"* ]]; then
		echo "wanted $want: $text" >&2
		echo "got $status: $output" >&2
		return 1
	fi
	[[ $output == *"crossroot: error: "* ]] || return 1
	[[ -z $(ls -A "$CROSSROOT_STATE_DIR/roots" 2>/dev/null) ]]
}

@test "names" {
	local name
	for name in a/b .. . .hidden -x "" "a b" $'a\nb' "$(printf 'x%.0s' {1..300})"; do
		refused 2 "" "$CROSSROOT" create --stage "$stage" -- "$name"
	done
	refused 2 "name" "$CROSSROOT" create --stage "$stage" ../x
	refused 125 "there is no root 'none'" "$CROSSROOT" run none -- true
	refused 1 "there is no root 'none'" "$CROSSROOT" plan none
	refused 1 "there is no root 'none'" "$CROSSROOT" info none
	refused 1 "there is no root 'none'" "$CROSSROOT" destroy none
	refused 125 "name" "$CROSSROOT" run ../x -- true
	refused 2 "name" "$CROSSROOT" destroy ..
}

@test "stages that are none" {
	local dir=$BATS_TEST_TMPDIR
	refused 1 "No such file" "$CROSSROOT" create r --stage "$dir/none"
	refused 2 "is a directory" "$CROSSROOT" create r --stage "$dir"
	mkfifo "$dir/fifo"
	refused 2 "no regular file" "$CROSSROOT" create r --stage "$dir/fifo"
	echo text >"$dir/text"
	refused 1 "" "$CROSSROOT" create r --stage "$dir/text"
	: >"$dir/empty"
	refused 1 "" "$CROSSROOT" create r --stage "$dir/empty"
	mkdir "$dir/no-root" && echo hi >"$dir/no-root/hi"
	tar -C "$dir/no-root" -cf "$dir/no-root.tar" .
	refused 1 "no root file system" "$CROSSROOT" create r --stage "$dir/no-root.tar"
}

@test "damaged stages" {
	local dir=$BATS_TEST_TMPDIR kind half
	gzip -dc "$stage" >"$dir/s.tar"
	xz -0 -k "$dir/s.tar" && zstd -q "$dir/s.tar" && bzip2 -k "$dir/s.tar" && cp "$stage" "$dir/s.tar.gz"
	for kind in xz zst bz2 gz; do
		half=$(($(stat -c %s "$dir/s.tar.$kind") / 2))
		head -c "$half" "$dir/s.tar.$kind" >"$dir/cut.$kind"
		refused 1 "cut.$kind" "$CROSSROOT" create r --stage "$dir/cut.$kind"
		cp "$dir/s.tar.$kind" "$dir/flip.$kind"
		dd if=/dev/urandom of="$dir/flip.$kind" bs=1 seek="$half" count=64 \
			conv=notrunc status=none
		refused 1 "flip.$kind" "$CROSSROOT" create r --stage "$dir/flip.$kind"
		"$CROSSROOT" create r --stage "$dir/s.tar.$kind"
		"$CROSSROOT" destroy r
	done
	head -c 20000 "$dir/s.tar" >"$dir/cut.tar"
	refused 1 "cut.tar" "$CROSSROOT" create r --stage "$dir/cut.tar"
}

# foreign_stage FILE: like make_stage's, but its programs say they are for arm64
foreign_stage() {
	local tree=$BATS_TEST_TMPDIR/foreign
	mkdir -p "$tree"/{bin,etc,proc,sys,dev,run,tmp}
	cp /bin/dash "$tree/bin/sh"
	printf '\267\0' | dd of="$tree/bin/sh" bs=1 seek=18 conv=notrunc status=none
	tar -C "$tree" -czf "$1" .
}

@test "architectures and tuples" {
	local foreign=$BATS_TEST_TMPDIR/foreign.tar.gz
	foreign_stage "$foreign"
	refused 1 "holds aarch64 programs, not what riscv64-unknown-linux-gnu needs" \
		"$CROSSROOT" create r --stage "$foreign" --target riscv64-unknown-linux-gnu
	refused 2 "no tuple of a known architecture" \
		"$CROSSROOT" create r --stage "$stage" --target vax-dec-ultrix
	refused 1 "native root" \
		"$CROSSROOT" create r --stage "$foreign" --native-root "$BATS_TEST_TMPDIR/none"
	refused 2 "no absolute path" \
		"$CROSSROOT" create r --stage "$foreign" --native-root none
}

# fails STATUS TEXT CMD...: like refused, with a root there
fails() {
	local want=$1 text=$2
	shift 2
	run "$@"
	if [[ $status -ne $want || $output != *"$text"* ]]; then
		echo "wanted $want: $text" >&2
		echo "got $status: $output" >&2
		return 1
	fi
}

@test "emulators and native roots" {
	local foreign=$BATS_TEST_TMPDIR/foreign.tar.gz
	foreign_stage "$foreign"
	"$CROSSROOT" create f --stage "$foreign"
	fails 125 "no qemu for aarch64 programs" "$CROSSROOT" run f --qemu /nonexistent -- true
	[[ $output == *"install qemu-user-static"* ]]
	fails 125 "is no ELF file" "$CROSSROOT" run f --qemu /usr/bin/ldd -- true
	fails 125 "no qemu for aarch64 programs" "$CROSSROOT" run f --qemu /etc/passwd -- true
	fails 125 "not statically linked" "$CROSSROOT" run f --qemu /bin/dash -- true
	fails 125 "no absolute path" "$CROSSROOT" run f --qemu qemu -- true
	fails 1 "native root '/nonexistent'" "$CROSSROOT" plan f --native-root /nonexistent
	fails 1 "no root file system" "$CROSSROOT" plan f --native-root "$BATS_TEST_TMPDIR"
	# of a foreign architecture
	fails 1 "cannot run it" "$CROSSROOT" plan f \
		--native-root "$CROSSROOT_STATE_DIR/roots/f/tree"
	# with a compiler in the root, but none for it in the native root
	mkdir -p "$CROSSROOT_STATE_DIR/roots/f/tree/usr/lib/gcc/aarch64-linux-gnu/12"
	"$CROSSROOT" create n --stage "$stage"
	fails 1 "no cross compiler for aarch64" "$CROSSROOT" plan f \
		--native-root "$CROSSROOT_STATE_DIR/roots/n/tree"
	[[ $output == *"install gcc-aarch64-linux-gnu"* ]]
	fails 125 "no cross compiler" "$CROSSROOT" run f \
		--native-root "$CROSSROOT_STATE_DIR/roots/n/tree" -- true
}

@test "configuration" {
	local conf=$BATS_TEST_TMPDIR/bad.conf
	"$CROSSROOT" create r --stage "$stage"
	printf '[crossroot]\ntarget = x86_64-pc-linux-gnu\nnative_rot = /\n' >"$conf"
	CROSSROOT_CONFIG=$conf fails 125 "$conf:3: unknown key 'native_rot'" \
		"$CROSSROOT" run r -- true
	printf '[crossroot]\nnative = all\n' >"$conf"
	CROSSROOT_CONFIG=$conf fails 1 "$conf:2: 'all' is no tier" "$CROSSROOT" info r
	CROSSROOT_CONFIG=$BATS_TEST_TMPDIR fails 125 "Is a directory" "$CROSSROOT" run r -- true
	CROSSROOT_CONFIG=/nonexistent fails 125 "No such file" "$CROSSROOT" run r -- true
	echo '[crossroot' >"$CROSSROOT_STATE_DIR/roots/r/root.conf"
	fails 125 "root.conf:1:" "$CROSSROOT" run r -- true
	fails 1 "$conf:2: 'all' is no tier" "$CROSSROOT" create s --stage "$stage" --config "$conf"
	[ ! -e "$CROSSROOT_STATE_DIR/roots/s" ]
}

@test "options" {
	"$CROSSROOT" create r --stage "$stage"
	fails 125 "is no bind" "$CROSSROOT" run r --bind tmp -- true
	fails 125 "is no bind" "$CROSSROOT" run r --bind /tmp:/mnt:rw -- true
	fails 125 "No such file" "$CROSSROOT" run r --bind /nonexistent:/tmp/x -- true
	fails 125 "is no K=V" "$CROSSROOT" run r --env K -- true
	fails 125 "/nowhere" "$CROSSROOT" run r --chdir /nowhere -- true
	fails 125 "unrecognized option" "$CROSSROOT" run r --frobnicate -- true
	fails 125 "usage" "$CROSSROOT" run r
	fails 2 "NAME or --target" "$CROSSROOT" create
	fails 2 "--stage" "$CROSSROOT" create r2
	fails 2 "no command 'frobnicate'" "$CROSSROOT" frobnicate
	fails 2 "" "$CROSSROOT"
}

@test "who is not root is told" {
	chmod 755 "$BATS_TEST_TMPDIR"
	cp "$CROSSROOT" /tmp/crossroot-test.$$
	run setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/crossroot-test.$$ list
	rm /tmp/crossroot-test.$$
	[ "$status" -eq 1 ]
	[[ $output == *"must be run as root"* ]]
}

@test "a full disk" {
	local small=$BATS_TEST_TMPDIR/small
	mkdir "$small"
	mount -t tmpfs -o size=1m tmpfs "$small"
	CROSSROOT_STATE_DIR=$small/state
	refused 1 "No space left on device" "$CROSSROOT" create r --stage "$stage"
	# nothing is left of it, and there is room for what fits
	[[ -z $(ls -A "$small/state/roots") ]]
	mount -o remount,size=20m "$small"
	"$CROSSROOT" create r --stage "$stage"
	"$CROSSROOT" run r -- /bin/sh -c 'exit 0'
	"$CROSSROOT" destroy r
	umount "$small"
	rmdir "$small"
}

@test "a state directory that cannot be written" {
	local small=$BATS_TEST_TMPDIR/small
	mkdir "$small"
	mount -t tmpfs -o ro tmpfs "$small"
	fails 1 "Read-only file system" "$CROSSROOT" create r --stage "$stage" --state-dir "$small/s"
	umount "$small"
	rmdir "$small"
	echo >"$BATS_TEST_TMPDIR/file"
	fails 1 "Not a directory" "$CROSSROOT" list --state-dir "$BATS_TEST_TMPDIR/file"
}

@test "odd names of the state directory, of files and of what is run" {
	CROSSROOT_STATE_DIR=$BATS_TEST_TMPDIR/$'a b\n:c'
	"$CROSSROOT" create r --stage "$stage"
	mkdir "$BATS_TEST_TMPDIR/x:y z"
	echo 'echo "$1"' >"$BATS_TEST_TMPDIR/x:y z/it's"
	run "$CROSSROOT" run r --bind "$BATS_TEST_TMPDIR/x\\:y z:/tmp/b c" -- \
		/bin/sh "/tmp/b c/it's" $'one\ntwo'
	[ "$status" -eq 0 ]
	[ "$output" = $'one\ntwo' ]
	"$CROSSROOT" destroy r
}

@test "two at once: one creates, one is told; a run and a destroy likewise" {
	local a b
	"$CROSSROOT" create r --stage "$stage" 2>"$BATS_TEST_TMPDIR/1" & a=$!
	"$CROSSROOT" create r --stage "$stage" 2>"$BATS_TEST_TMPDIR/2" & b=$!
	ok=0
	wait $a && ok=$((ok + 1))
	wait $b && ok=$((ok + 1))
	[ "$ok" -eq 1 ]
	cat "$BATS_TEST_TMPDIR"/[12] >"$BATS_TEST_TMPDIR/said"
	grep -Eq "is in use|there is a root 'r' already" "$BATS_TEST_TMPDIR/said"
	mkfifo "$BATS_TEST_TMPDIR/in"
	"$CROSSROOT" run r -- /bin/sh -c 'echo up; read x' <"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" & a=$!
	exec 7>"$BATS_TEST_TMPDIR/in"
	for _ in {1..100}; do
		grep -q up "$BATS_TEST_TMPDIR/out" && break
		sleep 0.05
	done
	fails 1 "is in use" "$CROSSROOT" destroy r
	echo >&7
	exec 7>&-
	wait $a
	"$CROSSROOT" destroy r
}
