# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
# Roots from Debian's packages. Sourced after lib.bash; a product's name carries a hash
# of this file, so what does not shape a product belongs elsewhere.

SUITE=bookworm

# One list for every architecture: twins are swapped only where versions are equal.
PACKAGES=(
	usr-is-merged base-files base-passwd debconf apt ca-certificates procps
	gcc g++ libc6-dev make mawk gawk bison flex gettext m4 patch pkgconf
	xz-utils zstd bzip2 cmake ninja-build zlib1g-dev
	python3 file pax-utils autoconf automake mount
)

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
	# The last is for a mirror that is out of step: some versions then differ from
	# the native root's, and those programs stay emulated.
	for lines in "$(host_mirrors || true)" "$(debian_mirrors)" \
		"$(debian_mirrors | grep -v -e -security)"; do
		[[ -n $lines ]] || continue
		say "unpacking $SUITE for $arch from" \
			"$(awk '{ printf "%s%s", n++ ? ", " : "", $3 }' <<<"$lines")"
		rm -rf "$dir"
		# skipping the clean-up keeps the .deb files for register_packages
		mmdebstrap --mode=root --variant=extract --architectures="$arch" \
			--hook-dir="$hooks" --include='?essential' \
			--include="$(IFS=,; echo "${list[*]}")" \
			--skip=cleanup/apt,cleanup/reproducible "$SUITE" "$dir" - \
			<<<"$lines" >"$dir.log" 2>&1 || {
			tail -n 12 "$dir.log" >&2
			continue
		}
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
