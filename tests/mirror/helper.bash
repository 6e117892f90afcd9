# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files: a mirror laid out as Gentoo's, its keys, small stages of real
# programs, and servers for it on loopback.

bats_require_minimum_version 1.5.0
load ../cli/helper
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export CROSSROOT=${CROSSROOT:-$TOP/build/crossroot}
DATE=20260601T170000Z

# A stage is a variant; so are these.
ARM64=stage3-arm64-openrc
ARMHF=stage3-armv7a_hardfp-openrc
AMD64=stage3-amd64-openrc
declare -gA ARCHDIR=([$ARM64]=arm64 [$ARMHF]=arm [$AMD64]=amd64)
declare -gA TUPLE=(
	[$ARM64]=aarch64-unknown-linux-gnu
	[$ARMHF]=armv7a-unknown-linux-gnueabihf
	[$AMD64]=x86_64-pc-linux-gnu
)
declare -gA PROFILE=([$ARM64]=arm64/23.0 [$ARMHF]=arm/23.0/armv7a_hf [$AMD64]=amd64/23.0)

# --- keys ---

# make_key NAME [EXPIRES [GPG-OPTION...]]: a key of its own keyring $KEYS/NAME, public in
# $KEYS/NAME.asc
make_key() {
	local name=$1 expires=${2:-never}
	shift $(($# < 2 ? $# : 2))
	mkdir -p "$KEYS/$name"
	chmod 700 "$KEYS/$name"
	gpg_of "$name" --passphrase '' "$@" --quick-gen-key "$name <$name@example.org>" \
		ed25519 sign "$expires"
	gpg_of "$name" --armor --export >"$KEYS/$name.asc"
}

gpg_of() {
	gpg --homedir "$KEYS/$1" --batch --quiet --no-tty --pinentry-mode loopback "${@:2}" \
		2>>"$KEYS/log"
}

fingerprint() {
	gpg_of "$1" --with-colons --list-keys | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -n 1
}

# --- stages ---

# pick ARCH DIR: a shell and what it needs, of the Debian stage for ARCH
pick() {
	mkdir -p "$2"
	tar -C "$2" -xf "$("$TOP/tests/stage/make-stage" "$1")" --wildcards --no-anchored \
		./bin ./lib ./sbin './lib64' 'usr/bin/dash' 'usr/bin/sh' 'usr/bin/true' \
		'usr/bin/env' 'usr/lib/ld-linux*' 'usr/lib*/*/libc.so.6' \
		'usr/lib*/*/ld-linux*' 2>>"$2.log" || grep -q 'Not found in archive' "$2.log"
}

# pick_host DIR: the same of this machine, and what makes a loader's cache
pick_host() {
	local file
	mkdir -p "$1"/usr/{bin,sbin,lib,lib64}
	for file in bin sbin lib lib64; do
		ln -s "usr/$file" "$1/$file"
	done
	cp /usr/bin/{dash,true,env} "$1/usr/bin"
	cp /sbin/ldconfig "$1/usr/sbin"
	ln -s dash "$1/usr/bin/sh"
	for file in $(ldd /usr/bin/{dash,true,env} | grep -o '/lib[^ ]*' | sort -u); do
		mkdir -p "$1${file%/*}"
		cp -L "$file" "$1$file"
	done
}

# record DIR CAT/PF FILE...: Portage's database says that this package is installed
record() {
	local vdb=$1/var/db/pkg/$2 file
	mkdir -p "$vdb"
	echo "${2#*/}" >"$vdb/PF"
	echo 0 >"$vdb/SLOT"
	echo "arm64 elibc_glibc" >"$vdb/USE"
	for file in "${@:3}"; do
		echo "obj $file d41d8cd98f00b204e9800998ecf8427e 1780336800"
	done >"$vdb/CONTENTS"
}

# dress VARIANT DIR: what says which stage it is
dress() {
	mkdir -p "$2"/etc/portage "$2"/var/db/pkg/sys-libs/glibc-2.36 \
		"$2"/{proc,sys,dev,run,tmp,root}
	echo "${TUPLE[$1]}" >"$2/var/db/pkg/sys-libs/glibc-2.36/CHOST"
	echo 'CFLAGS="-O2 -pipe"' >"$2/etc/portage/make.conf"
	ln -sfn "../../var/db/repos/gentoo/profiles/default/linux/${PROFILE[$1]}" \
		"$2/etc/portage/make.profile"
	record "$2" app-shells/dash-0.5.12 /usr/bin/dash
	record "$2" sys-apps/coreutils-9.1 /usr/bin/true /usr/bin/env
	# big enough to be cut, and of no pattern
	[[ -e $2/noise ]] || head -c 300000 /dev/urandom >"$2/noise"
}

# make_trees: the files of the three stages, in $TREES/VARIANT
make_trees() {
	local variant
	pick arm64 "$TREES/$ARM64"
	pick armhf "$TREES/$ARMHF"
	pick_host "$TREES/$AMD64"
	for variant in $ARM64 $ARMHF $AMD64; do
		dress "$variant" "$TREES/$variant"
	done
}

# --- a mirror ---

autobuilds() { echo "$MIRROR/releases/${ARCHDIR[$1]}/autobuilds"; }
stage_file() { echo "$(autobuilds "$1")/${2:-$DATE}/$1-${2:-$DATE}.tar.xz"; }

# clearsign KEY FILE: FILE becomes a clearsigned one
clearsign() {
	gpg_of "$1" --yes --clearsign --output "$2.signed" "$2"
	mv "$2.signed" "$2"
}

# digests FILE...: as catalyst writes them
digests() {
	local kind
	for kind in BLAKE2B:b2sum SHA512:sha512sum; do
		echo "# ${kind%:*} HASH"
		(cd "$(dirname "$1")" && "${kind#*:}" "${@##*/}")
	done
}

# index VARIANT DATE SIZE
index() {
	echo "# Latest as of Mon, 01 Jun 2026 18:00:00 +0000"
	echo "# ts=1780336800"
	echo "$2/$1-$2.tar.xz $3"
}

# publish VARIANT [DATE [KEY]]: the stage and all about it, on the mirror
publish() {
	local variant=$1 date=${2:-$DATE} key=${3:-release} file
	file=$(stage_file "$variant" "$date")
	mkdir -p "${file%/*}"
	tar -C "$TREES/$variant" --sort=name --numeric-owner -cf - . | xz -0 >"$file"
	echo "nothing" | gzip -n >"$file.CONTENTS.gz"
	publish_proof "$variant" "$date" "$key"
}

publish_proof() {
	local file
	file=$(stage_file "$1" "$2")
	digests "$file" "$file.CONTENTS.gz" >"$file.DIGESTS"
	clearsign "$3" "$file.DIGESTS"
	gpg_of "$3" --yes --armor --detach-sign --output "$file.asc" "$file"
	publish_index "$1" "$2" "$3"
}

publish_index() {
	local at
	at=$(autobuilds "$1")
	index "$1" "$2" "$(stat -c %s "$(stage_file "$1" "$2")")" >"$at/latest-$1.txt"
	clearsign "$3" "$at/latest-$1.txt"
}

# --- servers ---

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_nginx DIR [CONFIG]: serves DIR; sets URL. CONFIG goes into its server block.
start_nginx() {
	local port work=$BATS_TEST_TMPDIR/nginx
	port=$(free_port)
	mkdir -p "$work"
	cat >"$work/conf" <<-CONF
		daemon on; pid $work/pid; error_log $work/error; user root;
		events { }
		http {
			access_log $work/access; client_body_temp_path $work/b;
			proxy_temp_path $work/p; fastcgi_temp_path $work/f;
			uwsgi_temp_path $work/u; scgi_temp_path $work/s;
			server { listen 127.0.0.1:$port; root $1; ${2:-} }
		}
	CONF
	/usr/sbin/nginx -c "$work/conf" -e "$work/error"
	URL=http://127.0.0.1:$port
	ACCESS=$work/access
}

# start_odd MODE [ARG...]: serves the mirror with a fault, see odd.py; sets URL
start_odd() {
	local ready=$BATS_TEST_TMPDIR/odd.port
	rm -f "$ready"
	python3 "$BATS_TEST_DIRNAME/odd.py" "$MIRROR" "$ready" "$@" \
		>"$BATS_TEST_TMPDIR/odd.log" 2>&1 3>&- &
	ODD_PID=$!
	for _ in {1..100}; do
		[[ ! -s $ready ]] || break
		sleep 0.1
	done
	URL=http://127.0.0.1:$(<"$ready")
}

stop_servers() {
	[[ -z ${ODD_PID:-} ]] || kill "$ODD_PID" 2>/dev/null || :
	ODD_PID=
	[[ ! -s $BATS_TEST_TMPDIR/nginx/pid ]] || kill "$(<"$BATS_TEST_TMPDIR/nginx/pid")" || :
}

# --- crossroot with it ---

# The keys and the small stages, once for a file.
setup_mirror_file() {
	[[ $(id -u) -eq 0 ]] || skip_or_fail "needs root"
	export KEYS=$BATS_FILE_TMPDIR/keys TREES=$BATS_FILE_TMPDIR/trees
	mkdir -p "$KEYS" "$TREES"
	make_key release
	make_trees
}

setup_file() { setup_mirror_file; }

teardown_file() {
	local home
	for home in "$KEYS"/*/; do
		gpgconf --homedir "$home" --kill all
	done
}

# configure KEY VALUE...: the machine's settings of this test
configure() {
	printf '[crossroot]\n' >"$CROSSROOT_CONFIG"
	printf '%s = "%s"\n' "$@" stage_cache "$STAGES" keyring "$KEYS/release.asc" \
		mirror_timeout 2 mirror_tries 3 | sort -s -u -t= -k1,1 >>"$CROSSROOT_CONFIG"
}

setup_mirror() {
	setup_state
	export CROSSROOT_CONFIG=$BATS_TEST_TMPDIR/crossroot.conf
	STAGES=$BATS_TEST_TMPDIR/stages
	MIRROR=$BATS_TEST_TMPDIR/mirror
	mkdir "$MIRROR"
	configure
}

setup() { setup_mirror; }

teardown() {
	stop_servers
	# nothing of ours is mounted any more, whatever others do meanwhile
	! grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
}

# fetch VARIANT [OPTION...]
fetch() {
	"$CROSSROOT" stage fetch --target "${TUPLE[$1]}" --mirror "${URL:-file://$MIRROR}" "${@:2}"
}

# refused TEXT CMD...: it fails, says TEXT, and the cache has no stage
refused() {
	local text=$1
	shift
	run "$@"
	if [[ $status -ne 1 || $output != *"crossroot: error: "*"$text"* ]]; then
		echo "wanted: $text; got $status: $output" >&2
		return 1
	fi
	[[ -z $("$CROSSROOT" stage list) ]]
}
