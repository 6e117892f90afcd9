#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images that somebody else made: whole ones, partitions, damaged ones; and resize.

load helper

# make_image FILE TYPE [LABEL]: a small image of that file system with the small tree
make_image() {
	local mnt=$BATS_TEST_TMPDIR/mnt
	rm -f "$1"
	case $2 in
	squashfs) mksquashfs "$SMALL" "$1" -quiet -no-progress >/dev/null && return ;;
	erofs) mkfs.erofs "$1" "$SMALL" >/dev/null && return ;;
	ext4) truncate -s 32M "$1" && mkfs.ext4 -q -L "${3:-}" -d "$SMALL" "$1" && return ;;
	esac
	truncate -s 320M "$1"
	"mkfs.$2" -q "$1"
	mkdir -p "$mnt"
	unshare -m sh -ec 'mount -o loop "$1" "$2"; cp -a "$3/." "$2"' - "$1" "$mnt" "$SMALL"
}

# disk FILE gpt|dos: a disk image of three partitions: swap, a root, nothing
disk() {
	local uuid=
	[[ $2 != gpt ]] || uuid=", name=system, uuid=12345678-AAAA-BBBB-CCCC-123456789ABC"
	truncate -s 64M "$1"
	sfdisk -q "$1" <<-TABLE
		label: $2
		start=2048, size=4096, type=$([[ $2 == gpt ]] && echo S || echo 82)
		start=8192, size=65536$uuid
		start=80000, size=8192
	TABLE
	make_image "$BATS_TEST_TMPDIR/part" ext4 rootfs
	dd if="$BATS_TEST_TMPDIR/part" of="$1" bs=512 seek=8192 conv=notrunc,sparse status=none
}

@test "each file system: used where it is, and left there" {
	local type img=$BATS_TEST_TMPDIR/img
	for type in ext4 xfs btrfs squashfs erofs; do
		if [[ $type == [bx]* ]] && ! { command -v mkfs.$type && grep -qw $type /proc/filesystems; } >/dev/null; then
			echo "# no $type here" >&3
			continue
		fi
		make_image "$img" $type
		cr create i --image "$img"
		[ "$(in_root i 'uname -m')" = aarch64 ]
		grep -qx "type = $type" "$STATE/roots/i/storage"
		if [[ $type == *fs && $type != xfs && $type != btrfs ]]; then
			fails "Read-only file system" in_root i 'echo >/root/x'
			fails "read-only" cr setup i
			cr info i | grep -qx 'storage      image, read-only'
		else
			in_root i 'echo kept >/root/x'
			[ "$(in_root i 'cat /root/x')" = kept ]
			cr clone i c
			in_root c 'echo c >/root/x'
			start i 'cat /root/x; echo ready; sleep 100'
			[ "$(in_root c 'cat /root/x')" = c ]
			grep -q kept "$OUT"
			stop_started
			cr destroy c
		fi
		cr destroy i
		[ -e "$img" ]
		check_loops
	done
}

