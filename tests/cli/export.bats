#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# export: what comes back from it, what it leaves out, and how it fails.

# shellcheck disable=SC2016 # what is in single quotes is code of another shell
# shellcheck disable=SC2030,SC2031 # bats sets status and output in each test

load helper

setup() {
	setup_state
	export SOURCE_DATE_EPOCH=2000000000
	out=$BATS_TEST_TMPDIR/out
	tree=$CROSSROOT_STATE_DIR/roots/one/tree
	mkdir "$out"
	make_stage "$BATS_TEST_TMPDIR/stage.tar.gz"
	"$CROSSROOT" create one --stage "$BATS_TEST_TMPDIR/stage.tar.gz"
}

teardown() {
	check_mounts
}

# furnish: all kinds of files into the root.
furnish() {
	local d=$tree/odd
	mkdir -p "$d/deep/er" "$d/empty" "$d/sticky" "$tree/etc"
	echo text >"$d/file"
	printf 'é' >"$d/naïve"
	printf 'cafe\314\201' >"$d/cafe"$'\314\201'
	echo latin >"$d/caf"$'\351'
	echo odd >"$d/a b"$'\n'"c\\d'\"\$x"
	: >"$d/none"
	ln "$d/file" "$d/deep/second"
	ln "$d/file" "$d/deep/er/third"
	ln -s ../etc/passwd "$d/link"
	ln -s "$(printf 'x%.0s' {1..300})" "$d/longlink"
	ln -s $'caf\351' "$d/latin-link"
	mkfifo "$d/fifo"
	ln "$d/fifo" "$d/fifo2"
	mknod "$d/null" c 1 3
	mknod "$d/disk" b 259 1048575
	local long
	long=$(printf 'd%.0s' {1..200})
	mkdir -p "$d/$long/$long"
	echo far >"$d/$long/$long/file"
	head -c 3000000 /dev/urandom >"$d/big"
	truncate -s 5M "$d/hole"
	truncate -s 9M "$d/holes"
	printf begin | dd of="$d/holes" conv=notrunc status=none
	printf middle | dd of="$d/holes" bs=1 seek=5000000 conv=notrunc status=none
	truncate -s 3M "$d/tail"
	printf end | dd of="$d/tail" bs=1 seek=3145725 conv=notrunc status=none
	setfattr -n user.note -v "a value" "$d/file"
	setfattr -n user.binary -v 0x00ff00 "$d/big"
	setfattr -n trusted.mark -v t "$d/empty"
	setfattr -n trusted.mark -v l -h "$d/link"
	setcap cap_net_raw=ep "$d/none"
	setfacl -m u:12345:rw,g:54321:r "$d/deep/second"
	setfacl -d -m u:12345:rwx "$d/deep"
	chmod 1777 "$d/sticky"
	chmod 4711 "$d/big"
	chmod 2750 "$d/empty"
	chmod 000 "$d/none"
	chown 1234:5678 "$d/deep" "$d/naïve"
	chown 4000000000:3000000000 "$d/tail"
	chown -h 77:88 "$d/link"
	touch -h -d @1234567890.123456789 "$d/link" "$d/naïve" "$d/fifo" "$d/null"
	touch -d @-12345.5 "$d/holes"
	touch -d @999999999.000000001 "$d/deep" "$tree"
	chmod 751 "$tree"
}

# facts DIR: one line for each attribute of each file below DIR.
facts() (
	cd "$1" || exit
	find . \( -type d -printf '%p\t%y %m %U:%G %T@\0' -o \
		-printf '%p\t%y %m %U:%G %s %T@ %l\0' \) | LC_ALL=C sort -z | tr '\0' '\n'
	find . -type f -printf '%i %p\0' | LC_ALL=C sort -z -k2 |
		awk -v RS='\0' '{ i = $1; sub(/^[0-9]+ /, ""); if (!(i in n)) n[i] = $0
			print "same", n[i], $0 }'
	find . \( -type c -o -type b \) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort
	find . -type f -exec sha256sum {} + | LC_ALL=C sort
	find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex 2>/dev/null
	holes
)

