#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What Portage does besides a good build is what it does on any machine.

load helper
load ../root/safety

setup_file() {
	setup_portage_root
	[[ ! $WHY_NOT ]] || return 0
	small_repository
}

setup() {
	gentoo_or_skip
	MEET=$TREE/var/tmp/meet
	rm -rf "$MEET"
	mkdir -m 1777 "$MEET"
}

teardown() { stop_started; }

# small_repository: a second ebuild repository, of packages without sources.
small_repository() {
	local repo=$TREE/var/db/repos/small
	mkdir -p "$repo"/{metadata,profiles}
	printf '%s\n' 'repo-name = small' 'masters = test' 'thin-manifests = true' \
		>"$repo/metadata/layout.conf"
	echo small >"$repo/profiles/repo_name"
	echo 8 >"$repo/profiles/eapi"
	echo app-test >"$repo/profiles/categories"
	printf '%s\n' '[small]' 'location = /var/db/repos/small' 'auto-sync = no' \
		>"$TREE/etc/portage/repos.conf/small.conf"
}

# shellcheck disable=SC2016 # for Portage to expand
# ebuild NAME: app-test/NAME-1, the rest of it from standard input
ebuild() {
	local dir=$TREE/var/db/repos/small/app-test/$1
	mkdir -p "$dir"
	{
		printf '%s\n' 'EAPI=8' "DESCRIPTION=\"The package $1\"" \
			'HOMEPAGE="https://example.org/"' 'S="${WORKDIR}"' 'LICENSE="GPL-2+"' \
			'SLOT="0"' 'KEYWORDS="arm64"'
		cat
	} >"$dir/$1-1.ebuild"
}

# emerge ARG...: at tier tools
emerge() {
	in_portage tools emerge --oneshot --color=n "$@"
}

installed() { [[ -d $TREE/var/db/pkg/app-test/$1-1 ]]; }

# Neither the sleep of the ebuild is left, nor a mount.
nothing_left() {
	! pgrep -f "sleep $MARK" && diff "$HYBRID/mounts" /proc/self/mountinfo
}

# interrupted_by SIGNAL: the second of three packages is being compiled when it comes, and
# emerge goes on with --resume. Its exit status is in $ended, its output in $OUT.
interrupted_by() {
	local RUN=()
	MARK=1${RANDOM}.$$
	ebuild "first-$1" <<<'pkg_postinst() { echo first >>/var/tmp/meet/merged; }'
	ebuild "middle-$1" <<-END
	DEPEND="app-test/first-$1"
	src_compile() {
		touch /var/tmp/meet/started || die
		[[ -e /var/tmp/meet/go ]] || sleep $MARK
	}
	pkg_postinst() { echo middle >>/var/tmp/meet/merged; }
	END
	ebuild "last-$1" <<-END
	DEPEND="app-test/middle-$1"
	pkg_postinst() { echo last >>/var/tmp/meet/merged; }
	END
	portage_run tools
	# a command in the background ignores SIGINT otherwise
	start setsid env --default-signal=INT "${RUN[@]}" emerge --oneshot --color=n \
		"app-test/last-$1"
	wait_for 60 test -e "$MEET/started"
	[ "$(<"$MEET/merged")" = first ]
	# SIGINT as a terminal sends it: emerge alone would wait for what the ebuild runs
	if [[ $1 == INT ]]; then
		kill -INT -- "-$PID"
	else
		kill "-$1" "$PID"
	fi
	ended=0
	wait "$PID" || ended=$?
	wait_for 5 nothing_left
	[[ ! -d $TREE/var/db/pkg/app-test/middle-$1-1 ]]
	touch "$MEET/go"
	run -0 in_portage tools emerge --resume --color=n
	[ "$(<"$MEET/merged")" = $'first\nmiddle\nlast' ]
}

@test "userpriv: ebuilds build as Portage's user, native and emulated programs alike" {
	ebuild user <<-'END'
	src_compile() {
		echo "#include <unistd.h>
	#include <stdio.h>
	int main(void) { printf(\"%d %d %d\n\", getuid(), geteuid(), getgid()); }" >uid.c
		${CHOST}-gcc -o uid uid.c || die
		echo "compile $(id -u) $(./uid)" >uids
		! touch "${EROOT}/usr/share/outside" || die "may write outside"
	}
	src_install() {
		echo "install $(id -u) $(./uid)" >>uids
		insinto /usr/share/user
		doins uids
	}
	END
	run -0 emerge app-test/user
	[ "$(<"$TREE/usr/share/user/uids")" = $'compile 250 250 250 250\ninstall 0 0 0 0' ]
}

@test "--jobs 2: two packages build at the same time" {
	local name
	for name in left right; do
		ebuild "$name" <<-'END'
		src_compile() {
			local i
			touch "/var/tmp/meet/${PN}" || die
			for ((i = 0; i < 600; i++)); do
				[[ ! -e /var/tmp/meet/left || ! -e /var/tmp/meet/right ]] || return 0
				sleep 0.1
			done
			die "the other one did not come"
		}
		END
	done
	run -0 emerge --jobs=2 app-test/left app-test/right
	installed left
	installed right
}

@test "an interrupted emerge is resumed" {
	interrupted_by INT
	cat "$OUT"
	grep -q "Exiting on signal 2" "$OUT"
	[ "$ended" -eq 130 ]
}

@test "a killed emerge is resumed" {
	interrupted_by KILL
	[ "$ended" -eq 137 ]
}

@test "a failing test is the package's failure" {
	ebuild broken <<-'END'
	src_compile() {
		echo 'int main(void) { return 3; }' >check.c
		${CHOST}-gcc -o check check.c || die
	}
	src_test() { ./check || die "check says $?"; }
	END
	FEATURES="test" run -1 emerge app-test/broken
	[[ $output == *"ERROR: app-test/broken-1::small failed (test phase):"*"check says 3"* ]]
	run -1 installed broken
	run -0 emerge app-test/broken
	installed broken
}

@test "a full build directory" {
	local RUN=() tmp=$HYBRID/work/tmp small
	small="mount -t tmpfs -o size=\$0,mode=755 tmpfs $tmp && exec \"\$@\""
	mkdir "$tmp"
	ebuild big <<-'END'
	src_compile() { head -c 20M /dev/zero >zeroes || die "cannot write zeroes"; }
	src_install() { dodoc /etc/hostname; }
	END
	portage_run tools --bind "$tmp:/var/tmp/portage"
	run -1 unshare --mount sh -c "$small" 16M "${RUN[@]}" emerge -1 --color=n app-test/big
	[[ $output == *"No space left on device"* ]]
	[[ $output == *"ERROR: app-test/big-1::small failed (compile phase):"* ]]
	run -1 installed big
	run -0 unshare --mount sh -c "$small" 64M "${RUN[@]}" emerge -1 --color=n app-test/big
	installed big
	rmdir "$tmp"
}
