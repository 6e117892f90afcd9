#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# The cache of stages, what is chosen from a mirror, and what is compared after unpacking.

load helper

setup() {
	setup_mirror
	FILE=$(stage_file "$ARM64")
}

@test "two at once fetch once" {
	local pids=() i
	publish "$ARM64"
	start_nginx "$MIRROR" "limit_rate 400k;"
	for i in 1 2 3; do
		"$CROSSROOT" create "r$i" --target "${TUPLE[$ARM64]}" --mirror "$URL" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[[ $(grep -c 'GET .*tar.xz HTTP' "$ACCESS") -eq 1 ]]
	[[ $("$CROSSROOT" list | wc -l) -eq 3 ]]
	for i in 1 2 3; do
		"$CROSSROOT" destroy "r$i"
	done
}

@test "what is in the cache is not fetched again, a newer one is" {
	publish "$ARM64"
	start_nginx "$MIRROR"
	fetch "$ARM64"
	fetch "$ARM64"
	[[ $(grep -c 'GET .*tar.xz HTTP' "$ACCESS") -eq 1 ]]
	publish "$ARM64" 20260608T170000Z
	fetch "$ARM64"
	[[ $(grep -c 'GET .*tar.xz HTTP' "$ACCESS") -eq 2 ]]
	[[ $("$CROSSROOT" stage list | wc -l) -eq 2 ]]
	"$CROSSROOT" stage list --json | jq -e 'length == 2 and (.[0] | .variant == "'"$ARM64"'" and
		.date == "'"$DATE"'" and .verified and .size > 0 and (.path | startswith("/")))'
}

@test "prune keeps the newest, and what another works on" {
	local date names
	for date in 20260601T170000Z 20260608T170000Z 20260615T170000Z; do
		publish "$ARM64" "$date"
		fetch "$ARM64"
	done
	publish "$ARMHF"
	fetch "$ARMHF"
	echo half >"$STAGES/$ARM64-20260622T170000Z.tar.xz.part"
	echo half >"$STAGES/$ARM64-20260629T170000Z.tar.xz.part"
	exec 9>"$STAGES/.lock-$ARM64-20260629T170000Z.tar.xz"
	flock 9
	"$CROSSROOT" stage prune --keep 2
	[[ $("$CROSSROOT" stage list | wc -l) -eq 3 ]]
	"$CROSSROOT" stage prune
	names=$(ls "$STAGES")
	diff - <<<"$names" <(sort <<-NAMES
		$ARM64-20260615T170000Z.tar.xz
		$ARM64-20260615T170000Z.tar.xz.DIGESTS
		$ARM64-20260629T170000Z.tar.xz.part
		$ARMHF-$DATE.tar.xz
		$ARMHF-$DATE.tar.xz.DIGESTS
	NAMES
	)
	exec 9>&-
	"$CROSSROOT" stage verify
	# what was seen is remembered
	[[ $(<"$STAGES/.seen-$ARM64") == 20260615T170000Z ]]
	run "$CROSSROOT" stage prune --keep x
	[[ $status -eq 2 ]]
}

