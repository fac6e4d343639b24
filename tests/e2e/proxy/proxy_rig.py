# SPDX-License-Identifier: Apache-2.0
"""A real berth-proxy in a folder of its own, an origin that does what a test says, and a client
that sends bytes and reads responses strictly. Standard library and the openssl command only."""

import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

import rig

HOST = "app.test"
# Long: a busy machine is no failure. Tests that wait for one of them set it.
TIMEOUTS = {"header": 20000, "idle": 20000, "body": 20000, "connect": 10000, "upstream": 20000,
            "stream": 20000, "drain": 20000}


def make_certificate(folder, name, hosts):
    """A self-signed certificate: the entry for the route table."""
    chain, key = f"{folder}/{name}.pem", f"{folder}/{name}.key"
    names = ",".join("DNS:" + h for h in hosts)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={hosts[0]}", "-addext",
         f"subjectAltName={names}", "-keyout", key, "-out", chain],
        check=True, capture_output=True)
    return {"name": name, "chain": chain, "key": key}


class Proxy:
    """Starts with a table (or without one), over free ports; control() speaks its socket."""

    def __init__(self, table=None, table_text=None, **config):
        self.folder = tempfile.mkdtemp(prefix="berth-proxy-")
        self.http, self.https = rig.free_ports(2)
        self.routes = f"{self.folder}/routes.json"
        self.socket = f"{self.folder}/control.sock"
        text = json.dumps(table) if table is not None else table_text
        if text is not None:
            with open(self.routes, "w", encoding="utf-8") as f:
                f.write(text)
        self.config = {
            "http": [f"127.0.0.1:{self.http}"], "https": [f"127.0.0.1:{self.https}"],
            "control": self.socket, "routes": self.routes, "workers": 2,
            "https_port": self.https, **config,
            "timeouts": {**TIMEOUTS, **config.get("timeouts", {})}}
        with open(f"{self.folder}/proxy.json", "w", encoding="utf-8") as f:
            json.dump(self.config, f)
        self.process = None
        self.log_file = open(f"{self.folder}/log", "w+b")

    def start(self, **options):
        self.process = subprocess.Popen(
            [rig.program("berth-proxy"), "--config", f"{self.folder}/proxy.json"],
            stderr=self.log_file, **options)
        rig.wait_for(lambda: os.path.exists(self.socket) or self.process.poll() is not None,
                     "the control socket")
        assert self.process.poll() is None, self.log()
        return self

    def log(self):
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, seconds=40):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def close(self):
        code = self.stop()
        log = self.log()
        self.log_file.close()
        subprocess.run(["rm", "-rf", self.folder], check=True)
        assert code == 0, f"exit status {code}\n{log}"
        assert not rig.SANITIZER.search(log), log

    def control(self, *requests, seconds=30):
        """Sends requests on one connection; their answers by id."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds)
            s.connect(self.socket)
            for i, request in enumerate(requests):
                s.sendall(json.dumps({"id": i, **request}).encode() + b"\n")
            answers, text = {}, b""
            while len(answers) < len(requests):
                data = s.recv(65536)
                assert data, "the control connection was closed"
                text += data
                *lines, text = text.split(b"\n")
                for line in lines:
                    answer = json.loads(line)
                    answers[answer["id"]] = answer
        return [answers[i] for i in range(len(requests))]

    def apply(self, table):
        return self.control({"op": "apply", "table": table})[0]

    def release(self, app, number):
        """The counters of a release, or None when the proxy has forgotten it."""
        status = self.control({"op": "status"})[0]
        return next((r for r in status["releases"]
                     if (r["app"], r["release"]) == (app, number)), None)

    def connect_raw(self, tls=False):
        """A TCP connection to the HTTPS or the HTTP port."""
        s = socket.create_connection(
            ("127.0.0.1", self.https if tls else self.http), timeout=30)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def connect(self, tls=False, name=HOST, **context_options):
        s = self.connect_raw(tls)
        if not tls:
            return s
        return tls_context(**context_options).wrap_socket(s, server_hostname=name)

    def ask(self, path="/", host=HOST, tls=False, method="GET", fields="", body=b"", name=None):
        """One request on a connection of its own."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        with self.connect(tls, name or host) as s:
            s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
                      f"{fields}{length}\r\n".encode() + body)
            return Reader(s).response(head_only=method == "HEAD")


