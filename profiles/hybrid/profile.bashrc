# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
if [[ -e /run/crossroot/tier ]]; then
	# ptrace(), the sandbox's other method, does not work under qemu-user
	export SANDBOX_METHOD=preload
fi

# the hook of "crossroot setup", unless its package.bashrc is there to source it
if [[ -e ${PORTAGE_CONFIGROOT%/}/etc/portage/profile/bashrc/crossroot.bashrc &&
	! -e ${PORTAGE_CONFIGROOT%/}/etc/portage/profile/package.bashrc/crossroot ]]; then
	# shellcheck source=/dev/null
	source "${PORTAGE_CONFIGROOT%/}/etc/portage/profile/bashrc/crossroot.bashrc"
fi
