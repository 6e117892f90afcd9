#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is not proved is not kept: each way to be deceived has its own message, and the
# cache has no stage after it.

load helper

setup_file() {
	setup_mirror_file
	make_key stranger
	make_key expired 1d --faked-system-time 20200101T000000!
	make_key revoked
	# the keyring that is trusted has these two as well, and says that one is revoked
	sed 's/^:---/---/' "$KEYS"/revoked/openpgp-revocs.d/*.rev >"$KEYS/revocation"
	cp -r "$KEYS/revoked" "$KEYS/gone"
	gpg_of gone --import "$KEYS/revocation"
	gpg_of gone --armor --export >"$KEYS/gone.asc"
	cat "$KEYS"/{release,expired,gone}.asc >"$KEYS/all.asc"
	export PUBLISHED=$BATS_FILE_TMPDIR/published
	MIRROR=$PUBLISHED
	publish "$ARM64"
	publish "$ARMHF"
}

setup() {
	setup_mirror
	configure keyring "$KEYS/all.asc"
	cp -r "$PUBLISHED/." "$MIRROR"
	AT=$(autobuilds "$ARM64")
	INDEX=$AT/latest-$ARM64.txt
	FILE=$(stage_file "$ARM64")
}

# resigned FILE KEY [GPG-OPTION...]: FILE's text, signed by another
resigned() {
	gpg_of release --yes --output "$1.plain" --decrypt "$1"
	gpg_of "$2" --yes "${@:3}" --clearsign --output "$1" "$1.plain"
}

plain() {
	gpg_of release --yes --output "$1.plain" --decrypt "$1"
	mv "$1.plain" "$1"
}

nothing_cached() { [[ -z $(find "$STAGES" -type f -name "stage*") ]]; }

@test "as it should be" {
	fetch "$ARM64"
	cmp "$STAGES/${FILE##*/}" "$FILE"
}

@test "index and digests: not signed" {
	plain "$INDEX"
	refused "latest-$ARM64.txt' is not signed" fetch "$ARM64"
	cp "$PUBLISHED${INDEX#"$MIRROR"}" "$INDEX"
	plain "$FILE.DIGESTS"
	rm "$FILE.asc"
	refused "neither '${FILE##*/}' nor its digests are signed" fetch "$ARM64"
	nothing_cached
}

@test "index and digests: a key that is not in the keyring" {
	local file
	for file in "$INDEX" "$FILE.DIGESTS"; do
		resigned "$file" stranger
		refused "${file##*/}' is by a key that is not in the keyring" fetch "$ARM64"
		cp "$PUBLISHED${file#"$MIRROR"}" "$file"
	done
	nothing_cached
}

@test "index and digests: a key that has expired" {
	local file
	for file in "$INDEX" "$FILE.DIGESTS"; do
		resigned "$file" expired --faked-system-time 20200101T100000!
		refused "${file##*/}' is by a key that has expired" fetch "$ARM64"
		cp "$PUBLISHED${file#"$MIRROR"}" "$file"
	done
	nothing_cached
}

@test "index and digests: a key that was revoked" {
	local file
	for file in "$INDEX" "$FILE.DIGESTS"; do
		resigned "$file" revoked
		refused "${file##*/}' is by a key that was revoked" fetch "$ARM64"
		cp "$PUBLISHED${file#"$MIRROR"}" "$file"
	done
	nothing_cached
}

@test "index and digests: a signature that has expired" {
	local file
	for file in "$INDEX" "$FILE.DIGESTS"; do
		# a key that is older than the signature
		[[ -d $KEYS/old ]] || make_key old never --faked-system-time 20200101T000000!
		cat "$KEYS"/{release,old}.asc >"$KEYS/with-old.asc"
		configure keyring "$KEYS/with-old.asc"
		resigned "$file" old --faked-system-time 20200101T100000! --default-sig-expire 1d
		refused "${file##*/}' has expired" fetch "$ARM64"
		cp "$PUBLISHED${file#"$MIRROR"}" "$file"
	done
	nothing_cached
}

