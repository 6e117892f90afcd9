# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the bats files: a root in Gentoo's layout with Portage in it.

load ../root/helper

bats_require_minimum_version 1.5.0

# A stage of Debian has no sandbox.
OFF="-sandbox -usersandbox"

# Where the repository names a package as Debian's archive does not.
declare -gA ARCHIVE=([lua]=lua5.4)

# setup_portage_root CAT/PF...: the root "t", of $STAGE, and the distfiles of these packages
# in the cache. Where that cannot be made it sets WHY_NOT: a skip in setup_file would fail.
setup_portage_root() {
	local cpf name
	export WHY_NOT=
	can_run
	make_product portage/make-portage-root stage
	[[ ! $WHY_NOT ]] || return 0
	export STAGE=$PRODUCT
	make_product portage/make-portage-root native
	for cpf in "$@"; do
		name=${cpf#*/} name=${name%-*}
		"$TOP/tests/stage/fetch-source" "${ARCHIVE[$name]:-$name}" >/dev/null
	done
	create_root "$STAGE" "$PRODUCT"
}

setup() {
	gentoo_or_skip
}

# portage_run TIER [RUN-OPTION...]: sets RUN to the start of a command that runs a program
# in the root ($ROOT_NAME, or t) at TIER, with the distfiles read-only.
portage_run() {
	RUN=("${CLEAN[@]}" FEATURES="$OFF ${FEATURES:-}" "${RUN_ENV[@]}"
		"$CROSSROOT" run "${ROOT_NAME:-t}" --state-dir "$HYBRID/state" --native "$1"
		--bind "$CACHE/source:/var/cache/distfiles.host:ro" "${@:2}" --)
}

# in_portage TIER CMD [ARG]...: run CMD in the root at TIER; RUN_OPTS and RUN_ENV are added.
in_portage() {
	local RUN=()
	portage_run "$1" "${RUN_OPTS[@]}"
	"${RUN[@]}" "${@:2}" </dev/null
}

# atoms CAT/PF...: each as emerge wants the exact version
atoms() {
	printf '=%s\n' "$@"
}

# contents CAT/PF: "PATH MD5" of the files that Portage's database says it installed
contents() {
	sed -n 's/^obj \(.*\) \([0-9a-f]\{32\}\) [0-9]*$/\1 \2/p' \
		"$TREE/var/db/pkg/$1/CONTENTS"
}

# verify CAT/PF: what the database says is what is there, as qcheck does it.
verify() {
	local path sum count=0
	while read -r path sum; do
		[[ $(md5sum <"$TREE$path") == "$sum  -" ]] || {
			echo "$path is not what $1 installed" >&2
			return 1
		}
		count=$((count + 1))
	done < <(contents "$1")
	[[ $count -gt 0 ]]
}

# elf_files DIR: the ELF files in it
elf_files() {
	local path
	find "$1" -type f | while read -r path; do
		[[ $(head -c 4 "$path" | tr -d '\0') != $'\x7fELF' ]] || echo "$path"
	done
}

# unpack_gpkg FILE DIR: the image of a binary package, into a new directory
unpack_gpkg() {
	mkdir -p "$2"
	tar --wildcards -xOf "$1" '*/image.tar.zst' | zstd -q -dc |
		tar -C "$2" --strip-components=1 -xpf -
}
