# SPDX-License-Identifier: Apache-2.0
"""An agent that answers by a script, for what a real one cannot be made to do on demand: break a
connection in the middle of a stream, send hostile text, hang. Everything else is tested against
the real agent (test_cli.py)."""
import http.server
import json
import os
import socket
import socketserver
import threading


class UnixServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    address_family = socket.AF_UNIX
    daemon_threads = True

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "agent", 0

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("agent", 0)

    def handle_error(self, request, client_address):
        pass  # clients that leave in the middle are what some tests are about


class ScriptedAgent:
    """`routes` maps "METHOD /path" (without query) to (status, object). `streams` is a list of scripts for
    the stream routes: each connection takes the next one. A script is a list of objects to send as lines,
    bytes to send as they are, functions to call, or "cut" to break the connection."""

    def __init__(self, folder):
        self.socket = os.path.join(str(folder), "agent.sock")
        self.routes, self.streams, self.requests = {}, [], []
        self.cancelled = threading.Event()
        self.connections = 0
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                agent.connections += 1
                super().setup()

            def log_message(self, *_):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                path = self.path.split("?")[0]
                agent.requests.append((f"{self.command} {self.path}", json.loads(body or "null")))
                if path.endswith(("/events", "/logs", "/info/refs")) and self.command == "GET" and agent.streams:
                    return self.stream(agent.streams.pop(0))
                if self.command == "DELETE" and "/deploys/" in path:
                    agent.cancelled.set()
                status, value = agent.routes.get(
                    f"{self.command} {path}", (404, error("not_found", f"no {path}", 5)))
                text = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = do_PATCH = answer

            def stream(self, script):
                self.send_response(200)
                self.send_header("Content-Type", "application/x-ndjson")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for item in script:
                    if callable(item):
                        item()
                        continue
                    if item == "cut":
                        self.wfile.flush()
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
                    data = item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

        self.server = UnixServer(self.socket, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        self.cancelled.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def error(code, message, exit_code, hint=""):
    return {"error": {"code": code, "message": message, "hint": hint, "exit": exit_code}}