@test "a partition of a disk image: by number, name, label and uuid; GPT and MBR" {
	local disk=$BATS_TEST_TMPDIR/disk.img which before
	for table in gpt dos; do
		disk "$disk" $table
		before=$(head -c 4M "$disk" | sha256sum; tail -c 20M "$disk" | sha256sum)
		for which in %2 %LABEL:rootfs% %LABEL:system% %PARTUUID:12345678-aaaa-bbbb-cccc-123456789abc%; do
			[[ $table == gpt || $which == %2 || $which == *rootfs* ]] || continue
			cr create i --image "$disk$which"
			[ "$(in_root i 'uname -m; echo >/root/x; echo ok')" = "aarch64
ok" ]
			cr destroy i
		done
		# what is beside the partition is as it was
		[ "$(head -c 4M "$disk" | sha256sum; tail -c 20M "$disk" | sha256sum)" = "$before" ]
		fails "has partitions; say which" cr create i --image "$disk"
		[[ $output == *"1, 2"*3* || $output == *"1, 2 (system), 3"* ]]
		fails "has no partition '4'" cr create i --image "$disk%4"
		[[ $output == *"it has: 1, 2"* ]]
		fails "has no partition 'LABEL:x'" cr create i --image "$disk%LABEL:x%"
		fails "no file system" cr create i --image "$disk%1"
		fails "no file system" cr create i --image "$disk%3"
		run cr create i --image "$disk%x"
		[ "$status" -eq 2 ]
		# a copy of it, which is an image without a table then
		cr create i --image "$disk%2"
		cr clone i c
		[ "$(in_root c 'uname -m')" = aarch64 ]
		[ "$(stat -c %s "$STATE/roots/c/root.img")" = $((65536 * 512)) ]
		cr destroy i
		cr destroy c
		cr create o --base "$disk%2"
		in_root o 'echo >/root/y'
		cr destroy o
	done
}

@test "an image is of one root only, unless nobody writes to it" {
	local img=$BATS_TEST_TMPDIR/img disk=$BATS_TEST_TMPDIR/disk
	make_image "$img" ext4
	ln "$img" "$img.link"
	ln -s img "$img.sym"
	cr create i --image "$img"
	fails "in use by root 'i'" cr create j --image "$img"
	fails "in use by root 'i'" cr create j --image "$img.link"
	fails "in use by root 'i'" cr create j --image "$img.sym"
	fails "in use by root 'i'" cr create j --base "$img"
	cr destroy i
	cr create i --base "$img"
	cr create j --base "$img"
	fails "in use by root 'i'" cr create k --image "$img"
	in_root i true
	# another state directory knows nothing of these, but the image does
	start i 'echo ready; sleep 100'
	fails "in use by another program" cr create x --image "$img" --state-dir "$BATS_TEST_TMPDIR/other"
	stop_started
	# other partitions are other images
	disk "$disk" gpt
	truncate -s 128M "$disk"
	echo 'start=140000, size=65536' | sfdisk -q --append "$disk"
	dd if="$BATS_TEST_TMPDIR/part" of="$disk" bs=512 seek=140000 conv=notrunc,sparse status=none
	cr create p --image "$disk%2"
	fails "in use by root 'p'" cr create q --image "$disk%LABEL:system%"
	cr create q --image "$disk%4"
	start p 'echo p >/root/x; echo ready; sleep 100'
	[ "$(in_root q 'echo q >/root/x; cat /root/x')" = q ]
	[ "$(in_root p 'cat /root/x')" = p ]
	stop_started
	make_image "$BATS_TEST_TMPDIR/s" squashfs
	cr create s --image "$BATS_TEST_TMPDIR/s"
	cr create t --image "$BATS_TEST_TMPDIR/s"
	start s 'echo ready; sleep 100'
	in_root t true
}

@test "what is no root, of another architecture, missing or damaged" {
	local img=$BATS_TEST_TMPDIR/img
	fails "No such file" cr create i --image "$img"
	fails "no regular file" cr create i --image /dev/null
	mkdir "$BATS_TEST_TMPDIR/empty"
	mksquashfs "$BATS_TEST_TMPDIR/empty" "$img" -quiet -no-progress >/dev/null
	fails "no root file system" cr create i --image "$img"
	make_image "$img" ext4
	fails "not what x86_64-pc-linux-gnu needs" cr create i --image "$img" --target x86_64-pc-linux-gnu
	head -c 100000 /dev/urandom >"$img"
	fails "no file system" cr create i --image "$img"
	# the superblock is there and nothing else is right
	make_image "$img" ext4
	dd if=/dev/urandom of="$img" bs=4096 seek=1 count=8000 conv=notrunc status=none
	fails "damaged" cr create i --image "$img"
	make_image "$img" squashfs
	truncate -s 100000 "$img"
	run cr create i --image "$img"
	[ "$status" -eq 1 ]
	[ -z "$(names)" ]
	# one that goes after it was made a root
	make_image "$img" ext4
	cr create i --image "$img"
	rm "$img"
	fails "open the image '$img': No such file" in_root i true
	cr destroy i
	check_loops
}

@test "resize: the image holds more, keeps what it has, and is not made smaller" {
	make_root image i
	in_root i 'echo kept >/root/x'
	fails "No space left" in_root i 'dd if=/dev/zero of=/root/big bs=1M count=80'
	cr resize i 256m
	in_root i 'dd if=/dev/zero of=/root/big bs=1M count=80 2>/dev/null; cat /root/x'
	[ "$(stat -c %s "$STATE/roots/i/root.img")" = $((256 << 20)) ]
	# as a killed one leaves it: the file is larger already
	truncate -s 300M "$STATE/roots/i/root.img"
	cr resize i 300m
	in_root i 'dd if=/dev/zero of=/root/big2 bs=1M count=170 2>/dev/null; rm /root/big*'
	fails "not made smaller" cr resize i 100m
	fails "no size" cr resize i x
	start i 'echo ready; sleep 100'
	fails "is in use" cr resize i 512m
	stop_started
	e2fsck -fn "$STATE/roots/i/root.img" >/dev/null 2>&1
	make_root dir d
	fails "no image that crossroot made" cr resize d 1g
	make_image "$BATS_TEST_TMPDIR/img" ext4
	cr create f --image "$BATS_TEST_TMPDIR/img"
	fails "no image that crossroot made" cr resize f 1g
}

@test "a clone of an image has what was written, also right after a kill" {
	local i
	make_root image i
	for i in 1 2 3; do
		start i "dd if=/dev/urandom of=/root/$i bs=64k count=64 2>/dev/null; cat /root/$i >/root/copy$i
			echo ready; sleep 100"
		kill -9 "$PID"
		wait "$PID" || :
		started=()
		# what it leaves behind may hold the root's lock for a moment
		until cr clone i c$i 2>"$BATS_TEST_TMPDIR/err"; do
			grep -q 'in use' "$BATS_TEST_TMPDIR/err"
			sleep 0.02
		done
		# no journal that has to be replayed, and nothing that is damaged
		! dumpe2fs -h "$STATE/roots/c$i/root.img" 2>/dev/null | grep needs_recovery || return 1
		e2fsck -fn "$STATE/roots/c$i/root.img" >"$BATS_TEST_TMPDIR/fsck" 2>&1
		in_root c$i "stat -c %s /root/$i; cat /root/$i" | cmp - <(in_root i "stat -c %s /root/copy$i; cat /root/copy$i")
	done
}

@test "no clone of an image that somebody else has mounted" {
	local img=$BATS_TEST_TMPDIR/img
	make_image "$img" ext4
	cr create i --image "$img"
	cr create x --image "$img" --state-dir "$BATS_TEST_TMPDIR/other"
	"$CROSSROOT" run x --state-dir "$BATS_TEST_TMPDIR/other" --native none -- \
		sh -c 'echo ready; sleep 100' </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	started+=($!)
	until grep -q ready "$BATS_TEST_TMPDIR/out"; do sleep 0.05; done
	fails "in use by another program" cr clone i c
	[ ! -e "$STATE/roots/.creating-c" ]
	stop_started
}

# two_at_once ARG...: create two roots with these, the first of which is slow; one is made
two_at_once() {
	local pid status=0
	strace -f -qq -o /dev/null -e trace=renameat \
		-e inject=renameat:delay_enter=2500000:when=1+ \
		"$CROSSROOT" create one "$@" >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- &
	pid=$!
	sleep 0.5
	cr create two "$@" >"$BATS_TEST_TMPDIR/two" 2>&1 || status=$?
	wait $pid || { cat "$BATS_TEST_TMPDIR/one"; return 1; }
	cat "$BATS_TEST_TMPDIR/two"
	[[ $status -eq 1 ]]
	grep -q "in use by root 'one'" "$BATS_TEST_TMPDIR/two"
	[ "$(names)" = one ]
	cr destroy one
}

@test "of two commands that create a root of one image or directory, one does" {
	make_image "$BATS_TEST_TMPDIR/img" ext4
	two_at_once --image "$BATS_TEST_TMPDIR/img"
	two_at_once --root "$BATS_TEST_TMPDIR/dir" --stage "$STAGE"
}
