# SPDX-License-Identifier: GPL-2.0-or-later
"""A user at a terminal: starts a program on a pty of its own, types, reads."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time


class Terminal:
    all = []

    def __init__(self, argv, rows=40, cols=200):
        Terminal.all.append(self)
        self.master, self.slave = os.openpty()
        self.text = ""
        self.seen = 0
        self.resize(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.proc = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True, env=dict(os.environ, TERM="dumb"),
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, rows, cols):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, timeout):
        if not select.select([self.master], [], [], timeout)[0]:
            return False
        self.text += os.read(self.master, 65536).decode(errors="replace")
        return True

    def type_while_reading(self, text, timeout=60):
        """What a terminal's paste does: it takes long, and output comes meanwhile."""
        todo = text.encode()
        end = time.monotonic() + timeout
        os.set_blocking(self.master, False)
        while todo:
            if time.monotonic() > end:
                self.fail(f"{len(todo)} bytes could not be typed")
            try:
                todo = todo[os.write(self.master, todo[:4096]):]
                self.read(0)
            except BlockingIOError:
                self.read(0.01)
        os.set_blocking(self.master, True)

    def expect(self, pattern, timeout=30):
        """The match of @pattern in what was not yet matched."""
        end = time.monotonic() + timeout
        while True:
            m = re.compile(pattern).search(self.text, self.seen)
            if m:
                self.seen = m.end()
                return m
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                self.fail(f"waited in vain for {pattern!r}")

    def run(self, command):
        """Type @command to a shell: (its output, its status)."""
        self.send(f"{command}; printf 'END%s\\n' OK$?\n")
        self.expect(r"OK\$\?\r\n")
        start = self.seen
        m = self.expect(r"ENDOK(\d+)\r\n")
        # the shell must have the terminal again, or what is typed next shows twice
        self.expect(r"[#$] $")
        return self.text[start:m.start()].replace("\r\n", "\n").strip(), int(m[1])

    def wait(self, timeout=20):
        """The status as a shell would have it; what is still said is read."""
        end = time.monotonic() + timeout
        while self.proc.poll() is None:
            if time.monotonic() > end:
                self.fail("it does not end")
            self.read(0.05)
        while self.read(0):
            pass
        code = self.proc.returncode
        return 128 - code if code < 0 else code

    def same_settings(self):
        return termios.tcgetattr(self.slave) == self.before

    def hang_up(self):
        os.close(self.slave)
        os.close(self.master)

    def inside(self, name):
        """The host's ids of the processes called @name below the program."""
        children = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    comm, rest = re.match(r"\d+ \((.*)\) \S (\d+)", f.read(), re.S).groups()
            except OSError:
                continue
            children.setdefault(int(rest), []).append((int(pid), comm))
        found, todo = [], [self.proc.pid]
        while todo:
            for pid, comm in children.get(todo.pop(), []):
                todo.append(pid)
                if comm == name:
                    found.append(pid)
        return found

    def fail(self, why):
        raise AssertionError(why)


def leave(kind, value, trace):
    """A test that fails shows what its user saw, and leaves no session."""
    sys.__excepthook__(kind, value, trace)
    for t in Terminal.all:
        if t.proc.poll() is None:
            print(f"the terminal shows:\n{t.text[-700:]}", file=sys.stderr)
            t.proc.kill()
            t.proc.wait()


sys.excepthook = leave


def gone(pids, timeout=2):
    end = time.monotonic() + timeout
    while any(os.path.exists(f"/proc/{p}") for p in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def enter(*options):
    """A session in the file's root, at its first prompt."""
    t = Terminal([os.environ["CROSSROOT"], "enter", "t", "--state-dir",
                  os.environ["HYBRID"] + "/state", *options])
    t.expect(r"[#$] $")
    return t
