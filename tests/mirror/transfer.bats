#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong between a mirror and the cache: each has its own message, and the
# cache has a stage only when it came whole.

load helper

setup() {
	setup_mirror
	publish "$ARM64"
	FILE=$(stage_file "$ARM64")
	SIZE=$(stat -c %s "$FILE")
}

whole() { cmp "$FILE" "$STAGES/${FILE##*/}"; }

@test "cut at ten random points, and resumed to the same bytes" {
	local cuts=() at
	for _ in {1..10}; do
		at=$((RANDOM * 32768 + RANDOM))
		cuts+=($((30000 + at % (SIZE / 11 - 30000))))
	done
	echo "cuts: ${cuts[*]}"
	start_odd cut "${cuts[@]}"
	fetch "$ARM64"
	whole
	[[ $(grep -c '^bytes=' "$BATS_TEST_TMPDIR/odd.log") -eq 10 ]]
	[[ $(grep -c WHOLE "$BATS_TEST_TMPDIR/odd.log") -eq 1 ]]
}

@test "killed while it comes, the next command takes it up" {
	local pid part=$STAGES/${FILE##*/}.part
	start_odd stall 700000
	"$CROSSROOT" stage fetch --target "${TUPLE[$ARM64]}" --mirror "$URL" 3>&- &
	pid=$!
	for _ in {1..100}; do
		[[ ! -e $part || $(stat -c %s "$part") -lt 700000 ]] || break
		sleep 0.1
	done
	kill -9 $pid
	wait $pid || :
	[[ $(stat -c %s "$part") -eq 700000 && ! -e ${part%.part} ]]
	stop_servers
	start_odd cut
	fetch "$ARM64"
	whole
	[[ $(<"$BATS_TEST_TMPDIR/odd.log") == bytes=700000- ]]
}

@test "a server without ranges starts again" {
	start_odd norange 300000 500000
	fetch "$ARM64"
	whole
}

@test "what was left of another file is not kept" {
	mkdir -p "$STAGES"
	head -c 400000 /dev/urandom >"$STAGES/${FILE##*/}.part"
	fetch "$ARM64"
	whole
	"$CROSSROOT" stage verify
}

@test "a server that lies about the length" {
	start_odd long
	refused "another size" fetch "$ARM64"
	stop_servers
	start_odd short
	refused "another size" fetch "$ARM64"
}

@test "a server that ends too early, always" {
	start_odd cut 1000 0 0 0 0 0 0 0 0
	refused "it was tried 3 times" fetch "$ARM64"
	[[ $output == *"transfer closed"* ]]
	[[ $(stat -c %s "$STAGES/${FILE##*/}.part") -eq 1000 ]]
}

@test "garbage instead of HTTP" {
	start_odd garbage
	refused "fetch '$URL/" fetch "$ARM64"
}

@test "a server that closes without a word" {
	start_odd close
	refused "Empty reply" fetch "$ARM64"
}

@test "a server that is too slow, and one that stalls" {
	start_odd slow
	refused "too slow" fetch "$ARM64"
	stop_servers
	start_odd stall 5000
	refused "too slow" fetch "$ARM64"
}

@test "server errors" {
	start_odd status 503
	refused "the server answers 503" fetch "$ARM64"
	stop_servers
	start_odd status 403
	refused "the server answers 403" fetch "$ARM64"
	[[ $output != *"was tried"* ]]
}

@test "a file that is not there, an index that is not there" {
	start_nginx "$MIRROR"
	refused "there is no such file" fetch "$ARM64" --variant stage3-arm64-desktop-openrc
	[[ $output == *"latest-stage3-arm64-desktop-openrc.txt"*"--variant"* ]]
	rm "$FILE"
	refused "$FILE" fetch "$ARM64" --mirror "file://$MIRROR"
	refused "${FILE##*/}': there is no such file" fetch "$ARM64"
}

@test "nobody listens" {
	URL=http://127.0.0.1:$(free_port)
	refused "onnect" fetch "$ARM64"
}

@test "redirects are followed, but not for ever, and not to where they may not lead" {
	start_odd redirect 3
	fetch "$ARM64"
	whole
	stop_servers
	rm "$STAGES"/stage*
	start_odd loop
	refused "redirects" fetch "$ARM64"
	stop_servers
	start_nginx "$MIRROR" "rewrite ^(/.*tar.xz)$ file://$MIRROR\$1 redirect;"
	refused "rotocol" fetch "$ARM64"
}

@test "the next mirror, when one fails" {
	local dead
	dead=http://127.0.0.1:$(free_port)
	start_nginx "$MIRROR"
	run --separate-stderr "$CROSSROOT" stage fetch --target "${TUPLE[$ARM64]}" \
		--mirror "$dead" --mirror "$URL"
	[[ $status -eq 0 && $stderr == *"$dead"*"trying the next mirror"* ]]
	whole
	# and those of the configuration, in their order
	rm "$STAGES"/stage*
	configure mirrors "$dead" mirrors "$URL"
	printf 'mirrors = "%s"\n' "$URL" >>"$CROSSROOT_CONFIG"
	run --separate-stderr "$CROSSROOT" stage fetch --target "${TUPLE[$ARM64]}"
	[[ $status -eq 0 && $stderr == *"$dead"* ]]
	whole
}

@test "a proxy of the environment" {
	start_nginx "$MIRROR"
	http_proxy=$URL no_proxy='' "$CROSSROOT" stage fetch --target "${TUPLE[$ARM64]}" \
		--mirror http://mirror.invalid
	whole
}

@test "a full disk" {
	local small=$BATS_TEST_TMPDIR/small
	mkdir "$small"
	unshare --mount bash -euc '
		mount -t tmpfs -o size=600k,mode=755 none "$1"
		status=0
		"$CROSSROOT" stage fetch --target "$2" --mirror "file://$3" --config <(
			printf "[crossroot]\nstage_cache = %s\n" "$1") 2>"$1.said" || status=$?
		[[ $status -eq 1 ]]
		cat "$1.said" >&2
		grep -q "No space left on device" "$1.said"
		# nothing is left that takes the room
		[[ $(du -sk "$1" | cut -f 1) -lt 100 && -z $(find "$1" -name "stage*") ]]
	' bash "$small" "${TUPLE[$ARM64]}" "$MIRROR"
}

@test "progress for programs and for people" {
	start_odd cut
	fetch "$ARM64" --progress json >"$BATS_TEST_TMPDIR/json"
	jq -es 'map(select(.what == "fetch")) | last | .done == .total and .rate > 0' \
		"$BATS_TEST_TMPDIR/json"
	jq -es 'any(.what == "verify")' "$BATS_TEST_TMPDIR/json"
	rm "$STAGES"/stage*
	run fetch "$ARM64" --progress bar
	[[ $output == *"fetch"*"[###"*"100%"*"MB/s"* ]]
	run fetch "$ARM64" --progress odd
	[[ $status -eq 2 && $output == *"none of bar, json"* ]]
}

@test "https: a certificate that is not trusted, and no way down to http" {
	local dir=$BATS_TEST_TMPDIR/tls port plain said
	mkdir "$dir"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
	port=$(free_port)
	plain=$(free_port)
	start_nginx "$MIRROR" "listen 127.0.0.1:$plain; listen 127.0.0.1:$port ssl;
		ssl_certificate $dir/cert; ssl_certificate_key $dir/key;
		location ~ ^/away(/.*)\$ { return 302 http://127.0.0.1:$plain\$1; }"
	URL=https://127.0.0.1:$port
	refused "ertificate" fetch "$ARM64"
	# where the machine trusts it
	trusting() {
		unshare --mount bash -euc 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt
			shift; exec "$@"' bash "$dir/cert" "$CROSSROOT" stage fetch \
			--target "${TUPLE[$ARM64]}" --mirror "$1"
	}
	trusting "$URL"
	whole
	rm "$STAGES"/stage*
	said=$(trusting "$URL/away" 2>&1) && false
	[[ $said == *"rotocol"* ]]
	# which is a good mirror, for who comes by http
	URL=http://127.0.0.1:$plain/away
	fetch "$ARM64"
	whole
}
