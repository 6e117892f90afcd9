# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTTP server for a mirror that has a fault: odd.py DIR READY MODE [ARG]...

Only stages have the fault; indexes and digests are served well. READY gets the port,
a line "RANGE FIRST LAST" or "WHOLE" is printed for each request of a stage.

cut N...        the next answers end after N bytes each, then all is well
norange N...    the same, and ranges are not known
long, short     Content-Length is too large, too small
garbage         no HTTP
close           the connection is closed without a word
slow            a byte a second
status N        the answer is N
redirect N      N redirects, then the file
loop            redirects without end
stall N         N bytes, then nothing
"""
import http.server
import os
import re
import socketserver
import sys
import time

top, ready, mode = sys.argv[1:4]
args = [int(a) for a in sys.argv[4:]]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")
        name = os.path.join(top, path[0].lstrip("/"))
        odd = name.endswith(".tar.xz")
        if odd:
            print(self.headers.get("Range", "WHOLE"), flush=True)
        self.close_connection = True
        if not os.path.isfile(name):
            return self.plain(404, b"not here\n")
        if odd and mode == "status":
            return self.plain(args[0], b"no\n")
        if odd and mode == "garbage":
            return self.wfile.write(os.urandom(4096))
        if odd and mode == "close":
            return None
        if odd and mode in ("loop", "redirect"):
            hops = int(path[1]) if len(path) > 1 else 0
            if mode == "loop" or hops < args[0]:
                self.send_response(302)
                self.send_header("Location", f"{path[0]}?{hops + 1}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
        with open(name, "rb") as f:
            return self.send_body(f.read(), odd)

    def plain(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def send_body(self, data, odd):
        size, first = len(data), 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not (odd and mode == "norange"):
            first = int(asked[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
        else:
            self.send_response(200)
        length = size - first
        if odd and mode in ("long", "short"):
            length += 1000 if mode == "long" else -1000
        self.send_header("Content-Length", str(length))
        self.end_headers()
        rest = data[first:]
        if odd and mode in ("cut", "norange") and args:
            rest = rest[: args.pop(0)]
        if odd and mode == "stall":
            self.wfile.write(rest[: args[0]])
            time.sleep(3600)
        if odd and mode == "slow":
            for i in range(len(rest)):
                self.wfile.write(rest[i : i + 1])
                time.sleep(1)
        self.wfile.write(rest)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


with Server(("127.0.0.1", 0), Handler) as server:
    with open(ready + ".new", "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(ready + ".new", ready)
    server.serve_forever()