# holes: where the regular files below "." have data.
holes() {
	python3 - <<-'PY'
	import os
	for top, dirs, files in os.walk(b"."):
	    dirs.sort()
	    for name in sorted(files):
	        path = os.path.join(top, name)
	        if os.path.islink(path) or not os.path.isfile(path): continue
	        fd = os.open(path, os.O_RDONLY); size = os.fstat(fd).st_size; at = 0; out = []
	        while at < size:
	            try: at = os.lseek(fd, at, os.SEEK_DATA)
	            except OSError: break
	            end = os.lseek(fd, at, os.SEEK_HOLE); out.append((at, end)); at = end
	        os.close(fd); print(path, size, out)
	PY
}

# same_tree DIR1 DIR2
same_tree() {
	facts "$1" >"$BATS_TEST_TMPDIR/facts1"
	facts "$2" >"$BATS_TEST_TMPDIR/facts2"
	[ -s "$BATS_TEST_TMPDIR/facts1" ]
	diff -a "$BATS_TEST_TMPDIR/facts1" "$BATS_TEST_TMPDIR/facts2"
}

@test "create of an export is the same root" {
	furnish
	for format in tar tar.gz tar.xz tar.zst; do
		"$CROSSROOT" export one "$out/x.$format"
		"$CROSSROOT" create two --stage "$out/x.$format" --no-setup
		same_tree "$tree" "$CROSSROOT_STATE_DIR/roots/two/tree"
		"$CROSSROOT" destroy two
	done
}

@test "the same root gives the same bytes, later and elsewhere" {
	local format
	furnish
	export SOURCE_DATE_EPOCH=1500000000
	for format in tar tar.gz tar.xz tar.zst squashfs erofs ext4 oci.tar; do
		"$CROSSROOT" export one "$out/1.$format"
	done
	sleep 1.1
	# names in another order on disk, other inodes, and other times of reading
	"$CROSSROOT" create two --stage "$out/1.tar" --no-setup
	mkdir "$BATS_TEST_TMPDIR/other"
	mv "$CROSSROOT_STATE_DIR/roots/two/tree" "$BATS_TEST_TMPDIR/other/tree"
	"$CROSSROOT" destroy two
	cat "$tree/odd/file" "$tree/odd/big" >/dev/null
	for format in tar tar.gz tar.xz tar.zst squashfs erofs ext4 oci.tar; do
		taskset -c 0 "$CROSSROOT" export one "$out/2.$format"
		cmp "$out/1.$format" "$out/2.$format"
	done
	rm -r "$tree"
	mv "$BATS_TEST_TMPDIR/other/tree" "$tree"
	"$CROSSROOT" export one "$out/3.tar"
	cmp "$out/1.tar" "$out/3.tar"
	# on another file system, which lists names in another order; but for erofs
	mkdir "$BATS_TEST_TMPDIR/copy"
	unshare -m bash -euc 'mount -t tmpfs -o mode=751 none "$2"
		cp -a "$1/." "$2"
		mount --bind "$2" "$1"
		for format in tar squashfs ext4 oci.tar; do
			"$3" export one "$4/4.$format"
			cmp "$4/1.$format" "$4/4.$format"
		done' bash "$tree" "$BATS_TEST_TMPDIR/copy" "$CROSSROOT" "$out"
	# no time is later
	run tar --utc --full-time -tvf "$out/1.tar"
	[[ $output == *" 2017-07-14 02:40:00"* ]]
	[[ ! $output =~ \ 20(1[89]|2[0-9])- ]]
}

@test "a squashfs image holds the root" {
	furnish
	# it has no ACLs
	setfacl -R -b "$tree/odd"
	"$CROSSROOT" export one "$out/x.sqfs"
	unsquashfs -q -n -d "$out/un" "$out/x.sqfs"
	# it has whole seconds from 1970 on, and its holes are whole blocks
	find "$tree" -exec touch -h -d @1111111111 {} +
	find "$out/un" -exec touch -h -d @1111111111 {} +
	# shellcheck disable=SC2317
	holes() { :; }
	same_tree "$tree" "$out/un"
}

