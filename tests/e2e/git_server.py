# SPDX-License-Identifier: Apache-2.0
"""A small smart-HTTP server in front of berth-git, so that the real git can push to it without an
agent. It does what the agent does: starts a child for each request, hands it the body, and answers
on its control descriptor with deploy events, which the test chooses."""
import http.server
import json
import os
import socket
import subprocess
import threading

LIVE = [
    {"type": "state", "state": "building"},
    {"type": "step", "name": "install", "status": "done", "ms": 1200},
    {"type": "log", "source": "build", "line": "hello from the build"},
    {"type": "end", "state": "live", "exit": 0, "release": 1, "url": "https://shop.localhost:8443", "ms": 1500},
]


class UnixServer(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "agent", 0

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("agent", 0)


class GitServer:
    """Serves folder/<name>.git at /<name>.git and at /git/<name>.git, on a free port (`url`) and on a
    UNIX socket (`socket`); `events` are sent for each branch."""

    def __init__(self, program, folder, extra=()):
        self.program, self.folder, self.extra = str(program), str(folder), list(extra)
        self.events = list(LIVE)
        self.pushed = []  # what berth-git told its agent
        self.errors = []  # (exit status, stderr) of each child
        self.bodies = []  # (encoding, transfer) of each POST
        self.body_bytes = 0
        self.on_pushed = None  # called before the events are sent
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                server.on_get(self)

            def do_POST(self):
                server.on_post(self)

        self.socket = os.path.join(self.folder, "agent.sock")
        self.listeners = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler),
                          UnixServer(self.socket, Handler)]
        self.url = "http://127.0.0.1:%d" % self.listeners[0].server_port
        for listener in self.listeners:
            listener.daemon_threads = True
            threading.Thread(target=listener.serve_forever, daemon=True).start()

    def close(self):
        for listener in self.listeners:
            listener.shutdown()
            listener.server_close()

    def repo(self, path):
        parts = path.split("/")
        return os.path.join(self.folder, parts[2] if parts[1] == "git" else parts[1])

    def on_get(self, h):
        child = subprocess.run([self.program, "advertise", "--repo", self.repo(h.path)],
                               capture_output=True, check=False)
        self.errors.append((child.returncode, child.stderr.decode()))
        h.send_response(200 if child.returncode == 0 else 500)
        h.send_header("Content-Type", "application/x-git-receive-pack-advertisement")
        h.send_header("Content-Length", str(len(child.stdout)))
        h.end_headers()
        h.wfile.write(child.stdout)

    def body(self, h):
        if h.headers.get("Transfer-Encoding") != "chunked":
            left = int(h.headers.get("Content-Length", 0))
            while left > 0:
                data = h.rfile.read(min(left, 65536))
                if not data:
                    return
                left -= len(data)
                yield data
            return
        while True:
            size = int(h.rfile.readline().split(b";")[0], 16)
            data = h.rfile.read(size)
            h.rfile.readline()
            if size == 0:
                return
            yield data

    def talk(self, control):
        with control.makefile("rw") as lines:
            for line in lines:
                self.pushed.append(json.loads(line))
                if self.on_pushed:
                    self.on_pushed()
                if self.events is None:
                    control.shutdown(socket.SHUT_RDWR)
                    return
                for event in self.events:
                    lines.write(json.dumps(event) + "\n")
                    lines.flush()

    def feed(self, h, child):
        try:
            for data in self.body(h):
                self.body_bytes += len(data)
                try:
                    child.stdin.write(data)
                except BrokenPipeError:
                    pass
            child.stdin.close()
        except BrokenPipeError:
            pass

    def on_post(self, h):
        ours, theirs = socket.socketpair()
        encoding = h.headers.get("Content-Encoding", "")
        self.bodies.append((encoding, h.headers.get("Transfer-Encoding", "")))
        argv = [self.program, "receive", "--repo", self.repo(h.path), "--control-fd", str(theirs.fileno())]
        argv += ["--gzip"] if encoding == "gzip" else []
        child = subprocess.Popen(argv + self.extra, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, pass_fds=[theirs.fileno()])
        theirs.close()
        threading.Thread(target=self.talk, args=(ours,), daemon=True).start()
        feeder = threading.Thread(target=self.feed, args=(h, child), daemon=True)
        feeder.start()
        out = child.stdout.read()
        error = child.stderr.read().decode()
        status = child.wait()
        feeder.join()
        ours.close()
        self.errors.append((status, error))
        h.send_response(200 if status == 0 else 400 if status == 2 else 500)
        h.send_header("Content-Type", "application/x-git-receive-pack-result")
        h.send_header("Content-Length", str(len(out)))
        h.end_headers()
        h.wfile.write(out)
