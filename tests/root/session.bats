#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Sessions that go wrong, and what a terminal is asked to bear: see session.py.

load helper

# at_terminal: run the Python on standard input, which plays the user.
at_terminal() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$BATS_TEST_DIRNAME timeout -k 5 120 \
		python3 -c "from session import *
$(cat)" 3>&- </dev/null
}

@test "a terminal of the root's own, with job control" {
	at_terminal <<-'EOF'
		t = enter()
		assert t.run("tty") == ("/dev/pts/0", 0)
		assert t.run("test -t 0 && test -t 1 && test -t 2")[1] == 0
		assert t.run("ls /dev/pts")[0].split() == ["0", "ptmx"]
		assert t.run("echo there >/dev/tty") == ("there", 0)
		assert t.run("echo there >$(tty)") == ("there", 0)
		assert t.run("uname -m") == ("aarch64", 0)
		assert "job control" not in t.text, t.text
		t.send("exit\n")
		assert t.wait() == 0
	EOF
}

@test "jobs are stopped, continued and interrupted" {
	at_terminal <<-'EOF'
		t = enter()
		t.run("sleep 1000 & true")
		t.send("fg\n")
		t.expect("sleep 1000\r\n")
		time.sleep(0.3)
		t.send("\x1a")
		t.expect("Stopped")
		assert "Stopped" in t.run("jobs")[0]
		t.run("bg")
		assert "Running" in t.run("jobs")[0]
		t.send("fg\n")
		t.expect("sleep 1000\r\n")
		time.sleep(0.3)
		t.send("\x03")
		t.expect(r"\^C(?s:.*)# $")
		assert t.run("jobs") == ("", 0)
		# an emulated program likewise
		t.send("/run/crossroot/emulated/bin/sleep 1000\n")
		t.expect("sleep 1000\r\n")
		time.sleep(0.5)
		t.send("\x03")
		t.expect(r"\^C(?s:.*)# $")
		assert t.run("echo $?")[0] == "130", t.text
		t.send("\x04")
		t.wait()
	EOF
}

@test "the window's size is followed" {
	at_terminal <<-'EOF'
		t = enter()
		assert t.run("stty size")[0] == "40 200"
		t.resize(33, 133)
		time.sleep(0.3)
		assert t.run("stty size")[0] == "33 133"
		t.run("trap 'echo size of $(stty size)' WINCH")
		t.resize(44, 144)
		t.send("\n")
		t.expect("size of 44 144")
		t.send("exit\n")
		t.wait()
	EOF
}

@test "its end is passed on, and the terminal as it was" {
	at_terminal <<-'EOF'
		for end, status in ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137):
		    t = enter()
		    assert not t.same_settings()
		    t.send(end + "\n")
		    got = t.wait()
		    assert got == status, (end, got, t.text)
		    assert t.same_settings(), end
	EOF
}

@test "the terminal is as it was after kills from outside" {
	at_terminal <<-'EOF'
		t = enter()
		shells = t.inside("bash")
		assert shells
		for pid in shells:
		    os.kill(pid, signal.SIGKILL)
		assert t.wait() == 137
		assert t.same_settings()
		for sig in signal.SIGTERM, signal.SIGHUP:
		    t = enter()
		    t.send("exec sleep 1000\n")
		    t.expect("1000\r\n")
		    time.sleep(0.5)
		    t.proc.send_signal(sig)
		    assert t.wait() == 128 + sig, sig
		    assert t.same_settings(), sig
	EOF
}

@test "a terminal that goes away takes the session along" {
	at_terminal <<-'EOF'
		t = enter()
		t.send("setsid sleep 1000 & sleep 1000\n")
		time.sleep(1)
		left = [t.proc.pid] + t.inside("sleep")
		assert len(left) == 3, left
		t.hang_up()
		deadline = time.monotonic() + 5
		while t.proc.poll() is None and time.monotonic() < deadline:
		    time.sleep(0.05)
		assert t.proc.poll() is not None, "still there"
		assert gone(left)
	EOF
}

@test "a hangup reaches what run runs" {
	at_terminal <<-'EOF'
		t = Terminal([os.environ["CROSSROOT"], "run", "t", "--state-dir",
		              os.environ["HYBRID"] + "/state", "--bind",
		              os.environ["BATS_TEST_TMPDIR"] + ":/mnt", "--", "sh", "-c",
		              "trap 'echo hup >/mnt/said; exit 5' HUP; echo ready; "
		              "while :; do sleep 0.1; done"])
		t.expect("ready")
		t.hang_up()
		assert t.proc.wait(10) == 5
	EOF
	grep hup "$BATS_TEST_TMPDIR/said"
}

@test "an error before there is a terminal is told" {
	at_terminal <<-'EOF'
		for option, value, text in (("--bind", "/nonexistent:/mnt", "/nonexistent"),
		                            ("--user", "nobody-here", "no user 'nobody-here'"),
		                            ("--chdir", "/nowhere", "'/nowhere' in the root")):
		    t = Terminal([os.environ["CROSSROOT"], "enter", "t", option, value,
		                  "--state-dir", os.environ["HYBRID"] + "/state"])
		    assert t.wait() == 125
		    assert "crossroot: error: " in t.text and text in t.text, t.text
		    assert t.same_settings()
	EOF
}

@test "much is printed, and much is typed before anybody reads" {
	at_terminal <<-'EOF'
		t = enter()
		text, status = t.run("seq 1 50000")
		want = [str(i) for i in range(1, 50001)]
		assert text.split() == want, (len(text), text[:80], text[-80:])
		# the terminal's own echo may drop some of so much
		t.send("stty -echo; echo re''ady; cat\n")
		t.expect("ready\r\n")
		lines = ["%06d %s" % (i, "x" * 70) for i in range(5000)]
		start = t.seen
		t.type_while_reading("".join(line + "\n" for line in lines))
		t.expect("004999 x+\r\n")
		assert t.text[start:t.seen].split("\r\n")[:-1] == lines
		t.send("\x04")
		t.send("exit 6\n")
		assert t.wait() == 6
	EOF
}

@test "--user and --chdir" {
	echo "alice:x:4321:4321::/tmp:/bin/bash" >>"$TREE/etc/passwd"
	at_terminal <<-'EOF'
		t = enter("--user", "alice", "--chdir", "/usr/share")
		assert t.run("id -u")[0] == "4321"
		assert t.run("pwd; echo $HOME $USER $SHELL")[0] == "/usr/share\n/tmp alice /bin/bash"
		assert t.run("tty")[0] == "/dev/pts/0"
		assert t.run("echo there >/dev/tty") == ("there", 0)
		assert t.run("echo there >$(tty)") == ("there", 0)
		assert t.run("touch /root/x")[1] != 0
		t.send("exit 3\n")
		assert t.wait() == 3
	EOF
	sed -i /^alice:/d "$TREE/etc/passwd"
}