def tls_context(low=None, high=None, alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if low:
        context.minimum_version = low
    if high:
        context.maximum_version = high
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class Truncated(Exception):
    """The connection ended inside a response, visibly."""


class Response:
    def __init__(self, status, fields):
        self.status, self.fields, self.body = status, fields, b""

    def __getitem__(self, name):
        """The values of all fields of that name, joined; None when there is none."""
        values = [v for n, v in self.fields if n == name.lower()]
        return ", ".join(values) if values else None


class Reader:
    """Reads messages from a socket, strictly: a bare LF or a second framing is an error."""

    def __init__(self, s):
        self.socket, self.buffer = s, b""

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            raise Truncated("reset") from None
        if not data:
            raise Truncated("end of the connection")
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r") and b"\r" not in line[:-1], line
        return line[:-1]

    def head(self):
        first = self.line().decode("latin-1")
        fields = []
        while line := self.line():
            name, value = line.decode("latin-1").split(":", 1)
            assert name == name.strip(), line
            fields.append((name.lower(), value.strip()))
        return first, fields

    def response(self, head_only=False):
        first, fields = self.head()
        version, status = first.split(" ")[:2]
        assert version == "HTTP/1.1" and len(status) == 3, first
        r = Response(int(status), fields)
        if not head_only and r.status >= 200 and r.status not in (204, 304):
            self.read_body(r)
        return r

    def read_body(self, r):
        assert not (r["content-length"] and r["transfer-encoding"])
        if r["content-length"]:
            r.body = self.take(int(r["content-length"]))
        elif r["transfer-encoding"]:
            while chunk := self.chunk():
                r.body += chunk
        else:
            try:
                while True:
                    self.more()
            except Truncated as e:
                if "reset" in str(e):
                    raise
            r.body, self.buffer = self.buffer, b""

    def chunk(self):
        size = int(self.line(), 16)
        data = self.take(size)
        assert self.line() == b""
        return data

    def request(self):
        """A request as the origin sees it: first line, fields, body."""
        first, fields = self.head()
        r = Response(first, fields)
        if r["content-length"]:
            r.body = self.take(int(r["content-length"]))
        elif r["transfer-encoding"] == "chunked":
            while chunk := self.chunk():
                r.body += chunk
        return r

    def is_closed(self):
        """Does the peer close, without sending anything more?"""
        try:
            self.more()
        except Truncated:
            return True
        return False


def ok(body=b"hello", fields=""):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


class Origin:
    """An app on a port or a UNIX socket. `script` gets the connection and each request on it; what
    it returns is sent; None closes. What was asked is in `seen`."""

    def __init__(self, script=None, path=None):
        self.script = script or (lambda s, request: ok())
        self.seen = queue.Queue()
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(path or ("127.0.0.1", 0))
        self.listener.listen(256)
        self.address = ("unix:" + path if path
                        else f"tcp:127.0.0.1:{self.listener.getsockname()[1]}")
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        reader = Reader(s)
        try:
            with s:
                while True:
                    request = reader.request()
                    self.seen.put(request)
                    answer = self.script(s, request)
                    if answer is None:
                        return
                    s.sendall(answer)
        except (Truncated, OSError, ValueError, AssertionError):
            pass

    def requests(self):
        """What has been asked so far."""
        found = []
        while not self.seen.empty():
            found.append(self.seen.get())
        return found

    def close(self):
        """Refuses connections from now on."""
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()


def table(*addresses, version=1, release=1, **site):
    """A table of one site; a certificate when there is one in the arguments."""
    certificate = site.pop("certificate_entry", None)
    t = {"version": version,
         "sites": [{"app": "app", "release": release, "hosts": [HOST],
                    "routes": [{"prefix": "/", "upstream": "app"}], **site}],
         "upstreams": [{"name": "app", "addresses": list(addresses)}]}
    if certificate:
        t["certificates"] = [certificate]
        t["default_certificate"] = certificate["name"]
    return t