@test "index and digests: a signature of another text" {
	sed -i "s/^\($DATE.*\) [0-9]*$/\1 12345/" "$INDEX"
	refused "latest-$ARM64.txt' is not a signature of this text" fetch "$ARM64"
	cp "$PUBLISHED${INDEX#"$MIRROR"}" "$INDEX"
	sed -i "s/^.\(.*  stage.*xz\)$/0\1/" "$FILE.DIGESTS"
	refused "${FILE##*/}.DIGESTS' is not a signature of this text" fetch "$ARM64"
	nothing_cached
}

@test "a broken digest under the signature" {
	make_rsa
	configure keyring "$KEYS/rsa.asc"
	gpg_of release --yes --output "$INDEX.plain" --decrypt "$INDEX"
	gpg_of rsa --yes --digest-algo SHA512 --clearsign --output "$INDEX" "$INDEX.plain"
	# with another digest the same key gets further: to the digests, which are release's
	refused "DIGESTS' is by a key that is not in the keyring" fetch "$ARM64"
	# the eleventh is not the first twice over
	gpg_of rsa --yes --digest-algo SHA224 --clearsign --output "$INDEX" "$INDEX.plain"
	refused "DIGESTS' is by a key that is not in the keyring" fetch "$ARM64"
	gpg_of rsa --yes --digest-algo SHA1 --clearsign --output "$INDEX" "$INDEX.plain"
	refused "latest-$ARM64.txt' is of a broken digest" fetch "$ARM64"
}

make_rsa() {
	mkdir -p "$KEYS/rsa"
	chmod 700 "$KEYS/rsa"
	gpg_of rsa --passphrase '' --quick-gen-key rsa@example.org rsa2048 sign never
	gpg_of rsa --armor --export >"$KEYS/rsa.asc"
}

@test "what stands around the signed text says nothing" {
	local evil="$DATE/$ARM64-$DATE.tar.xz 1"
	{ echo "$evil"; cat "$INDEX"; echo "$evil"; } >"$INDEX.new"
	mv "$INDEX.new" "$INDEX"
	fetch "$ARM64"
	cmp "$STAGES/${FILE##*/}" "$FILE"
}

@test "two messages in one" {
	cat "$(autobuilds "$ARMHF")/latest-$ARMHF.txt" "$INDEX" >"$INDEX.new"
	mv "$INDEX.new" "$INDEX"
	refused "latest-$ARM64.txt'" fetch "$ARM64"
	nothing_cached
}

@test "an index that was cut, at every tenth of it" {
	local size i
	size=$(stat -c %s "$INDEX")
	for i in 0 1 2 3 4 5 6 7 8 9; do
		head -c $((size * i / 10)) "$PUBLISHED${INDEX#"$MIRROR"}" >"$INDEX"
		refused "latest-$ARM64.txt'" fetch "$ARM64"
	done
	echo '<html>not here, but come in</html>' >"$INDEX"
	refused "is not signed" fetch "$ARM64"
}

@test "an index that is signed, but says nothing that is understood" {
	local line
	for line in "" "../../etc/passwd 1" "$DATE/$ARM64-$DATE.tar.xz" \
		"$DATE/../$ARM64-$DATE.tar.xz 1"; do
		echo "$line" >"$INDEX"
		clearsign release "$INDEX"
		refused "latest-$ARM64.txt'" fetch "$ARM64"
	done
}

@test "an index older than one that was seen" {
	publish "$ARM64" 20260608T170000Z
	fetch "$ARM64"
	"$CROSSROOT" stage prune --keep 0
	cp "$PUBLISHED${INDEX#"$MIRROR"}" "$INDEX"
	refused "is older than one that was seen before" fetch "$ARM64"
	[[ $output == *"$DATE, that was 20260608T170000Z"* ]]
	# another mirror may be up to date
	local old=$BATS_TEST_TMPDIR/old
	cp -r "$PUBLISHED" "$old"
	publish_index "$ARM64" 20260608T170000Z release
	"$CROSSROOT" stage fetch --target "${TUPLE[$ARM64]}" --mirror "file://$old" \
		--mirror "file://$MIRROR"
}

