# SPDX-License-Identifier: Apache-2.0
"""An app with a secret in its environment, one in its volume, and a UNIX socket."""
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

COUNT = Path(os.environ["BERTH_VOLUMES"]) / "media" / "count"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/count":
            count = int(COUNT.read_text()) + 1 if COUNT.exists() else 1
            COUNT.write_text(str(count))
            body = str(count)
        elif self.path == "/pid":
            body = str(os.getpid())
        else:
            body = "victim " + os.environ["BERTH_RELEASE"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def address_string(self):
        return "proxy"

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 128


COUNT.with_name("note").write_text(os.environ.get("SECRET", "") + "\n")
Server(sys.argv[1].removeprefix("unix:"), Handler).serve_forever()
