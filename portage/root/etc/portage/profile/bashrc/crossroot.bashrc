# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crossroot's part in every phase of every package; ebuild.sh sources it, and so does
# misc-functions.sh, then without EBUILD_PHASE. A user's bashrc comes later and may replace
# functions, so what is to be done is done while this is sourced. In the common case that
# takes two or three reads of small files, and no other program.

# Say once in a root that this is not how it is meant to be used.
crossroot_hook_outside() {
	local said=${PORTAGE_TMPDIR}/portage/.crossroot-outside

	[[ ${EBUILD_PHASE} == setup && ! -e ${said} ]] || return 0
	: >"${said}"
	ewarn "This root was set up for crossroot, but is not run by it: whatever is not"
	ewarn "for this machine is emulated, if it runs at all. This is said only once;"
	ewarn "\"crossroot setup --undo\" takes out of a root what crossroot put into it."
}

# crossroot_hook_enter TIER: go on with this phase in the view of a lower tier.
#
# Up to here the phase has changed its environment in ways that ebuild.sh repeats, but
# for two: it made an array of PORTAGE_ECLASS_LOCATIONS, quoted words before, which it has
# marked read-only since, and it took back the export of ___in_portage_iuse. The rest of
# its state is in ${T}/environment, which is read again.
crossroot_hook_enter() {
	local IFS=' ' enter=/run/crossroot/enter-view

	[[ -x ${enter} ]] || die "CROSSROOT_TIER=$1, but this run has no ${enter}"
	declare -F ___in_portage_iuse >/dev/null && export -f ___in_portage_iuse
	exec /usr/bin/env _CROSSROOT_ENTERED="$1" \
		PORTAGE_ECLASS_LOCATIONS="${PORTAGE_ECLASS_LOCATIONS[*]@Q}" \
		"${enter}" "$1" "${BASH}" "${PORTAGE_BIN_PATH}/ebuild.sh" "${EBUILD_PHASE}"
}

# The package's tier, by package.env: that of the run, or a lower one.
crossroot_hook_tier() {
	local tier='' entered=${_CROSSROOT_ENTERED}

	unset _CROSSROOT_ENTERED
	# in a view, that view's
	read -r tier </run/crossroot/tier
	case ${CROSSROOT_TIER}:${tier} in
	none:toolchain | none:tools | toolchain:tools) ;;
	:* | none:none | toolchain:* | tools:*) return 0 ;;
	*) die "CROSSROOT_TIER=\"${CROSSROOT_TIER}\": give none, toolchain or tools" ;;
	esac
	[[ ! ${entered} ]] ||
		die "crossroot: the view of tier ${entered} says that it is of tier ${tier}"
	crossroot_hook_enter "${CROSSROOT_TIER}"
}

# crossroot_hook_begun: leave word that this phase has begun, for "crossroot emerge". What
# is left when emerge has failed is what failed. A die hook would be saved in the
# package's environment, and with it installed.
crossroot_hook_begun() {
	local tier

	[[ -d /run/crossroot/failed ]] || return 0
	read -r tier </run/crossroot/tier
	addwrite /run/crossroot/failed
	echo "${tier}" >"/run/crossroot/failed/${CATEGORY}:${PF}:${EBUILD_PHASE}"
}

crossroot_hook() {
	local contents x lift=/run/crossroot/lift

	if [[ ! -e /run/crossroot/tier ]]; then
		crossroot_hook_outside
		return
	fi
	# ptrace(), its other method, does not work under qemu-user
	export SANDBOX_METHOD=preload
	# the host's certificates, lent for fetches: not for what is installed
	if [[ ${EBUILD_PHASE} != unpack ]]; then
		for x in SSL_CERT_FILE CURL_CA_BUNDLE GIT_SSL_CAINFO; do
			[[ ${!x} != /run/crossroot/* ]] || unset "${x}"
		done
	fi
	case ${EBUILD_PHASE} in
	setup)
		[[ " ${FEATURES} " == *" sandbox "* || ! -x /usr/bin/sandbox ]] ||
			einfo "No sandbox: the native root lacks the very same one (crossroot plan)." \
				"The host is out of reach but for the run's binds."
		;;
	unpack | prepare | configure | compile | test | install)
		# misc-functions.sh, Portage's own work, has no arguments here
		if [[ ${EBUILD_SH_ARGS} == "${EBUILD_PHASE}" ]]; then
			crossroot_hook_tier
			crossroot_hook_begun
		fi
		# this phase's environment is what gets installed
		[[ ${EBUILD_PHASE} != install ]] || unset CROSSROOT_TIER
		;;
	instprep | package | preinst)
		[[ ! -d /run/crossroot/failed ]] ||
			rm -f "/run/crossroot/failed/${CATEGORY}:${PF}:"*
		;;
	esac
	case ${EBUILD_PHASE} in
	preinst)
		"${lift}" --image "${D}" ||
			die "crossroot: swapped programs cannot be replaced"
		;;
	prerm)
		contents=${EROOT:-${ROOT}}/var/db/pkg/${CATEGORY}/${PF}/CONTENTS
		[[ ! -e ${contents} ]] || "${lift}" --contents "${contents}" ||
			die "crossroot: swapped programs cannot be removed"
		;;
	esac
}

crossroot_hook
unset -f crossroot_hook crossroot_hook_{begun,enter,outside,tier}