# with_image FILE TYPE CMD...: CMD while it is mounted at $out/mnt, for CMD alone
with_image() {
	mkdir -p "$out/mnt"
	unshare -m bash -euc 'mount -o ro,loop -t "$2" "$1" "$3/mnt"; shift 3
		out=$1 tree=$2 BATS_TEST_TMPDIR=$3 && eval "$4" && eval "$5"' bash \
		"$1" "$2" "$out" "$out" "$tree" "$BATS_TEST_TMPDIR" \
		"$(declare -f facts same_tree holes)" "$3"
}

@test "an ext4 image holds the root" {
	furnish
	setfattr -n user.top -v top "$tree"
	setfacl -m u:7:rwx "$tree"
	"$CROSSROOT" export one "$out/x.img"
	e2fsck -fn "$out/x.img"
	with_image "$out/x.img" ext4 '
		[ "$(ls -A "$out/mnt/lost+found")" = "" ]
		facts "$out/mnt" | grep -av lost+found >"$out/got"
		facts "$tree" >"$out/want"
		diff -a "$out/want" "$out/got"'
	# room to work in, and no more than there must be
	[ "$(stat -c %s "$out/x.img")" -lt $((300 << 20)) ]
	[ "$(du -m "$out/x.img" | cut -f1)" -lt 20 ]
	# a root that lives in it is the same root, and makes the same image
	"$CROSSROOT" export one "$out/dir.tar"
	unshare -m sh -euc 'mount -o loop "$1" "$2"
		"$3" export one "$4/image.tar"
		"$3" export one "$4/image.ext4"' sh "$out/x.img" "$tree" "$CROSSROOT" "$out"
	cmp "$out/dir.tar" "$out/image.tar"
	"$CROSSROOT" export one "$out/dir.ext4"
	cmp "$out/dir.ext4" "$out/image.ext4"
	e2fsck -fn "$out/image.ext4"
	# what is not to be in it is taken out again
	mkdir -p "$tree/run/crossroot/native/lib"
	echo x >"$tree/run/crossroot/native/lib/file"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
		"$tree/odd/sock"
	"$CROSSROOT" export one "$out/y.ext4"
	e2fsck -fn "$out/y.ext4"
	run debugfs -R "ls -p /run" "$out/y.ext4"
	[[ $output != *crossroot* ]]
	run debugfs -R "ls -p /odd" "$out/y.ext4"
	[[ $output == */fifo/* && $output != *sock* ]]
}

@test "an erofs image holds the root" {
	furnish
	# mkfs.erofs takes a time before 1970 for one of the far future
	touch -d @1 "$tree/odd/holes"
	"$CROSSROOT" export one "$out/x.erofs"
	# shellcheck disable=SC2317
	holes() { :; }
	with_image "$out/x.erofs" erofs 'same_tree "$tree" "$out/mnt"'
}

@test "an OCI image is what skopeo, umoci and podman take, and the root" {
	furnish
	# neither umoci nor podman restores ACLs, nor times before 1970
	setfacl -R -b "$tree/odd"
	touch -d @1 "$tree/odd/holes"
	"$CROSSROOT" export one "$out/x.oci"
	run skopeo inspect "oci:$out/x.oci:latest"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.Architecture + " " + .Os + " " + .Created' <<<"$output")" = \
		"amd64 linux 2033-05-18T03:33:20Z" ]
	# every blob is what its name says, and every name is of a blob
	(cd "$out/x.oci/blobs/sha256" && sha256sum -- * | awk '$1 != $2 { exit 1 }')
	[ "$(find "$out/x.oci/blobs/sha256" -type f | wc -l)" -eq 3 ]
	skopeo copy -q "oci:$out/x.oci:latest" "oci-archive:$out/copy.tar"
	# umoci writes the holes
	# shellcheck disable=SC2317
	holes() { :; }
	umoci unpack --image "$out/x.oci:latest" "$out/bundle"
	same_tree "$tree" "$out/bundle/rootfs"
	"$CROSSROOT" export one "$out/x.oci.tar"
	skopeo inspect "oci-archive:$out/x.oci.tar" | jq -e '.Layers | length == 1'
	mkdir "$out/layout"
	tar -C "$out/layout" -xf "$out/x.oci.tar"
	diff -r "$out/x.oci" "$out/layout"
}

# arm_program FILE [ARCH]: an ARM program that is for ARCH, a value of Tag_CPU_arch.
arm_program() {
	python3 - "$@" <<-'PY'
	import struct, sys
	attrs = b""
	if len(sys.argv) > 2:
	    tags = b"\x06" + bytes([int(sys.argv[2])])
	    part = b"\x01" + struct.pack("<I", 5 + len(tags)) + tags
	    attrs = b"A" + struct.pack("<I", 10 + len(part)) + b"aeabi\0" + part
	names = b"\0.ARM.attributes\0.shstrtab\0"
	head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 0,
	    52 + len(attrs) + len(names), 0x5000400, 52, 0, 0, 40, 3, 2)
	def section(name, kind, at, n): return struct.pack("<10I", name, kind, 0, 0, at, n, 0, 0, 1, 0)
	open(sys.argv[1], "wb").write(head + attrs + names + bytes(40) +
	    section(1, 0x70000003, 52, len(attrs)) +
	    section(17, 3, 52 + len(attrs), len(names)))
	PY
}

@test "an OCI image of an ARM root says for what ARM its programs are" {
	local arch want
	while read -r arch want; do
		# shellcheck disable=SC2086
		arm_program "$tree/bin/sh" $arch
		"$CROSSROOT" export one "$out/x.oci" --force
		jq -e '.manifests[0].platform.architecture == "arm"' "$out/x.oci/index.json"
		[ "$(jq -r '.manifests[0].platform.variant' "$out/x.oci/index.json")" = "$want" ]
		run skopeo inspect --config --raw --override-arch arm "oci:$out/x.oci:latest"
		[ "$(jq -r .variant <<<"$output")" = "$want" ]
	done < <(printf '%s\n' "4 v5" "8 v6" "10 v7")
	arm_program "$tree/bin/sh"
	"$CROSSROOT" export one "$out/x.oci" --force
	jq -e '.manifests[0].platform == { "architecture": "arm", "os": "linux" }' \
		"$out/x.oci/index.json"
}

@test "podman takes an OCI image, and runs it where podman runs" {
	local dir pod
	command -v podman >/dev/null || skip_or_fail "podman is missing" podman
	# it takes no long path
	dir=$(mktemp -d /tmp/crossroot-pod.XXXXXX)
	pod=(podman --root "$out/pods" --runroot "$dir" --storage-driver vfs
		--cgroup-manager cgroupfs)
	"$CROSSROOT" export one "$out/x.oci"
	# nor capital letters
	(cd "$out" && "${pod[@]}" pull -q oci:x.oci:latest) >"$out/id"
	run "${pod[@]}" run --rm --network none --cgroups disabled "$(cat "$out/id")" \
		/bin/sh -c 'echo "in $PWD"'
	"${pod[@]}" rmi -f "$(cat "$out/id")"
	rm -rf "$dir"
	[[ $output != *crun:* && $output != *runc:* ]] || skip_or_fail "$output" podman
	[ "$output" = "in /" ]
}

@test "standard output takes a tar file and nothing else" {
	"$CROSSROOT" export one - >"$out/x.tar"
	"$CROSSROOT" export one "$out/y.tar"
	cmp "$out/x.tar" "$out/y.tar"
	"$CROSSROOT" export one - --format tar.zst | zstd -dc | cmp - "$out/x.tar"
	for format in squashfs erofs ext4 oci oci.tar; do
		run "$CROSSROOT" export one - --format $format
		[ "$status" -eq 2 ]
		[[ $output == *"$format cannot be written to standard output"* ]]
	done
	run script -qec "$CROSSROOT export one -" /dev/null
	[[ $output == *"standard output is a terminal"* ]]
}

@test "a terminal shows how far an export is, of every kind" {
	local format steps least
	head -c 50000000 /dev/urandom >"$tree/big"
	for format in tar.gz squashfs erofs ext4 oci; do
		# the longer one waits, the more there is
		script -qec "'$CROSSROOT' export one '$out/x.$format'" /dev/null >"$out/said"
		steps=$(grep -ao '[0-9]* files  [0-9]* MiB' "$out/said" | sort -u | wc -l)
		echo "$format: $steps"
		# mkfs.erofs alone is slow on every machine
		least=2
		[ $format != erofs ] || least=5
		[ "$steps" -ge $least ]
		grep -aq "files  [1-9][0-9]* MiB" "$out/said"
		run "$CROSSROOT" export one "$out/x.$format" --force
		[ -z "$output" ]
	done
}

@test "what is there is not lost" {
	echo precious >"$out/x.tar"
	run "$CROSSROOT" export one "$out/x.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"File exists"*"--force"* ]]
	[ "$(cat "$out/x.tar")" = precious ]
	"$CROSSROOT" export one "$out/x.tar" --force
	tar -tf "$out/x.tar" >/dev/null
	# nothing but a file for a file, nothing but a layout for a layout
	mkdir "$out/d.tar" "$out/d.oci"
	echo precious >"$out/d.oci/file"
	echo precious >"$out/f.oci"
	mkfifo "$out/p.tar"
	ln -s x.tar "$out/l.tar"
	for name in d.tar d.oci f.oci p.tar l.tar; do
		run "$CROSSROOT" export one "$out/$name" --force
		[ "$status" -eq 1 ]
		[[ $output == *"File exists"*"hint: there is something"* ]]
	done
	[ "$(cat "$out/d.oci/file")" = precious ]
	[ -p "$out/p.tar" ]
	rm -r "$out/d.oci"
	"$CROSSROOT" export one "$out/d.oci"
	touch "$out/d.oci/more"
	"$CROSSROOT" export one "$out/d.oci/" --force
	[ ! -e "$out/d.oci/more" ]
	[ -z "$(find "$out" -name '.*')" ]
}

@test "a file system without RENAME_NOREPLACE will do" {
	command -v fuse2fs >/dev/null || skip_or_fail "fuse2fs is missing"
	truncate -s 200M "$BATS_TEST_TMPDIR/fs"
	mkfs.ext4 -qF "$BATS_TEST_TMPDIR/fs"
	fuse2fs "$BATS_TEST_TMPDIR/fs" "$out" -o fakeroot || skip_or_fail "no FUSE here"
	run no_replace
	umount "$out"
	echo "$output"
	[ "$status" -eq 0 ]
}

no_replace() {
	set -eux
	"$CROSSROOT" export one "$out/x.tar"
	! "$CROSSROOT" export one "$out/x.tar" || return 1
	"$CROSSROOT" export one "$out/x.tar" --force
	tar -tf "$out/x.tar" | grep bin/sh
	"$CROSSROOT" export one "$out/x.oci"
	! "$CROSSROOT" export one "$out/x.oci" || return 1
	! "$CROSSROOT" export one "$out/x.oci" --force 2>"$BATS_TEST_TMPDIR/said" || return 1
	grep 'hint: this file system cannot exchange' "$BATS_TEST_TMPDIR/said"
	[ -f "$out/x.oci/index.json" ]
	[ "$(ls -A "$out")" = $'lost+found\nx.oci\nx.tar' ]
}

# The files of a root may be outside its directory, and those of its base its own too.
elsewhere_too() {
	local dir=$BATS_TEST_TMPDIR/elsewhere files name at
	mkdir -p "$dir" "$BATS_TEST_TMPDIR/bound"
	tar -C "$dir" -xf "$BATS_TEST_TMPDIR/stage.tar.gz"
	"$CROSSROOT" create out --root "$dir" --no-setup
	mkdir "$dir.base"
	tar -C "$dir.base" -xf "$BATS_TEST_TMPDIR/stage.tar.gz"
	"$CROSSROOT" create upon --base "$dir.base" --no-setup
	for name in out upon; do
		files=$dir
		[[ $name == out ]] || files=$dir.base
		for at in "$files" "$files/tmp"; do
			run "$CROSSROOT" export "$name" "$at/x.tar"
			[ "$status" -eq 2 ]
			[[ $output == *"'$at/x.tar' would be in the root itself"* ]]
		done
	done
	# by another name
	run unshare -m sh -c 'mount --bind "$1" "$2" && "$3" export out "$2/tmp/x.tar"' sh \
		"$dir" "$BATS_TEST_TMPDIR/bound" "$CROSSROOT"
	[ "$status" -eq 2 ]
	[[ $output == *"in the root itself"* ]]
	"$CROSSROOT" destroy upon
	"$CROSSROOT" create upon --base out --no-setup
	"$CROSSROOT" create upon1 --base one --no-setup
	for at in "$dir/tmp" "$tree/tmp" "$CROSSROOT_STATE_DIR/overlays"; do
		name=upon
		[ "$at" != "$tree/tmp" ] || name=upon1
		run "$CROSSROOT" export "$name" "$at/x.tar"
		[ "$status" -eq 2 ]
		[[ $output == *"in the root itself"* ]]
	done
	"$CROSSROOT" destroy upon
	"$CROSSROOT" destroy upon1
	"$CROSSROOT" destroy out
	[ -z "$(find "$dir" "$tree" -name '*x.tar*')" ]
}

@test "what cannot be is said" {
	run "$CROSSROOT" export one "$out/x.zip"
	[ "$status" -eq 2 ]
	[[ $output == *"does not say what format"*"squashfs"* ]]
	run "$CROSSROOT" export one "$out/x.tar" --format zip
	[ "$status" -eq 2 ]
	[[ $output == *"no format 'zip'"* ]]
	run "$CROSSROOT" export none "$out/x.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"there is no root 'none'"* ]]
	run "$CROSSROOT" export one "$out/no/x.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"open directory '$out/no'"* ]]
	run "$CROSSROOT" export one "$tree/tmp/x.tar"
	[ "$status" -eq 2 ]
	[[ $output == *"in the root itself"* ]]
	elsewhere_too
	for epoch in x -1 1e3 99999999999999999999; do
		run env SOURCE_DATE_EPOCH=$epoch "$CROSSROOT" export one "$out/x.tar"
		[ "$status" -eq 2 ]
		[[ $output == *"SOURCE_DATE_EPOCH is '$epoch'"* ]]
	done
	for format in squashfs erofs ext4; do
		run env PATH=/nonexistent "$CROSSROOT" export one "$out/x.$format"
		[ "$status" -eq 1 ]
		[[ $output == *"No such file"*"the package is"* ]]
	done
	mkdir -p "$tree/var/.wh.dir"
	for format in oci oci.tar; do
		run "$CROSSROOT" export one "$out/x.$format"
		[ "$status" -eq 1 ]
		[[ $output == *"'/var/.wh.dir' cannot be in an OCI image"* ]]
	done
	[ -z "$(ls -A "$out")" ]
	"$CROSSROOT" export one - --format tar | tar -t | grep -x ./var/.wh.dir/
	rmdir "$tree/var/.wh.dir"
	mkdir -p "$tree/mnt"
	for format in tar squashfs; do
		run unshare -m sh -c 'mount -t tmpfs none "$1/mnt" && "$2" export one "$3"' sh \
			"$tree" "$CROSSROOT" "$out/x.$format"
		[ "$status" -eq 1 ]
		[[ $output == *"something is mounted on '/mnt'"* ]]
	done
	[ -z "$(ls -A "$out")" ]
}

# hold NAME: run in it until there is a line in $BATS_TEST_TMPDIR/go.
hold() {
	mkfifo "$BATS_TEST_TMPDIR/go"
	"$CROSSROOT" run "$1" -- /bin/sh -c 'echo up; read x' \
		<>"$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/said" &
	for _ in $(seq 100); do
		grep -q up "$BATS_TEST_TMPDIR/said" && break
		sleep 0.05
	done
}

@test "the base of other roots is exported while none of them is in use" {
	"$CROSSROOT" export one "$out/before.tar"
	"$CROSSROOT" create upon --base one --no-setup
	"$CROSSROOT" run upon -- /bin/sh -c 'echo new >/new'
	"$CROSSROOT" export one "$out/after.tar"
	cmp "$out/before.tar" "$out/after.tar"
	"$CROSSROOT" export upon - --format tar | tar -t | grep -x ./new
	hold upon
	run "$CROSSROOT" export one "$out/x.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"root 'one' is in use"* ]]
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	# what could change it still cannot be
	run "$CROSSROOT" run one -- /bin/sh -c true
	[ "$status" -ne 0 ]
	[[ $output == *"root 'one' is the base of 'upon'"* ]]
	"$CROSSROOT" destroy upon
}

@test "a root in use is not exported" {
	hold one
	run "$CROSSROOT" export one "$out/x.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"root 'one' is in use"* ]]
	echo >"$BATS_TEST_TMPDIR/go"
	wait
}

@test "nothing that a run needs is in it, nor a socket" {
	"$CROSSROOT" export one "$out/before.tar"
	# what a run of a foreign root leaves, and what was left of a run otherwise
	mkdir -p "$tree/run/crossroot/native"
	echo x >"$tree/run/crossroot/native/file"
	loader=$tree/lib64/ld-linux-x86-64.so.2
	[ -s "$loader" ]
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
		"$tree/tmp/sock"
	"$CROSSROOT" export one "$out/x.tar"
	tar -tf "$out/x.tar" | grep -q lib64/ld-linux
	[[ ! $(tar -tf "$out/x.tar") =~ crossroot|sock ]]
	"$CROSSROOT" export one "$out/x.sqfs"
	unsquashfs -q -n -d "$out/un" "$out/x.sqfs"
	[ -s "$out/un/lib64/ld-linux-x86-64.so.2" ]
	[ -z "$(find "$out/un" -name crossroot -o -name sock)" ]
}

@test "a killed export leaves what the next one deletes" {
	head -c 8000000 /dev/urandom >"$tree/big"
	for i in $(seq 20); do
		format=$(sed -n "$((i % 5 + 1))p" <<<$'tar\ntar.xz\noci\next4\noci.tar')
		"$CROSSROOT" export one "$out/x.$format" &
		pid=$!
		sleep "0.0$((i * 3 % 10))"
		# it may have ended
		kill -9 $pid || true
		wait $pid || true
		# not whole, or whole
		if [ -e "$out/x.$format" ]; then
			[ -z "$(find "$out" -name '.*')" ]
		fi
		for _ in $(seq 50); do
			! pgrep -f "mkfs.ext4.*$out" >/dev/null && break
			sleep 0.1
		done
		"$CROSSROOT" export one "$out/x.$format" --force
		[ "$(ls -A "$out")" = "x.$format" ]
		rm -r "$out/x.$format"
	done
}

@test "what another program called FILE's partial stays" {
	local temp=$out/.x.tar.crossroot-partial
	mkdir "$temp" "$out/.x.tar.partial"
	echo precious >"$temp/file"
	run "$CROSSROOT" export one "$out/x.tar"
	[ "$status" -eq 1 ]
	[[ $output == *"File exists"*"was not made by export"* ]]
	[ "$(cat "$temp/file")" = precious ]
	# one of ours, but FILE is refused before anything is deleted
	setfattr -n user.crossroot.partial "$temp"
	echo precious >"$out/x.tar"
	run "$CROSSROOT" export one "$out/x.tar"
	[ "$status" -eq 1 ]
	[ "$(cat "$temp/file")" = precious ]
	"$CROSSROOT" export one "$out/x.tar" --force
	[ ! -e "$temp" ]
	[ -d "$out/.x.tar.partial" ]
}

@test "what a killed .oci.tar left goes with the next export to that file" {
	local temp=$out/.x.img.layout.crossroot-partial
	head -c 30000000 /dev/urandom >"$tree/big"
	"$CROSSROOT" export one "$out/x.img" --format oci.tar &
	pid=$!
	for _ in $(seq 500); do
		[ ! -s "$temp/blobs/sha256/layer" ] || break
		sleep 0.01
	done
	kill -9 $pid
	wait $pid || true
	[ -s "$temp/blobs/sha256/layer" ]
	"$CROSSROOT" export one "$out/x.img" --format tar
	[ "$(ls -A "$out")" = x.img ]
}

@test "a full disk is said, and leaves nothing" {
	head -c 8000000 /dev/urandom >"$tree/big"
	for format in tar tar.gz squashfs erofs ext4 oci oci.tar; do
		run unshare -m sh -c 'mount -t tmpfs -o size=4m none "$1" &&
			"$2" export one "$1/x.$3" 2>&1; echo "status $?"; ls -A "$1"' sh \
			"$out" "$CROSSROOT" "$format"
		[[ $output == *"No space left"* || $output == *"failed"* ]]
		[ "${lines[-1]}" = "status 1" ]
	done
}