@test "two that look at once: what was seen is looked at and written by one after the other" {
	local pid
	mkdir "$STAGES"
	exec 9>"$STAGES/.lock-$ARM64"
	flock 9
	"$CROSSROOT" stage fetch --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 9>&- &
	pid=$!
	# until it waits for us
	until grep -q -e "-> FLOCK .* $pid " /proc/locks; do
		kill -0 $pid
		sleep 0.05
	done
	echo 20260608T170000Z >"$STAGES/.seen-$ARM64"
	exec 9>&-
	if wait $pid; then return 1; fi
	grep -F "$DATE, that was 20260608T170000Z" "$BATS_TEST_TMPDIR/said"
	[[ $(<"$STAGES/.seen-$ARM64") == 20260608T170000Z ]]
}

@test "an index of another stage" {
	cp "$(autobuilds "$ARMHF")/latest-$ARMHF.txt" "$INDEX"
	refused "it is about $ARMHF, not $ARM64" fetch "$ARM64"
}

@test "digests of another stage" {
	cp "$(stage_file "$ARMHF").DIGESTS" "$FILE.DIGESTS"
	refused "the digests of '${FILE##*/}': it is about $ARMHF" fetch "$ARM64"
	nothing_cached
}

@test "the file of another stage" {
	cp "$(stage_file "$ARMHF")" "$FILE"
	refused "another size" fetch "$ARM64"
	# of the very size
	publish_index "$ARM64" "$DATE" release
	refused "the BLAKE2B digest of '${FILE##*/}' is not the signed one" fetch "$ARM64"
	nothing_cached
}

@test "a file with one bit changed" {
	printf '\x01' | dd of="$FILE" bs=1 seek=200000 conv=notrunc status=none
	refused "the BLAKE2B digest of '${FILE##*/}' is not the signed one" fetch "$ARM64"
	nothing_cached
}

@test "one of the two digests is wrong" {
	local kind
	for kind in BLAKE2B SHA512; do
		cp "$PUBLISHED${FILE#"$MIRROR"}.DIGESTS" "$FILE.DIGESTS"
		plain "$FILE.DIGESTS"
		sed -i "/^# $kind/{n;s/^.\{8\}/00000000/}" "$FILE.DIGESTS"
		clearsign release "$FILE.DIGESTS"
		refused "the $kind digest of" fetch "$ARM64"
		plain "$FILE.DIGESTS"
		sed -i "/^# $kind/{N;d}" "$FILE.DIGESTS"
		clearsign release "$FILE.DIGESTS"
		refused "the digests of '${FILE##*/}'" fetch "$ARM64"
	done
	nothing_cached
}

@test "the older forms: signed digests beside, a detached signature" {
	plain "$FILE.DIGESTS"
	cp "$FILE.DIGESTS" "$FILE.DIGESTS.asc"
	clearsign release "$FILE.DIGESTS.asc"
	mv "$FILE.asc" "$FILE.kept"
	fetch "$ARM64"
	"$CROSSROOT" stage verify "${FILE##*/}"
	"$CROSSROOT" stage prune --keep 0
	[[ -z $(find "$STAGES" -type f -name "stage*") ]]
	rm "$FILE.DIGESTS.asc"
	mv "$FILE.kept" "$FILE.asc"
	fetch "$ARM64"
	"$CROSSROOT" stage verify "${FILE##*/}"
}

@test "a detached signature of another file, or by another" {
	plain "$FILE.DIGESTS"
	cp "$(stage_file "$ARMHF").asc" "$FILE.asc"
	refused "signature of '${FILE##*/}' is not a signature of this" fetch "$ARM64"
	gpg_of stranger --yes --armor --detach-sign --output "$FILE.asc" "$FILE"
	refused "is by a key that is not in the keyring" fetch "$ARM64"
	echo nothing >"$FILE.asc"
	refused "'${FILE##*/}' is not signed" fetch "$ARM64"
	nothing_cached
}

@test "the keyring: binary, missing, damaged, empty" {
	gpg_of release --export >"$KEYS/release.gpg"
	configure keyring "$KEYS/release.gpg"
	fetch "$ARM64"
	"$CROSSROOT" stage prune --keep 0
	configure keyring "$KEYS/none.asc"
	refused "$KEYS/none.asc" fetch "$ARM64"
	[[ $output == *"openpgp-keys-gentoo-release"* ]]
	head -n 5 "$KEYS/release.asc" >"$KEYS/cut.asc"
	configure keyring "$KEYS/cut.asc"
	refused "the armor has no end" fetch "$ARM64"
	: >"$KEYS/empty.asc"
	configure keyring "$KEYS/empty.asc"
	refused "not in the keyring" fetch "$ARM64"
}

