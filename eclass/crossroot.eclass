# SPDX-License-Identifier: GPL-2.0-or-later

# @ECLASS: crossroot.eclass
# @MAINTAINER:
# The crossroot project <crossroot@example.org>
# @SUPPORTED_EAPIS: 8
# @BLURB: for packages that have to know that they are built in a hybrid root
# @DESCRIPTION:
# In a run of crossroot a root of another architecture is at work in which compilers,
# shell and tools may be native programs (they are swapped), and all else is emulated by
# qemu-user.  To a package this is a native build, and no ebuild should need this eclass.
# It is for the few whose builds tell the difference: that measure the build machine, that
# load plugins of the target into tools, or that watch the clock.
#
# Outside of a run each function does what is right on the target itself, so that an
# ebuild needs no case for that.  The eclass defines no phases and no metadata.
#
# @EXAMPLE:
# @CODE
# inherit crossroot
#
# src_compile() {
#	# bash computes with the long double of the machine that it runs on
#	crossroot_emulated bash ./gen-constants.sh > constants.h || die
#	default
# }
#
# src_test() {
#	meson_src_test --timeout-multiplier "$(crossroot_timeout_factor)"
# }
# @CODE

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI:-0} not supported" ;;
esac

if [[ -z ${_CROSSROOT_ECLASS} ]]; then
_CROSSROOT_ECLASS=1

# @FUNCTION: crossroot_active
# @RETURN: true inside of a run of crossroot, else false
crossroot_active() {
	[[ -d /run/crossroot/emulated ]]
}

# @FUNCTION: crossroot_tier
# @DESCRIPTION:
# Print how much is native for this package: "none", "toolchain" (compilers, assemblers
# and linkers) or "tools" (these, the shell and build tools).  Outside of a run nothing is
# swapped: "none".
crossroot_tier() {
	local tier=none

	[[ ! -r /run/crossroot/tier ]] || read -r tier < /run/crossroot/tier
	echo "${tier}"
}

# @FUNCTION: crossroot_is_native
# @USAGE: <program>
# @RETURN: true if the program is swapped for its native twin, else false
# @DESCRIPTION:
# The program is a name to be found in PATH, or a path.
crossroot_is_native() {
	[[ ${#} -eq 1 ]] || die "${FUNCNAME[0]}: give one program"

	local path line
	[[ $(crossroot_tier) != none && -r /run/crossroot/swaps ]] || return 1
	path=$(type -P "${1}") || return 1
	path=$(realpath "${path}") || die
	while read -r line; do
		[[ ${line} != "${path}" ]] || return 0
	done < /run/crossroot/swaps
	return 1
}

# @FUNCTION: crossroot_emulated
# @USAGE: <command> [<argument>...]
# @RETURN: the status of the command
# @DESCRIPTION:
# Run the command with the emulated originals of the swapped programs, and all that it
# starts, as on the target itself.  It is a program: no function and no builtin.  For all
# of a package there is package.env, with crossroot/none.conf or crossroot/toolchain.conf.
crossroot_emulated() {
	[[ ${#} -ge 1 ]] || die "${FUNCNAME[0]}: give a command"
	type -P "${1}" > /dev/null || die "${FUNCNAME[0]}: ${1} is no program"

	if [[ $(crossroot_tier) == none ]]; then
		"${@}"
	else
		/run/crossroot/emulate "${@}"
	fi
}

# @FUNCTION: crossroot_timeout_factor
# @DESCRIPTION:
# Print the number to multiply the timeouts of a package's tests by: what they run is
# emulated in a run, whatever the tier.
crossroot_timeout_factor() {
	if crossroot_active; then
		echo 10
	else
		echo 1
	fi
}

fi
