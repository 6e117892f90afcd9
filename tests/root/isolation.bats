#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a run sees of the machine, what it cannot reach, and how it ends.

load helper

setup() {
	RUN_ENV=() RUN_OPTS=()
}

cr() {
	"$CROSSROOT" "$1" --state-dir "$HYBRID/state" "${@:2}"
}

@test "/dev, /proc, /sys, /run and /tmp are the run's own" {
	run in_root tools sh -euc '
		cd /dev; echo *
		for f in null zero full random urandom tty; do test -c $f; done
		test "$(readlink fd stdin stdout stderr | tr "\n" " ")" = \
			"/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
		test -d pts && test -c ptmx && test -d shm && test -d mqueue
		echo x >/dev/shm/x; echo x >/dev/null; head -c 3 /dev/zero | wc -c
		! echo x >/dev/full'
	[ "${lines[0]}" = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" ]
	[ "$status" -eq 0 ]
	run in_root tools sh -c 'for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline; echo; done'
	[ "$(wc -l <<<"$output")" -le 4 ]
	run in_root tools sh -c 'echo x >/sys/kernel/mm/ksm/run'
	[[ $status -ne 0 && $output == *"Read-only"* ]]
	touch "/tmp/crossroot-host.$$" "/run/crossroot-host.$$"
	run in_root tools sh -c "ls /tmp/crossroot-host.$$ /run/crossroot-host.$$"
	rm "/tmp/crossroot-host.$$" "/run/crossroot-host.$$"
	[ "$status" -eq 2 ]
	in_root tools sh -c 'echo mine >/tmp/mine; echo mine >/run/mine'
	[[ ! -e /tmp/mine && ! -e /run/mine && ! -e $TREE/tmp/mine && ! -e $TREE/run/mine ]]
}

@test "the host cannot be reached" {
	run in_root none sh -c 'mknod /root/sda b 8 0'
	[ "$status" -ne 0 ]
	run in_root none sh -c 'ls -d /../../etc/crossroot-none; mount --bind / /mnt && ls /mnt/var/cache/crossroot-tests'
	[ "$status" -ne 0 ]
	run in_root none sh -c 'kill -9 '$$
	[ "$status" -ne 0 ]
	run in_root none sh -c 'hostname crossroot-changed'
	[ "$(hostname)" != crossroot-changed ]
	# no descriptor of the host's comes along
	run in_root none sh -c 'ls /proc/self/fd | wc -l' 9</etc/passwd
	[ "$output" -le 5 ]
}

@test "what a program leaves behind is reaped, or ends with the run" {
	run in_root tools sh -c '
		(sleep 0.2 &) ; (sh -c "exit 3" &)
		for i in 1 2 3 4 5 6 7 8 9 10; do
			sleep 0.1; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null && zombie=1 || zombie=0
		done; exit $zombie'
	[ "$status" -eq 0 ]
	in_root none sh -c 'setsid sleep 987654 >/dev/null 2>&1 &'
	sleep 0.3
	! pgrep -f 'sleep 987654'
}

@test "exit statuses and signals" {
	local code sig pid status
	for code in 0 1 2 77 125 126 127 128 255; do
		run in_root tools sh -c "exit $code"
		[ "$status" -eq "$code" ]
	done
	run in_root none sh -c 'kill -SEGV $$'
	[ "$status" -eq 139 ]
	for sig in TERM INT HUP USR1; do
		: >"$HYBRID/out"
		# exec: so that $! is crossroot itself
		(exec "$CROSSROOT" run --state-dir "$HYBRID/state" t -- sh -c "
			trap 'exit 42' $sig; echo up; while :; do sleep 0.05; done" \
			>"$HYBRID/out") & pid=$!
		for _ in {1..100}; do
			grep -q up "$HYBRID/out" && break
			sleep 0.05
		done
		kill -$sig $pid
		status=0
		wait $pid || status=$?
		[ "$status" -eq 42 ]
	done
}

@test "runs of one root at the same time do not see each other" {
	local i pids=()
	for i in 1 2 3 4; do
		in_root tools sh -euc "
			echo $i >/tmp/which; sleep 0.5; test \$(cat /tmp/which) = $i
			test \$(ls -d /proc/[0-9]* | wc -l) -le 5" & pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
}

@test "enter without a terminal reads a script" {
	run cr enter t <<<'uname -m; exit 5'
	[ "$status" -eq 5 ]
	[ "$output" = aarch64 ]
}

@test "users" {
	run in_root tools sh -c 'id -u; id -G; echo $HOME $USER $SHELL'
	[ "$output" = $'0\n0\n/root root /bin/bash' ]
	RUN_OPTS=(--user nobody)
	run in_root tools sh -c 'id -un; echo $USER; touch /root/x'
	[[ $status -ne 0 && $output == $'nobody\nnobody\n'*"Permission denied"* ]]
	RUN_OPTS=(--user 1234)
	run in_root none sh -c 'id -u; touch /tmp/x && stat -c %u /tmp/x'
	[ "$output" = $'1234\n1234' ]
	# ownership on disk is the same number inside
	touch "$TREE/root/owned" && chown 4321:77 "$TREE/root/owned"
	RUN_OPTS=()
	run in_root none stat -c '%u %g' /root/owned
	[ "$output" = "4321 77" ]
	in_root none chown 99:98 /root/owned
	[ "$(stat -c '%u %g' "$TREE/root/owned")" = "99 98" ]
	rm "$TREE/root/owned"
}

@test "names are resolved and certificates found" {
	cmp <(in_root none cat /etc/resolv.conf) /etc/resolv.conf
	mv "$TREE/etc/resolv.conf" "$HYBRID/resolv.conf" 2>/dev/null || :
	ln -s ../run/systemd/resolve/stub-resolv.conf "$TREE/etc/resolv.conf"
	cmp <(in_root none cat /etc/resolv.conf) /etc/resolv.conf
	rm "$TREE/etc/resolv.conf"
	run in_root none sh -c 'test -s /etc/ssl/certs/ca-certificates.crt && echo "${SSL_CERT_FILE-own}"'
	[ "$output" = own ]
	mv "$TREE/etc/ssl/certs/ca-certificates.crt" "$HYBRID/ca"
	run in_root none sh -c 'test -s "$SSL_CERT_FILE" && echo "$SSL_CERT_FILE"'
	mv "$HYBRID/ca" "$TREE/etc/ssl/certs/ca-certificates.crt"
	[ "$output" = /run/crossroot/ca-certificates.crt ]
	[ ! -e "$TREE/run/crossroot" ]
}

@test "the environment is the caller's, without what names the host" {
	RUN_ENV=(KEPT=1 LD_LIBRARY_PATH=/x LD_PRELOAD=/x.so CBUILD=x CTARGET=x
		GCC_EXEC_PREFIX=/x SANDBOX_ACTIVE=x PKG_CONFIG_PATH=/x HOSTTYPE=x
		HOME=/host USER=host LOGNAME=host SHELL=/bin/host)
	RUN_OPTS=(--env ADDED=2 --env KEPT=3)
	run in_root none env
	[[ $output == *ADDED=2* && $output == *KEPT=3* && $output == *HOME=/root* ]]
	[[ $output == *SHELL=/bin/bash* && $output != */host* && $output != *=host* ]]
	! grep -E '^(LD_|CBUILD|CTARGET|GCC_|SANDBOX|PKG_CONFIG|HOSTTYPE)' <<<"$output" || return 1
	RUN_ENV=(HOME=/host SHELL=/bin/host)
	# --env has the last word, on who the user is too
	RUN_OPTS=(--env HOME=/build --env USER=a --env LOGNAME=b --env SHELL=/bin/c)
	run in_root none sh -c 'echo $HOME $USER $LOGNAME $SHELL'
	[ "$output" = "/build a b /bin/c" ]
}

@test "destroy deletes nothing that is not the root's" {
	local stage out=$HYBRID/outside
	stage=$("$TOP/tests/stage/make-stage" arm64)
	cr create d --stage "$stage"
	mkdir "$out" && echo keep >"$out/file"
	ln -s "$out" "$HYBRID/state/roots/d/tree/root/link"
	unshare --mount bash -euc '
		mkdir "$1/state/roots/d/tree/mnt/m"
		mount --bind "$1/outside" "$1/state/roots/d/tree/mnt/m"
		! "$CROSSROOT" destroy d --state-dir "$1/state" 2>"$1/err"' - "$HYBRID"
	grep -q "mounted on '.*tree/mnt/m'" "$HYBRID/err"
	grep -q "root 'd' is whole" "$HYBRID/err"
	[ -e "$HYBRID/state/roots/d/tree/bin/sh" ]
	cr destroy d
	[ "$(cat "$out/file")" = keep ]
	[ ! -e "$HYBRID/state/roots/d" ]
}