@test "what the cache has is verified again" {
	fetch "$ARM64"
	printf '\x01' | dd of="$STAGES/${FILE##*/}" bs=1 seek=200000 conv=notrunc status=none
	run "$CROSSROOT" stage verify
	[[ $status -eq 1 && $output == *"${FILE##*/}: the BLAKE2B digest"* ]]
	# and fetched anew where it is needed
	run fetch "$ARM64"
	[[ $status -eq 0 && $output == *"what the cache has is damaged"* ]]
	cmp "$STAGES/${FILE##*/}" "$FILE"
	"$CROSSROOT" stage verify
	# by the keyring of today
	configure keyring "$KEYS/stranger.asc"
	run "$CROSSROOT" stage verify
	[[ $status -eq 1 && $output == *"not in the keyring"* ]]
}

@test "a good file stays in the cache when its proof or the keyring is to blame" {
	local cached=$STAGES/${FILE##*/} inode
	# the index by one key, the digests by another, which the keyring then has no more
	resigned "$FILE.DIGESTS" stranger
	cat "$KEYS"/{release,stranger}.asc >"$KEYS/both.asc"
	configure keyring "$KEYS/both.asc"
	fetch "$ARM64"
	inode=$(stat -c %i "$cached")
	configure keyring "$KEYS/release.asc"
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"not in the keyring"* ]]
	[[ $(stat -c %i "$cached") == "$inode" ]]
	configure keyring "$KEYS/both.asc"
	"$CROSSROOT" stage verify
	# a proof that is damaged, or gone, comes from the mirror, and the file does not
	echo damaged >"$cached.DIGESTS"
	rm "$FILE"
	fetch "$ARM64"
	"$CROSSROOT" stage verify
	rm "$cached.DIGESTS"
	fetch "$ARM64"
	"$CROSSROOT" stage verify
	[[ $(stat -c %i "$cached") == "$inode" ]]
	# both are damaged: nothing is left of them
	rm "$cached.DIGESTS"
	printf '\x01' | dd of="$cached" bs=1 seek=200000 conv=notrunc status=none
	refused "$FILE" fetch "$ARM64"
	nothing_cached
}

@test "--insecure-stage: loud, recorded, and never taken for a verified one" {
	plain "$INDEX"
	plain "$FILE.DIGESTS"
	rm "$FILE.asc"
	run "$CROSSROOT" create r --target "${TUPLE[$ARM64]}" --mirror "file://$MIRROR" --insecure-stage --quiet
	[[ $status -eq 0 && $output == *"WARNING: nobody signed"* ]]
	run "$CROSSROOT" info r
	[[ $output == *"NOT VERIFIED"* ]]
	"$CROSSROOT" info r --json | jq -e '.stage.verified == false and .stage.key == null'
	run "$CROSSROOT" stage list
	[[ $output == *"NOT VERIFIED"* ]]
	run --separate-stderr "$CROSSROOT" stage verify
	[[ $status -eq 0 && -z $output && $stderr == *"NOT VERIFIED"*"/${FILE##*/}"* ]]
	run "$CROSSROOT" stage verify --insecure-stage
	[[ $status -eq 2 && $output == *"--insecure-stage"* ]]
	run fetch "$ARM64"
	[[ $status -eq 1 && $output == *"is not signed"* ]]
	"$CROSSROOT" destroy r
	# digests count all the same
	"$CROSSROOT" stage prune --keep 0
	printf '\x01' | dd of="$FILE" bs=1 seek=200000 conv=notrunc status=none
	refused "the BLAKE2B digest" fetch "$ARM64" --insecure-stage
	rm "$FILE.DIGESTS"
	run fetch "$ARM64" --insecure-stage
	[[ $status -eq 0 && $output == *"nothing proves"* ]]
	[[ $output == *"WARNING: nobody signed for '${FILE##*/}'"* ]]
}
