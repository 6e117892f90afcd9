# SPDX-License-Identifier: GPL-2.0-or-later
"""Type into a command on a terminal of its own.

terminal.py ROWSxCOLS SCRIPT -- CMD...: SCRIPT has a line for each step:
  > TEXT    type TEXT and return (\\xNN is a byte)
  < REGEX   wait until the output since the last match has REGEX
  size RxC  resize the terminal
  wait SECONDS
Prints what came out; then "exit N", and "restored" if the terminal's settings are
what they were.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

LIMIT = 30


def resize(fd, size):
    rows, cols = size.split("x")
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(cols), 0, 0))


def main():
    size, script, _, *cmd = sys.argv[1:]
    master, slave = pty.openpty()
    resize(slave, size)
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        os.closerange(3, 64)
        os.execvp(cmd[0], cmd)
    out = b""
    seen = 0

    def read(timeout):
        nonlocal out
        if select.select([master], [], [], timeout)[0]:
            try:
                out += os.read(master, 65536)
            except OSError:
                pass

    for line in script.splitlines():
        what, _, rest = line.strip().partition(" ")
        if what == ">":
            rest = rest.encode().decode("unicode_escape").encode("latin1")
            os.write(master, rest if rest[-1:] < b" " else rest + b"\r")
        elif what == "wait":
            time.sleep(float(rest))
        elif what == "size":
            resize(slave, rest)
        elif what == "<":
            end = time.time() + LIMIT
            while not (m := re.search(rest.encode(), out[seen:])):
                if time.time() > end:
                    sys.exit(f"no {rest!r} in {out[seen:]!r}")
                read(0.2)
            seen += m.end()
    end = time.time() + LIMIT
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.time() > end:
            os.kill(pid, 9)
            sys.exit(f"does not end: {out[seen:]!r}")
        read(0.1)
    read(0)
    sys.stdout.write(out.decode(errors="replace"))
    print(f"\nexit {os.waitstatus_to_exitcode(status)}")
    if termios.tcgetattr(slave) == before:
        print("restored")


main()
