#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Overlays: bases, clones, snapshots, what changed.

load helper

# milliseconds CMD...: how long it takes, the best of five
milliseconds() {
	local best=999999 i start took
	for i in {1..5}; do
		start=${EPOCHREALTIME/[.,]/}
		"${@//%/$i}" >&2
		took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
		((took >= best)) || best=$took
	done
	echo "$best"
}

@test "each kind of base: directory, image, root; none of them is written to" {
	local base before
	before=$(find "$SMALL" -printf '%p %m %U %G %s %T@\n' | sort | sha256sum)
	mksquashfs "$SMALL" "$BATS_TEST_TMPDIR/b.sqfs" -quiet -no-progress >/dev/null
	mkfs.erofs --quiet "$BATS_TEST_TMPDIR/b.erofs" "$SMALL" >/dev/null 2>&1 ||
		mkfs.erofs "$BATS_TEST_TMPDIR/b.erofs" "$SMALL" >/dev/null
	chmod 444 "$BATS_TEST_TMPDIR"/b.*
	sha256sum "$BATS_TEST_TMPDIR"/b.* >"$BATS_TEST_TMPDIR/sums"
	for base in dir image tmpfs; do
		make_root $base r-$base
	done
	for base in "$SMALL" "$BATS_TEST_TMPDIR/b.sqfs" "$BATS_TEST_TMPDIR/b.erofs" r-dir r-image r-tmpfs; do
		cr create o --base "$base"
		in_root o 'rm /etc/passwd; echo new >/etc/new; mv /usr/bin/env /usr/bin/env2'
		[ "$(in_root o 'cat /etc/new; ls /usr/bin/env2')" = "new
/usr/bin/env2" ]
		[ "$(cr diff o)" = "A /etc/new
D /etc/passwd
D /usr/bin/env
A /usr/bin/env2" ]
		cr destroy o
		check_loops
	done
	for base in dir image tmpfs; do
		[ "$(in_root r-$base 'cat /etc/passwd')" = "root:x:0:0::/root:/bin/sh" ]
	done
	sha256sum --quiet -c "$BATS_TEST_TMPDIR/sums"
	[ "$(find "$SMALL" -printf '%p %m %U %G %s %T@\n' | sort | sha256sum)" = "$before" ]
}

@test "the top of an overlay has the base's owner and mode" {
	cp -a "$SMALL" "$BATS_TEST_TMPDIR/base"
	chmod 2751 "$BATS_TEST_TMPDIR/base"
	chown 12:34 "$BATS_TEST_TMPDIR/base"
	cr create o --base "$BATS_TEST_TMPDIR/base"
	[ "$(in_root o 'stat -c "%a %u %g" /')" = "2751 12 34" ]
	in_root o 'touch /root/x; chmod 700 /'
	cr snapshot o
	cr clone o c
	[ "$(in_root c 'stat -c "%a %u %g" /')" = "2700 12 34" ]
	cr rollback o 0
	[ "$(in_root o 'stat -c "%a %u %g" /')" = "2751 12 34" ]
	rm -r "$BATS_TEST_TMPDIR/base"
	fails "the base" in_root o true
}

@test "a root that is a base is neither run nor destroyed, and says for whom" {
	make_root dir b
	cr create one --base b
	cr create two --base b
	fails "root 'b' is the base of 'one', 'two'" in_root b true
	fails "root 'b' is the base of 'one', 'two'" cr destroy b
	fails "root 'b' is the base of 'one', 'two'" cr setup b
	cr clone b copy
	in_root copy true
	cr destroy one
	cr destroy two
	in_root b true
	# nor does it become one while it runs
	start b 'echo ready; sleep 100'
	fails "in use" cr create one --base b
}

@test "a root that cannot be read may need any other: none is taken for unused" {
	local img=$BATS_TEST_TMPDIR/img
	make_root dir b
	make_root dir other
	cr create o --base b
	in_root o 'echo kept >/root/x'
	cp "$STATE/roots/o/storage" "$BATS_TEST_TMPDIR/storage"
	echo 'nonsense = 1' >>"$STATE/roots/o/storage"
	fails "root 'o': " cr destroy b
	[[ $output == *"crossroot destroy o"* ]]
	fails "root 'o': " in_root b true
	truncate -s 32M "$img"
	mkfs.ext4 -q -d "$SMALL" "$img"
	fails "root 'o': " cr create i --image "$img"
	fails "root 'o': " cr create i --base "$img"
	fails "root 'o': " cr create i --root "$BATS_TEST_TMPDIR/dir" --stage "$STAGE"
	cr info b | grep -q '^name  *b$'
	# mended, all is there
	cp "$BATS_TEST_TMPDIR/storage" "$STATE/roots/o/storage"
	[ "$(in_root o 'cat /root/x')" = kept ]
	# and that root itself can go
	echo 'nonsense = 1' >>"$STATE/roots/o/storage"
	cr destroy o
	cr destroy b
	[ -z "$(ls "$STATE/overlays")" ]
}

@test "no base that a root writes to: its tree in the state directory, its --root" {
	local dir=$BATS_TEST_TMPDIR/dir
	make_root dir b
	fails "cannot be a base" cr create o --base "$STATE/roots/b/tree"
	[[ $output == *"--base NAME"* ]]
	fails "cannot be a base" cr create o --base "$STATE"
	cr create d --root "$dir" --stage "$STAGE"
	ln -s dir "$dir.link"
	fails "has the files of root 'd'" cr create o --base "$dir.link"
	[[ $output == *"--base d"* ]]
	fails "has the files of root 'd'" cr create o --base "$dir/usr"
	[ "$(names | xargs)" = "b d" ]
	cr create o --base d
	in_root o true
}

@test "a root is put upon a base while others upon it run" {
	local kind
	for kind in dir image tmpfs; do
		make_root $kind b
		cr create one --base b
		start one 'echo one >/root/x; echo ready; sleep 100'
		cr create two --base b
		[ "$(in_root two 'echo /root/*; echo two >/root/x; cat /root/x')" = "/root/*
two" ]
		[ "$(in_root one 'cat /root/x')" = one ]
		fails "is in use" cr destroy b
		stop_started
		cr destroy two
		until cr destroy one 2>/dev/null; do sleep 0.05; done
		in_root b true
		cr destroy b
	done
}

@test "an image that is a base of two running overlays is mounted once" {
	make_root image b
	cr create one --base b
	cr create two --base b
	start one 'echo ready; sleep 100'
	start two 'echo ready; sleep 100'
	[ "$(losetup -a | grep -c "$STATE")" = 1 ]
	fails "in use" cr destroy b
	# the second joined the first for the base, and holds nothing else of it
	grep -q "$STATE/roots/b/tree" "/proc/${started[1]}/mountinfo"
	! grep "$STATE/roots/one" "/proc/${started[1]}/mountinfo" || return 1
	kill -9 "${started[0]}"
	wait "${started[0]}" || :
	# what it left has to die first
	for _ in {1..40}; do
		! cr snapshot one 2>/dev/null || break
		sleep 0.05
	done
	[ "$(grep -c '^snapshots' "$STATE/roots/one/storage")" = 2 ]
	in_root one true
}

@test "a clone shares what was there, and nothing that comes after" {
	make_root overlay o
	in_root o 'echo old >/root/old; echo both >/root/both'
	cr clone o c
	in_root o 'echo o >>/root/both; rm /root/old; echo only >/root/o'
	[ "$(in_root c 'cat /root/*')" = "both
old" ]
	in_root c 'echo c >>/root/both'
	[ "$(in_root o 'cat /root/*')" = "both
o
only" ]
	# the shared layers stay while one of the two is there
	cr destroy o
	[ "$(in_root c 'cat /root/*')" = "both
c
old" ]
	[ "$(ls "$STATE/overlays" | wc -l)" = 3 ]
}

@test "a root upon an overlay has its layers, and both can be used" {
	make_root overlay o
	in_root o 'echo old >/root/old'
	cr create n --base o
	in_root o 'echo new >/root/old'
	[ "$(in_root n 'cat /root/old')" = old ]
	cr destroy o
	in_root n 'cat /root/old'
}

@test "a destroy that a mount stands in the way of costs no layer" {
	local pid _
	make_root overlay o
	in_root o 'echo kept >/root/x'
	cr snapshot o
	in_root o 'echo later >/root/y'
	mkdir "$STATE/roots/o/mnt"
	mount -t tmpfs none "$STATE/roots/o/mnt"
	strace -f -qq -o "$BATS_TEST_TMPDIR/calls" -e trace=renameat,renameat2 \
		"$CROSSROOT" destroy o 2>"$BATS_TEST_TMPDIR/err" && return 1
	grep -q "mounted on '$STATE/roots/o/mnt'" "$BATS_TEST_TMPDIR/err"
	grep -q "root 'o' is whole" "$BATS_TEST_TMPDIR/err"
	# it never was without its name, so nobody took its layers for garbage
	[ "$(grep -c deleting "$BATS_TEST_TMPDIR/calls")" = 0 ]
	umount "$STATE/roots/o/mnt"
	[ "$(in_root o 'cat /root/x /root/y')" = "kept
later" ]
	# in memory: what is mounted in it is looked for before it is taken off
	make_root tmpfs m
	mkdir "$STATE/roots/m/tree/mnt"
	mount -t tmpfs none "$STATE/roots/m/tree/mnt"
	fails "root 'm' is whole" cr destroy m
	umount "$STATE/roots/m/tree/mnt"
	in_root m true
	# nor is a layer garbage while a destroy may still be undone
	strace -f -qq -o /dev/null -e trace=renameat -e inject=renameat:delay_exit=3000000:when=1 \
		"$CROSSROOT" destroy m 3>&- &
	pid=$!
	for _ in {1..100}; do
		[[ -e $STATE/roots/.deleting-m ]] && break
		sleep 0.02
	done
	run flock -n -x "$STATE/locks/.stacks" true
	wait $pid
	[ "$status" -ne 0 ]
}

@test "garbage that cannot be deleted is in nobody's way" {
	local dead=$STATE/overlays/.dead-00000000
	make_root overlay o
	mkdir -p "$dead/mnt"
	mount -t tmpfs none "$dead/mnt"
	cr create p --storage overlay --stage "$STAGE" 2>"$BATS_TEST_TMPDIR/err"
	grep -q "warning: a layer that nobody needs is left: .*mounted" "$BATS_TEST_TMPDIR/err"
	in_root o 'echo >/root/x'
	[ "$(cr snapshot o)" = 1 ]
	cr rollback o 0
	cr destroy p
	umount "$dead/mnt"
	cr destroy o
	[ ! -e "$dead" ]
}

@test "clones of a root that was not written to have no more layers than it" {
	local i
	make_root overlay o
	for i in {1..5}; do
		cr clone o c$i
	done
	[ "$(grep -c layers "$STATE/roots/o/storage")" = 1 ]
	[ "$(grep -c layers "$STATE/roots/c5/storage")" = 1 ]
}

@test "directories, images and memory are copied: links, holes, owners, attributes" {
	local kind show
	show='cd /root; cat a; stat -c "%n %a %u %g %h %s %Y" *; stat -c %b sparse'
	for kind in dir image tmpfs; do
		make_root $kind $kind
		in_root $kind 'cd /root; echo a >a; ln a b; ln -s a l; chmod 4711 a; mkdir d
			echo x | dd of=sparse bs=1 seek=5M 2>/dev/null; touch -d @5 d'
		in_root $kind "$show" >"$BATS_TEST_TMPDIR/old"
		cr clone $kind c
		in_root c "$show" | diff "$BATS_TEST_TMPDIR/old" -
		in_root c 'echo c >/root/a'
		[ "$(in_root $kind 'cat /root/a')" = a ]
		cr destroy $kind
		in_root c true
		cr destroy c
	done
}

@test "what is made of a root says of what stage its files are" {
	local kind
	for kind in dir image overlay; do
		make_root $kind o
		printf '[crossroot]\nstage = some-stage.tar\nverified = yes\n' >"$STATE/roots/o/origin"
		cr clone o c
		cmp "$STATE/roots/o/origin" "$STATE/roots/c/origin"
		cr destroy c
		cr run o --ephemeral --keep k --native none -- sh -c 'echo >/root/x'
		cr create b --base o
		cmp "$STATE/roots/o/origin" "$STATE/roots/k/origin"
		cr info b | grep -q '^stage  *some-stage.tar'
		cr destroy k
		cr destroy b
		cr destroy o
	done
}

@test "what is mounted in a root is not copied with it" {
	make_root dir d
	mkdir "$STATE/roots/d/tree/mnt"
	mount -t tmpfs none "$STATE/roots/d/tree/mnt"
	echo >"$STATE/roots/d/tree/mnt/file"
	cr clone d c
	umount "$STATE/roots/d/tree/mnt"
	[ "$(in_root c 'cd /mnt; echo *; ls /usr/bin/env')" = "*
/usr/bin/env" ]
}

@test "a clone has its settings, and its name is not taken" {
	cr create o --storage overlay --stage "$STAGE" --native none --qemu-arg -cpu --qemu-arg max
	cr clone o c
	diff "$STATE/roots/o/root.conf" "$STATE/roots/c/root.conf"
	fails "there is a root 'c' already" cr clone o c
	fails "there is no root 'x'" cr clone x y
	fails "cannot name a root" cr clone o ../x
}

@test "snapshots: taken, gone back to, dropped" {
	make_root overlay o
	in_root o 'echo 0 >/root/n'
	[ "$(cr snapshot o)" = 1 ]
	in_root o 'echo 1 >/root/n; echo >/root/one'
	[ "$(cr snapshot o)" = 2 ]
	in_root o 'echo 2 >/root/n; rm /root/one'
	[ "$(cr diff o)" = "M /root/n
D /root/one" ]
	[ "$(cr diff o 1)" = "M /root/n" ]
	[ "$(cr diff o 0)" = "A /root/n" ]
	cr rollback o
	[ "$(in_root o 'cat /root/n; ls /root')" = "1
n
one" ]
	[ "$(cr diff o)" = "" ]
	cr rollback o 1
	[ "$(in_root o 'cat /root/n; ls /root')" = "0
n" ]
	fails "has no snapshot 2" cr rollback o 2
	cr rollback o 0
	[ "$(in_root o 'ls /root')" = "" ]
	# what nobody can reach is gone
	[ "$(ls "$STATE/overlays" | wc -l)" = 2 ]
	run cr rollback o x
	[ "$status" -eq 2 ]
}

@test "a clone keeps the layers that its origin goes back behind" {
	make_root overlay o
	in_root o 'echo 1 >/root/one'
	cr snapshot o
	in_root o 'echo 2 >/root/two'
	cr clone o c
	cr rollback o 0
	[ "$(in_root o 'ls /root')" = "" ]
	[ "$(in_root c 'cd /root; echo *')" = "one two" ]
}

@test "neither snapshot nor rollback nor clone of a root in use" {
	local cmd
	make_root overlay o
	start o 'echo ready; sleep 100'
	for cmd in "snapshot o" "rollback o" "clone o c"; do
		# shellcheck disable=SC2086 # words
		fails "is in use" cr $cmd
	done
	cr diff o
}

@test "no snapshot without layers: the message says what would have them" {
	make_root dir d
	for cmd in snapshot rollback diff; do
		fails "no overlay" cr $cmd d
		[[ $output == *"--base d"* ]]
	done
}

@test "diff: types, links, directories, times, modes, names of all sorts" {
	make_root overlay o
	in_root o 'cd /root; mkdir -p d/e f gone/x; echo 1 >d/e/file; echo 1 >f/1; echo 1 >gone/x/y
		ln -s a link; echo t >touched; echo m >mode; echo same >same'
	cr snapshot o
	in_root o 'cd /root; mv d moved; rm -r gone; rm -r f; mkdir f; echo 2 >f/2
		rm link; ln -s b link; touch -d @7 touched; chmod 600 mode
		chmod 600 same; chmod 644 same; touch "white space"; rm -r moved/e; echo >moved/e'
	cr diff o >"$BATS_TEST_TMPDIR/got"
	diff - "$BATS_TEST_TMPDIR/got" <<-'WANT'
		D /root/d
		D /root/d/e
		D /root/d/e/file
		D /root/f/1
		A /root/f/2
		D /root/gone
		D /root/gone/x
		D /root/gone/x/y
		M /root/link
		M /root/mode
		A /root/moved
		A /root/moved/e
		M /root/touched
		A /root/white space
	WANT
	[ "$(cr diff o --json | jq -r '.[] | .change + " " + .path')" = "$(<"$BATS_TEST_TMPDIR/got")" ]
}

@test "a hundred layers" {
	local i
	make_root overlay o
	for ((i = 1; i <= 100; i++)); do
		# what a run does, without the time that a hundred take
		echo $i >"$STATE/overlays/$(sed -n 's/^upper = //p' "$STATE/roots/o/storage")/upper/$i"
		[ "$(cr snapshot o)" = $i ]
	done
	[ "$(in_root o 'cat /1 /57 /100')" = "1
57
100" ]
	cr rollback o 57
	[ "$(in_root o 'cd /; ls -d 56 57 58 2>/dev/null || :')" = "56
57" ]
}

@test "as many snapshots as can be mounted, and then it says so" {
	local i n=0 name
	name=$(printf 'n%.0s' {1..200})
	make_root dir b
	cr create o --base b
	for ((i = 1; i <= 230; i++)); do
		mkdir -p "$STATE/overlays/$(printf %08x $i)"/{upper,work}
		printf 'layers = %08x\n' $i >>"$STATE/roots/o/storage"
	done
	while :; do
		echo $n >"$STATE/overlays/$(sed -n 's/^upper = //p' "$STATE/roots/o/storage")/upper/x"
		run cr snapshot o
		[[ $status -eq 0 && $n -lt 100 ]] || break
		n=$((n + 1))
	done
	echo "$output"
	[ "$n" -gt 5 ]
	[[ $output == *"as many as an overlay can have"*"crossroot rollback"* ]]
	# what is there can be used, cloned under the longest name, and written to
	[ "$(in_root o 'cat /x')" = $n ]
	for i in 1 2; do
		cr clone o $name
		[ "$(in_root $name 'cat /x; echo >/y')" = $n ]
		cr destroy $name
		in_root o "echo >/z$i"
	done
	cr rollback o
	in_root o true
}

@test "create upon a base and clone take no time that grows with what is there" {
	local small big copy i
	mkdir "$BATS_TEST_TMPDIR/big"
	cp -a "$SMALL/." "$BATS_TEST_TMPDIR/big"
	mkdir "$BATS_TEST_TMPDIR/big/many"
	for i in {1..40}; do
		mkdir "$BATS_TEST_TMPDIR/big/many/$i"
		(cd "$BATS_TEST_TMPDIR/big/many/$i" && touch {1..500})
	done
	head -c 100000000 /dev/zero >"$BATS_TEST_TMPDIR/big/file"
	sync
	small=$(milliseconds cr create s% --base "$SMALL")
	big=$(milliseconds cr create b% --base "$BATS_TEST_TMPDIR/big")
	echo "# create --base: small $small ms, big $big ms" >&3
	# a copy of what is there takes far more; the machine may have other work
	copy=$(milliseconds cp -a "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/copy%")
	echo "# cp -a: $copy ms" >&3
	[ "$big" -lt $((small * 2 + 100)) ]
	[ "$big" -lt "$copy" ]
	in_root b1 'echo x >/root/x'
	in_root s1 'echo x >/root/x'
	small=$(milliseconds cr clone s1 d%)
	big=$(milliseconds cr clone b1 c%)
	echo "# clone: small $small ms, big $big ms" >&3
	[ "$big" -lt $((small * 2 + 100)) ]
	[ "$big" -lt "$copy" ]
}