@test "a cache that others may write to" {
	publish "$ARM64"
	mkdir -m 777 "$STAGES"
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"others may write"* ]]
	chmod 1777 "$STAGES"
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"others may write"* ]]
	chmod 755 "$STAGES"
	chown nobody "$STAGES"
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"others may write"* ]]
	# nor may they put another in its place
	local above=$BATS_TEST_TMPDIR/above
	mkdir -p "$above/x"
	configure stage_cache "$above/x/stages"
	chmod 777 "$above"
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"others may write to '$above'"* ]]
	chmod 755 "$above"
	chown nobody "$above"
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"others may write to '$above'"* ]]
	chown root "$above"
	# as /tmp is
	chmod 1777 "$above"
	ln -s "$above/x" "$BATS_TEST_TMPDIR/link"
	configure stage_cache "$BATS_TEST_TMPDIR/link/stages"
	[[ $(fetch "$ARM64") == "$above"/x/stages/* ]]
}

@test "a stage whose CHOST is another" {
	TREES=$BATS_TEST_TMPDIR/trees
	mkdir "$TREES"
	cp -a "$BATS_FILE_TMPDIR/trees/$ARM64" "$TREES"
	local tree=$TREES/$ARM64
	create() { "$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR"; }
	echo aarch64-gentoo-linux-musl >"$tree/var/db/pkg/sys-libs/glibc-2.36/CHOST"
	publish "$ARM64" 20260602T000000Z
	run create
	[[ $status -eq 1 && $output == *"CHOST is 'aarch64-gentoo-linux-musl', not"* ]]
	# where the database does not say it, make.conf does
	rm -r "$tree/var/db"
	echo 'CHOST="aarch64-other-linux-gnu"  # mine' >>"$tree/etc/portage/make.conf"
	publish "$ARM64" 20260603T000000Z
	run create
	[[ $status -eq 1 && $output == *"CHOST is 'aarch64-other-linux-gnu', not"* ]]
	echo "CHOST=${TUPLE[$ARM64]}" >>"$tree/etc/portage/make.conf"
	publish "$ARM64" 20260604T000000Z
	create
	"$CROSSROOT" destroy r
	sed -i /CHOST/d "$tree/etc/portage/make.conf"
	publish "$ARM64" 20260605T000000Z
	run create
	[[ $status -eq 1 && $output == *"does not say its CHOST"* ]]
	[[ -z $("$CROSSROOT" list) ]]
}

@test "a stage whose programs are for another machine" {
	TREES=$BATS_TEST_TMPDIR/trees
	mkdir "$TREES"
	cp -a "$BATS_FILE_TMPDIR/trees/$ARMHF" "$TREES/$ARM64"
	dress "$ARM64" "$TREES/$ARM64"
	publish "$ARM64"
	run "$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR"
	[[ $status -eq 1 && $output == *"the stage holds arm programs"* ]]
	[[ -z $("$CROSSROOT" list) ]]
}

@test "a stage whose profile is another" {
	TREES=$BATS_TEST_TMPDIR/trees
	mkdir "$TREES"
	cp -a "$BATS_FILE_TMPDIR/trees/$ARM64" "$TREES"
	local profile=$TREES/$ARM64/etc/portage/make.profile nr=10 want what
	create() { "$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR"; }
	while read -r want what; do
		rm -rf "$profile"
		case $what in
		none) ;;
		dir:*) mkdir "$profile"; echo "${what#dir:}" >"$profile/parent" ;;
		*) ln -s "$what" "$profile" ;;
		esac
		publish "$ARM64" "202606$((nr++))T000000Z"
		run create
		[[ $status -eq $want ]] || { echo "$what: $status $output" >&2; return 1; }
		[[ $status -eq 0 || $output == *profile* ]]
		[[ $status -ne 0 ]] || "$CROSSROOT" destroy r
	done <<-'PROFILES'
		1 ../../var/db/repos/gentoo/profiles/default/linux/arm64/17.0
		1 ../../var/db/repos/gentoo/profiles/default/linux/arm64/23.0/systemd
		1 ../../var/db/repos/gentoo/profiles/default/linux/arm64/23.0x
		1 none
		1 dir:gentoo:default/linux/amd64/23.0
		0 dir:gentoo:default/linux/arm64/23.0
		0 ../../var/db/repos/gentoo/profiles/default/linux/arm64/23.0/split-usr
	PROFILES
}

@test "the variant, the init system" {
	local v
	for v in stage3-arm64-systemd stage3-arm64-desktop-systemd; do
		ARCHDIR[$v]=arm64 TUPLE[$v]=${TUPLE[$ARM64]} PROFILE[$v]=arm64/23.0/systemd
		TREES=$BATS_TEST_TMPDIR/trees
		mkdir -p "$TREES"
		cp -a "$BATS_FILE_TMPDIR/trees/$ARM64" "$TREES/$v"
		dress "$v" "$TREES/$v"
		publish "$v"
	done
	"$CROSSROOT" create r1 --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" --init systemd
	"$CROSSROOT" create r2 --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" \
		--variant stage3-arm64-desktop-systemd
	[[ $("$CROSSROOT" info r1 --json | jq -r .stage.variant) == stage3-arm64-systemd ]]
	[[ $("$CROSSROOT" info r2 --json | jq -r .stage.variant) == stage3-arm64-desktop-systemd ]]
	"$CROSSROOT" destroy r1
	"$CROSSROOT" destroy r2
}

@test "what is asked wrongly, is said before anything is fetched" {
	local target=(--target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR")
	usage() {
		run "$CROSSROOT" "${@:2}"
		[[ $status -eq 2 && $output == *"$1"* ]] || { echo "$status $output" >&2; return 1; }
	}
	usage "needs --stage FILE, or --target" create r
	usage "vax" create r --target vax-dec-ultrix
	usage "neither openrc nor systemd" create r "${target[@]}" --init runit
	usage "no stage's name" create r "${target[@]}" --variant ../x
	usage "cannot name a root" create a/b "${target[@]}"
	usage "no URL of a mirror" create r "${target[@]}" --mirror ftp://x
	usage "--variant is for" create r --stage x --variant stage3-arm64-openrc
	usage "usage:" stage what
	usage "usage:" stage list more
	publish "$ARM64"
	"$CROSSROOT" create r "${target[@]}"
	usage "when a root is created" plan r --native-root stage
	run "$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror http://127.0.0.1:1
	[[ $status -eq 1 && $output == *"there is a root 'r' already"* ]]
	"$CROSSROOT" destroy r
}

@test "a native root of the same date, unpacked once" {
	local native
	publish "$ARM64"
	publish "$AMD64"
	# a newer one for this machine only
	publish "$AMD64" 20260608T170000Z
	start_nginx "$MIRROR"
	"$CROSSROOT" create a --target "${TUPLE[$ARM64]}" --mirror "$URL" --native-root stage
	"$CROSSROOT" create b --target "${TUPLE[$ARM64]}" --mirror "$URL" --native-root stage
	native=$("$CROSSROOT" info a --json | jq -r .native_root)
	[[ $native == "$CROSSROOT_STATE_DIR/natives/$AMD64-$DATE/tree" ]]
	[[ $("$CROSSROOT" info b --json | jq -r .native_root) == "$native" ]]
	[[ $(stat -c %a "$CROSSROOT_STATE_DIR/natives") == 700 ]]
	"$native/bin/sh" -c 'exit 0'
	[[ $(grep -c "GET .*$AMD64.*tar.xz HTTP" "$ACCESS") -eq 1 ]]
	# used by b still, then by none
	"$CROSSROOT" destroy a
	"$CROSSROOT" stage prune
	[[ -d $native ]]
	"$CROSSROOT" destroy b
	run "$CROSSROOT" stage prune
	[[ $output == *"removed $AMD64-$DATE"* && ! -e $native ]]
	[[ -z $(ls "$CROSSROOT_STATE_DIR/natives") ]]
	# of another date where there is none of that one
	"$CROSSROOT" stage prune --keep 0
	rm -r "$(autobuilds "$AMD64")/$DATE"
	"$CROSSROOT" create a --target "${TUPLE[$ARM64]}" --mirror "$URL" --native-root stage
	native=$("$CROSSROOT" info a --json | jq -r .native_root)
	[[ $native == *"/natives/$AMD64-20260608T170000Z/tree" ]]
	"$CROSSROOT" destroy a
	# and for a stage that was given, by its name
	cp "$FILE" "$BATS_TEST_TMPDIR"
	publish "$AMD64"
	publish "$AMD64" 20260615T170000Z
	"$CROSSROOT" create a --stage "$BATS_TEST_TMPDIR/${FILE##*/}" --mirror "$URL" --native-root stage
	native=$("$CROSSROOT" info a --json | jq -r .native_root)
	[[ $native == *"/natives/$AMD64-$DATE/tree" ]]
	"$CROSSROOT" destroy a
}

