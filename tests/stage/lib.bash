# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts that make stages, native roots and sources share. Sourced.

CACHE=${CROSSROOT_CACHE:-/var/cache/crossroot-tests}
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STAGE_DIR=$TOP/tests/stage
CROSSROOT=${CROSSROOT:-$TOP/build/crossroot}
SUITE=bookworm

# One list for every architecture: twins are swapped only where versions are equal.
PACKAGES=(
	usr-is-merged base-files base-passwd debconf apt ca-certificates procps
	gcc g++ libc6-dev make mawk gawk bison flex gettext m4 patch pkgconf
	xz-utils zstd bzip2 cmake ninja-build zlib1g-dev
)

say() { echo "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# usage TEXT "$@": print TEXT and leave when --help is among the arguments.
usage() {
	local text=$1 arg
	shift
	for arg; do
		[[ $arg != -h && $arg != --help ]] || { echo "$text"; exit 0; }
	done
}

# Everything here is made as root: owners, devices and namespaces.
need_root() { [[ $(id -u) -eq 0 ]] || die "must run as root"; }

# A product is named after what it was made from: WORDS and the content of FILES.
# recipe_key "WORDS" FILE...
recipe_key() {
	local words=$1
	shift
	{ echo "$words"; cat "$@"; } | sha256sum | cut -c1-12
}

# lock NAME: one maker at a time, until the script ends.
lock() {
	mkdir -p "$CACHE/locks"
	exec {LOCK_FD}>"$CACHE/locks/$1"
	flock -n "$LOCK_FD" || { say "waiting for another $1"; flock "$LOCK_FD"; }
}

# A private directory in the cache, gone when the script ends however it ends.
# Leftovers of killed scripts go first. Sets WORK.
workdir() {
	local old
	mkdir -p "$CACHE/work"
	for old in "$CACHE"/work/*; do
		[[ -d $old && ! -d /proc/${old##*.} ]] && remove_tree "$old"
	done
	WORK=$CACHE/work/${0##*/}.$$
	mkdir "$WORK"
	trap 'remove_tree "$WORK"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Never through a mount: what is still mounted below stays, and is said.
remove_tree() {
	[[ -e $1 ]] || return 0
	if grep -q -F " $1/" /proc/self/mountinfo; then
		say "something is mounted below $1: left alone"
		return 0
	fi
	rm -rf --one-file-system -- "$1"
}

# The host's own mirrors of SUITE, as sources.list lines; nothing if it has none.
host_mirrors() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' \
		"Created-By: Packages" 2>/dev/null | sort -u |
		awk -v s="$SUITE" '$2 == "main" && ($1 == s || $1 == s "-updates" ||
			$1 == s "-security") { print "deb " $3 " " $1 " main"; n += $1 == s }
			END { exit !n }'
}

debian_mirrors() {
	echo "deb http://deb.debian.org/debian $SUITE main"
	echo "deb http://deb.debian.org/debian $SUITE-updates main"
	echo "deb http://deb.debian.org/debian-security $SUITE-security main"
}

# bootstrap ARCH DIR [PACKAGE...]: unpack SUITE's packages into DIR, merged-usr, and
# enter them in dpkg's database as unpacked. No program of ARCH runs.
bootstrap() {
	local arch=$1 dir=$2 lines hooks=/usr/share/mmdebstrap/hooks/merged-usr
	shift 2
	local list=("${PACKAGES[@]}" "$@")
	for lines in "$(host_mirrors || true)" "$(debian_mirrors)"; do
		[[ -n $lines ]] || continue
		say "unpacking $SUITE for $arch"
		rm -rf "$dir"
		# skipping the clean-up keeps the .deb files for register_packages
		mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" \
			--hook-dir="$hooks" --include='?essential' \
			--include="$(IFS=,; echo "${list[*]}")" \
			--skip=cleanup/apt,cleanup/reproducible "$SUITE" "$dir" - \
			<<<"$lines" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; continue; }
		register_packages "$arch" "$dir"
		rm -rf "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/*
		rm -f "$dir/etc/apt/apt.conf.d/00mmdebstrap"
		debian_mirrors >"$dir/etc/apt/sources.list"
		echo localhost >"$dir/etc/hostname"
		rm -f "$dir/etc/resolv.conf"
		return 0
	done
	die "no mirror gave the packages of $SUITE for $arch"
}

# mmdebstrap's extract variant unpacks without telling dpkg: do what dpkg --unpack
# would have written. Preinst scripts are left out: on a fresh root they do nothing
# that the postinst does not.
register_packages() {
	local arch=$1 dir=$2 info=$2/var/lib/dpkg/info ctl=$2.control deb name f
	for deb in "$dir"/var/cache/apt/archives/*.deb; do
		rm -rf "$ctl"
		dpkg-deb --control "$deb" "$ctl"
		name=$(sed -n 's/^Package: //p' "$ctl/control")
		if grep -q '^Multi-Arch: same' "$ctl/control"; then
			name+=:$arch
		fi
		dpkg-deb --fsys-tarfile "$deb" | tar -t |
			sed -e 's,^\.,,' -e 's,/$,,' -e 's,^$,/.,' >"$info/$name.list"
		sed '/^Package: /a Status: install ok unpacked' "$ctl/control"
		echo
		rm "$ctl/control"
		for f in "$ctl"/*; do
			[[ ! -e $f ]] || mv "$f" "$info/$name.${f##*/}"
		done
	done >"$dir.status"
	rm -rf "$ctl"
	mv "$dir.status" "$dir/var/lib/dpkg/status"
}

# The commands that finish a bootstrapped root, to be run in it. base-passwd is first,
# because others chown by name, then an awk; dpkg sorts out the rest. Triggers were
# not recorded, and ldconfig is the only one that matters here.
configure_script() {
	cat <<-'EOF'
		set -e
		export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
		export LC_ALL=C PATH=/usr/sbin:/usr/bin
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
		for p in base-passwd mawk base-files; do
			dpkg --force-depends --configure $p
		done
		dpkg --configure -a
		ldconfig
		rm -f /usr/sbin/policy-rc.d /var/lib/dpkg/*-old /var/log/dpkg.log
		test -z "$(dpkg --audit)"
	EOF
}

# SOURCE-PACKAGE SOURCE-VERSION of what is installed in the root DIR, sorted. The
# source's version: a rebuild for one architecture (+b1) is the same source.
source_versions() {
	# shellcheck disable=SC2016
	dpkg-query --admindir="$1/var/lib/dpkg" -W \
		-f '${binary:Package} ${source:Version}\n' | sed 's/:[^ ]* / /' | sort
}

# in_native ROOT [BWRAP-OPTION...] -- CMD...: run CMD in the native root, writable,
# with a /dev, /proc and /tmp of its own. No part of crossroot is involved.
in_native() {
	local root=$1 opts=()
	shift
	while [[ $1 != -- ]]; do
		opts+=("$1")
		shift
	done
	shift
	bwrap --unshare-pid --die-with-parent --bind "$root" / --dev /dev --proc /proc \
		--tmpfs /tmp --tmpfs /run "${opts[@]}" --clearenv --setenv LC_ALL C.UTF-8 \
		--setenv PATH /usr/sbin:/usr/bin --setenv HOME /root -- "$@"
}

# Where crossroot keeps the files of root NAME: root_tree STATE-DIR NAME
root_tree() { echo "$1/roots/$2/tree"; }
