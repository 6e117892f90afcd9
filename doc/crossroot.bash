# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for crossroot; tests/check-docs holds it to what --help says.

_crossroot_commands="create list info destroy clone snapshot rollback diff resize export"
_crossroot_commands+=" run enter emerge setup plan verify audit doctor stage crossdev-args crossdev-hook"

# The options of the command $1; those with a value end in "=".
_crossroot_options() {
	local settings="--native= --native-root= --qemu= --qemu-arg= --binfmt="
	local inside="--bind= --tmpfs= --env= --tmpfs-build="
	local stage="--variant= --init= --mirror= --insecure-stage --progress="

	case $1 in
	create) echo "--stage= --storage= --size= --root= --image= --base= --target= --config= --no-setup $stage $settings" ;;
	stage) echo "$stage --target= --config= --keep= --json" ;;
	run | enter) echo "$settings $inside --chdir= --user= --ephemeral --keep=" ;;
	emerge) echo "$settings $inside" ;;
	export) echo "--format= --force" ;;
	setup) echo "--undo" ;;
	plan) echo "$settings --json" ;;
	verify) echo "--tree= --tiers= --ignore= --bind= --env= --user= --json" ;;
	list) echo "--size --json" ;;
	info | diff | doctor) echo "--json" ;;
	crossdev-args) echo "--stage= --target= $stage" ;;
	crossdev-hook)
		echo "--event= --target= --seed= --llvm= --init-only= --force= --crossdev= --root= --eprefix= $stage $settings"
		;;
	audit) echo "--target= --native-root= --allow= --json" ;;
	esac
	echo "--state-dir= -q --quiet -v --verbose --debug -h --help --version"
}

# The words of $1 that begin with what is being typed.
_crossroot_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# The same for what an action of compgen gives: files, directories, commands.
_crossroot_action() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -A "$1" -- "$cur")
}

_crossroot_value() {
	case $1 in
	--native) _crossroot_words "none toolchain tools" ;;
	--format) _crossroot_words "tar tar.gz tar.xz tar.zst squashfs erofs ext4 oci oci.tar" ;;
	--init) _crossroot_words "openrc systemd" ;;
	--progress) _crossroot_words "bar json none" ;;
	--binfmt) _crossroot_words "private global" ;;
	--storage) _crossroot_words "dir image overlay tmpfs" ;;
	--event) _crossroot_words "install uninstall" ;;
	--llvm | --init-only | --force) _crossroot_words "yes no" ;;
	--stage | --seed | --image | --base | --config | --qemu | --crossdev) _crossroot_action file ;;
	--native-root | --state-dir | --bind | --tree | --root | --eprefix) _crossroot_action directory ;;
	esac
}

# The roots of the state directory $1, or of the usual one.
_crossroot_roots() {
	local name rest
	local -a names=()

	while read -r name rest; do
		# compgen would expand anything else
		[[ $name == *[!A-Za-z0-9._+-]* ]] || names+=("$name")
	done < <("${COMP_WORDS[0]}" list ${1:+--state-dir "$1"} 2>/dev/null)
	_crossroot_words "${names[*]}"
}

_crossroot() {
	local cur=${COMP_WORDS[COMP_CWORD]} cmd=${COMP_WORDS[1]}
	local options word open="" state="" after=""
	local -i i given=0

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_crossroot_words "$_crossroot_commands -h --help --version"
		return
	fi
	[[ " $_crossroot_commands " == *" $cmd "* ]] || return
	options=$(_crossroot_options "$cmd")
	# what the words before mean; open: an option that still lacks its value
	for ((i = 2; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $after || $word == -- ]]; then
			after+=" $word"
		elif [[ $open ]]; then
			# readline makes a word of the "=" in --option=value
			[[ $word != "=" ]] || continue
			[[ $open != --state-dir ]] || state=$word
			open=""
		elif [[ " ${options//$'\n'/ } " == *" $word= "* ]]; then
			open=$word
		elif [[ $word != -* ]]; then
			((++given))
		fi
	done
	if [[ $after == " --" && $cmd == @(run|verify) ]]; then
		_crossroot_action command
	elif [[ $after ]]; then
		_crossroot_action file
	elif [[ $open ]]; then
		[[ $cur != "=" ]] || cur=""
		_crossroot_value "$open"
	elif [[ $cur == -* ]]; then
		_crossroot_words "${options//=/} $([[ $cmd != run ]] || echo --)"
	elif ((given == 0)) && [[ $cmd == stage ]]; then
		_crossroot_words "list fetch verify prune"
	elif ((given == 0)) && [[ $cmd == audit ]]; then
		_crossroot_action file
	elif ((given == 1)) && [[ $cmd == export ]]; then
		_crossroot_action file
	elif ((given == 0)) && [[ " create list doctor crossdev-args crossdev-hook " != *" $cmd "* ]]; then
		_crossroot_roots "$state"
	fi
}

complete -F _crossroot crossroot