@test "a native root that is killed half-way is none" {
	local pid
	publish "$ARM64"
	publish "$AMD64"
	fetch "$AMD64"
	fetch "$ARM64"
	# killed at some moment of it; whatever there is then, the next one works
	for pause in 0.05 0.1 0.15 0.2; do
		"$CROSSROOT" create a --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" \
			--native-root stage 3>&- &
		pid=$!
		sleep "$pause"
		kill -9 $pid 2>/dev/null || :
		wait $pid || :
		"$CROSSROOT" destroy a 2>/dev/null || :
		[[ ! -d $CROSSROOT_STATE_DIR/natives/$AMD64-$DATE ]] ||
			cmp "$CROSSROOT_STATE_DIR/natives/$AMD64-$DATE/tree/noise" "$TREES/$AMD64/noise"
	done
	"$CROSSROOT" create a --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" --native-root stage
	cmp "$CROSSROOT_STATE_DIR/natives/$AMD64-$DATE/tree/noise" "$TREES/$AMD64/noise"
	"$CROSSROOT" destroy a
	"$CROSSROOT" stage prune
	[[ -z $(ls -A "$CROSSROOT_STATE_DIR/natives") ]]
}

@test "two at once unpack one native root once, and do not wait for each other's root" {
	local pids=() i
	publish "$ARM64"
	publish "$AMD64"
	for i in 1 2 3; do
		"$CROSSROOT" create "r$i" --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" \
			--native-root stage 3>&- &
		pids+=($!)
	done
	# as a run of prune does
	"$CROSSROOT" stage prune --keep 5
	for i in "${pids[@]}"; do
		wait "$i"
	done
	for i in 1 2 3; do
		[[ -d $("$CROSSROOT" info "r$i" --json | jq -r .native_root) ]]
		"$CROSSROOT" destroy "r$i"
	done
	# one that is used by a create that has no root yet
	exec 9<"$CROSSROOT_STATE_DIR/natives/.lock-$AMD64-$DATE"
	flock --shared 9
	"$CROSSROOT" stage prune
	[[ -d $CROSSROOT_STATE_DIR/natives/$AMD64-$DATE/tree ]]
	"$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" --native-root stage
	exec 9<&-
	"$CROSSROOT" destroy r
}

