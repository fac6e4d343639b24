# SPDX-License-Identifier: Apache-2.0
"""Small apps that the tests deploy. They need python3 and nothing else: no package registry."""

import rig

SERVER = '''\
import http.server, os, sys, time

MODE = "{mode}"
BODY = b"v{version}\\n" * 400

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body in one segment

    def do_GET(self):
        status, body = 200, BODY
        if MODE == "error":
            status, body = 500, b"broken inside\\n"
        if self.path == "/env":
            body = "".join(f"{{k}}={{v}}\\n" for k, v in sorted(os.environ.items())).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

print("starting v{version}", flush=True)
if MODE == "exit":
    print("cannot find my configuration", file=sys.stderr, flush=True)
    sys.exit(3)
if MODE == "deaf":
    print("thinking about it", flush=True)
    time.sleep(3600)
Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
'''


def site(version, **more):
    """A static site of one page, as the load generator reads it."""
    return {"index.html": rig.body(version), **more}


def server(version, mode="ok", manifest=""):
    """An app with a process. Modes: ok, exit, deaf, error."""
    return {
        "server.py": SERVER.format(version=version, mode=mode),
        "Procfile": "web: python3 -u server.py\n",
        "berth.yaml": manifest or "processes:\n  web: {health: {timeout: 60s}}\n",
    }
