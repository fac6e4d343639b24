# SPDX-License-Identifier: Apache-2.0
"""The rig of the end-to-end tests: a standalone agent in a folder of its own, the CLI, an HTTPS
client that trusts only its CA, repositories, and load. Standard library only; nothing is mocked."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BERTH_BIN") or os.path.join(ROOT, "build/dev/bin")
LOAD = os.path.join(os.path.dirname(BIN.rstrip("/")), "test/load")

SANITIZER = re.compile(
    r"(ERROR: \w+Sanitizer|runtime error: |SUMMARY: \w+Sanitizer|bug: .* is not true)")


def program(name):
    return os.path.join(BIN, name)


def wait_for(condition, what, seconds=60):
    """Asks until the condition holds; its value. There is no other sleep in the tests."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def free_ports(count):
    """Ports that nobody has now. All are held until all are chosen."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def processes_of(folder):
    """Pids that run in the folder or name it in their command line."""
    found = []
    needle = folder.encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            cwd = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if int(pid) != os.getpid() and (needle in line or (cwd + "/").startswith(folder + "/")):
            found.append((int(pid), line.replace(b"\0", b" ").decode("utf-8", "replace").strip()))
    return found


class Result:
    """What a command said and how it ended."""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err, self.seconds = argv, code, out, err, seconds

    def __repr__(self):
        return (f"{' '.join(self.argv)}\nexit status {self.code} after {self.seconds:.2f} s\n"
                f"--- stdout\n{self.out}\n--- stderr\n{self.err}")

    @property
    def json(self):
        return json.loads(self.out)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.text[:500]}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.unix_path)


class LocalTls(http.client.HTTPSConnection):
    """Connects to 127.0.0.1 whatever the host is called; the name goes into SNI and is verified."""

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


class Load:
    """tests/bench/load against one host until stop(), which returns its report."""

    def __init__(self, agent, host, *options):
        self.process = subprocess.Popen(
            [LOAD, str(agent.https_port), host, agent.ca, *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "started\n"

    def stop(self):
        out, _ = self.process.communicate("", timeout=60)
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Agent:
    """berth-agent --standalone DIR on free ports, and what one does with it."""

    def __init__(self, **env):
        # UNIX socket paths have 108 bytes: the folder's name is short.
        self.dir = tempfile.mkdtemp(prefix="berth-", dir="/tmp")
        self.home = tempfile.mkdtemp(prefix="home-", dir="/tmp")
        self.http_port, self.https_port = free_ports(2)
        self.log_path = os.path.join(self.home, "agent.log")
        self.ca = os.path.join(self.dir, "ca/ca.pem")
        self.socket = os.path.join(self.dir, "run/agent.sock")
        self.extra_env = env
        self.config = None  # text of its agent.yaml
        self.process = None
        with open(os.path.join(self.home, ".gitconfig"), "w", encoding="utf-8") as f:
            f.write("[user]\n\tname = Tester\n\temail = tester@example.com\n"
                    "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n")

    # -- life

    def start(self, wait=True):
        options = ["--http-port", str(self.http_port), "--https-port", str(self.https_port)]
        if self.config is not None:
            path = os.path.join(self.home, "agent.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(self.config)
            options += ["--config", path]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program("berth-agent"), "--standalone", self.dir, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env(**self.extra_env))
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, "the agent ended:\n" + self.log()
            try:
                return self.api("GET", "/v1/version").status == 200 and self.proxy_is_up()
            except OSError:
                return False
        wait_for(ready, "the agent and its proxy")

    def proxy_is_up(self):
        """It serves the API, and so it has the table."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            connection = LocalTls("berth.localhost", self.https_port, timeout=5, context=context)
            with contextlib.closing(connection):
                connection.request("GET", "/v1/version")
                return connection.getresponse().status == 401
        except (OSError, http.client.HTTPException):
            return False

    def stop(self, how=signal.SIGTERM, seconds=30):
        """Ends the agent; its exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        return self.start()

    def close(self):
        """Stops everything and says what should not have been: a list of words."""
        problems = []
        try:
            code = self.stop()
            if code not in (0, None, -signal.SIGKILL):
                problems.append(f"the agent ended with status {code}")
        except subprocess.TimeoutExpired:
            problems.append("the agent did not end within 30 s of SIGTERM")
            self.process.kill()
            self.process.wait()
        deadline = time.monotonic() + 5
        while processes_of(self.dir) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid, line in processes_of(self.dir):
            problems.append(f"left running: {pid} {line}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        problems += [f"{path}: {line}" for path, line in self.sanitizer_lines()]
        if not os.environ.get("BERTH_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
            shutil.rmtree(self.home, ignore_errors=True)
        return problems

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def sanitizer_lines(self):
        paths = [self.log_path]
        for folder, _, names in os.walk(os.path.join(self.dir, "logs")):
            paths += [os.path.join(folder, n) for n in names]
        for path in paths:
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    if SANITIZER.search(line):
                        yield path, line.strip()

    # -- commands

    def env(self, **more):
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("BERTH_", "GIT_", "XDG_", "CI")) or k == "BERTH_SOAK"}
        # Leaks of libraries that are not ours (sanitizer builds only).
        keep["LSAN_OPTIONS"] = f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0"
        keep.update(HOME=self.home, BERTH_HOST=self.dir, NO_COLOR="1", LC_ALL="C.UTF-8",
                    GIT_CONFIG_NOSYSTEM="1", PATH=f"{BIN}:{keep.get('PATH', '')}")
        keep.update(more)
        return keep

    def run(self, *argv, cwd=None, check=True, timeout=300, text="", **env):
        start = time.monotonic()
        done = subprocess.run(argv, cwd=cwd or self.home, env=self.env(**env), input=text,
                              capture_output=True, text=True, timeout=timeout, check=False,
                              errors="replace")
        result = Result(argv, done.returncode, done.stdout, done.stderr, time.monotonic() - start)
        if check is True:
            assert result.code == 0, repr(result) + "\n--- agent\n" + self.log()[-4000:]
        return result

    def berth(self, *arguments, **options):
        return self.run(program("berth"), *arguments, **options)

    def api(self, method, path, body=None):
        connection = UnixConnection(self.socket)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"} if body is not None else {})
            r = connection.getresponse()
            return Response(r.status, r.headers, r.read())

    # -- sites

    def host(self, app):
        return f"{app}.localhost"

    def url(self, app, path="/"):
        return f"https://{self.host(app)}:{self.https_port}{path}"

    def get(self, app, path="/", method="GET", headers=None, body=None, timeout=60):
        return self.get_host(self.host(app), path, method, headers, body, timeout)

    def get_host(self, host, path="/", method="GET", headers=None, body=None, timeout=60, ca=None):
        context = ssl.create_default_context(cafile=ca or self.ca)
        connection = LocalTls(host, self.https_port, timeout=timeout, context=context)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            r = connection.getresponse()
            return Response(r.status, r.headers, r.read())

    def load(self, app, *options):
        return Load(self, self.host(app), *options)

    # -- sources

    def folder(self, name, files=None):
        """A folder with files: {"path": text, or (text, mode)}."""
        path = os.path.join(self.home, name)
        os.makedirs(path, exist_ok=True)
        for file, content in (files or {}).items():
            text, mode = content if isinstance(content, tuple) else (content, 0o644)
            full = os.path.join(path, file)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            os.chmod(full, mode)
        return path

    def git(self, cwd, *arguments, **options):
        return self.run("git", *arguments, cwd=cwd, **options).out.strip()

    def repository(self, name, files):
        """A folder, with everything committed on main."""
        path = self.folder(name, files)
        self.git(path, "init", "-q")
        self.commit(path)
        return path

    def commit(self, path, message="a change"):
        self.git(path, "add", "-A")
        self.git(path, "commit", "-qm", message)
        return self.git(path, "rev-parse", "HEAD")


def body(version, lines=400):
    """What the load generator takes for a whole body of one version."""
    return f"v{version}\n" * lines