@test "prune asks who uses a native root when it is that one's turn" {
	local natives=$CROSSROOT_STATE_DIR/natives pid
	publish "$ARM64"
	"$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR"
	mkdir -p "$natives"/{aaa,bbb,ccc}/tree
	seq -f "$natives/aaa/tree/%.0f" 50000 | xargs touch
	"$CROSSROOT" stage prune 3>&- &
	pid=$!
	# stopped while it deletes the first one: then the second one gets its root
	until [[ ! -e $natives/aaa ]]; do :; done
	kill -STOP $pid
	[[ -e $natives/.creating-aaa && -e $natives/bbb ]]
	echo "native_root = $natives/bbb/tree" >>"$CROSSROOT_STATE_DIR/roots/r/root.conf"
	kill -CONT $pid
	wait $pid
	[[ -d $natives/bbb/tree && ! -e $natives/.creating-aaa && ! -e $natives/ccc ]]
	"$CROSSROOT" destroy r
	# the machine's settings name one as well, and by what way does not matter
	ln -s "$natives" "$BATS_TEST_TMPDIR/link"
	configure native_root "$BATS_TEST_TMPDIR/link/bbb/tree"
	"$CROSSROOT" stage prune
	[[ -d $natives/bbb/tree ]]
	configure
	"$CROSSROOT" stage prune
	[[ -z $(ls -A "$natives") ]]
}
