#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What Portage builds at tier tools is what it builds emulated, byte by byte.
# shellcheck disable=SC2034 # in_portage uses RUN_OPTS

load helper

# Built emulated within minutes; the others take up to half an hour each.
PACKAGES=(app-misc/hello-2.10 sys-libs/zlib-1.2.13 dev-lang/lua-5.4.4
	app-arch/bzip2-1.0.8)
[[ ! ${CROSSROOT_LONG:-} ]] ||
	PACKAGES+=(app-shells/dash-0.5.12 dev-util/gperf-3.1 media-libs/libpng-1.6.39 dev-libs/cjson-1.7.15 dev-libs/expat-2.5.0
		dev-libs/fribidi-1.0.8 dev-libs/jsoncpp-1.9.5 sys-apps/sed-4.9 app-arch/gzip-1.12
		app-arch/xz-utils-5.4.1 dev-build/make-4.3)

setup_file() {
	setup_portage_root "${PACKAGES[@]}"
	[[ $WHY_NOT ]] || pack
}

# pack: binary packages of all, at both tiers side by side: each in its own directories at
# the same paths, since a build may keep the path it was built at.
pack() {
	local tier pids=() atoms
	mapfile -t atoms < <(atoms "${PACKAGES[@]}")
	for tier in none tools; do
		mkdir -p "$HYBRID/work/$tier"/{pkg,tmp}
		chown 250:250 "$HYBRID/work/$tier/tmp"
		RUN_OPTS=(--bind "$HYBRID/work/$tier/pkg:/var/cache/binpkgs"
			--bind "$HYBRID/work/$tier/tmp:/var/tmp/portage")
		in_portage "$tier" emerge --buildpkgonly --nodeps --oneshot --color=n --jobs=2 \
			"${atoms[@]}" >"$HYBRID/work/$tier/log" 2>&1 3>&- &
		pids+=($!)
	done
	for tier in none tools; do
		wait "${pids[0]}" || { cat "$HYBRID/work/$tier/log" >&2; return 1; }
		pids=("${pids[@]:1}")
	done
}

# metadata FILE: what Portage found out about the ELF files of a binary package
metadata() {
	local name
	for name in NEEDED.ELF.2 REQUIRES PROVIDES; do
		echo "$name"
		tar --wildcards -xOf "$1" '*/metadata.tar.zst' | zstd -q -dc |
			tar -xOf - "metadata/$name" 2>/dev/null || echo none
	done
}

# modes: of all files here, and where the links point
modes() {
	find . -printf '%P %y %m %U:%G %l\n' | LC_ALL=C sort
}

@test "images and what Portage says of them are the same at tiers none and tools" {
	local cpf tier file
	for cpf in "${PACKAGES[@]}"; do
		for tier in none tools; do
			file=$HYBRID/work/$tier/pkg/${cpf%-*}/${cpf#*/}-1.gpkg.tar
			unpack_gpkg "$file" "$HYBRID/work/$tier/$cpf"
			metadata "$file" >"$HYBRID/work/$tier/$cpf.metadata"
			(cd "$HYBRID/work/$tier/$cpf" && modes) >"$HYBRID/work/$tier/$cpf.modes"
		done
		grep -q '^AARCH64;/' "$HYBRID/work/none/$cpf.metadata"
		diff -r --no-dereference "$HYBRID"/work/{none,tools}/"$cpf"
		diff "$HYBRID"/work/{none,tools}/"$cpf.modes"
		diff "$HYBRID"/work/{none,tools}/"$cpf.metadata"
	done
}
