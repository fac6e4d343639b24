# SPDX-License-Identifier: Apache-2.0
"""The process: arguments, start, sockets that are handed down, draining, running out of files."""

import os
import resource
import socket
import subprocess
import threading

import rig
from proxy_rig import Reader, ok, table


def run(*arguments):
    return subprocess.run([rig.program("berth-proxy"), *arguments], capture_output=True,
                          text=True, timeout=60, check=False)


def test_arguments():
    assert run("--help").returncode == 0 and "--config" in run("--help").stdout
    assert run("--version").stdout.startswith("berth-proxy ")
    wrong = run("--confg", "x")
    assert wrong.returncode == 2 and "did you mean --config?" in wrong.stderr
    assert run().returncode == 2
    assert "No such file" in run("--config", "/nonexistent", "-n").stderr


def test_check_only(proxy):
    p = proxy(table("tcp:127.0.0.1:1"), start=False)
    assert run("--config", f"{p.folder}/proxy.json", "-n").returncode == 0
    with open(p.routes, "w", encoding="utf-8") as f:
        f.write('{"sitse": []}')
    r = run("--config", f"{p.folder}/proxy.json", "-n")
    assert r.returncode == 2 and "did you mean 'sites'?" in r.stderr
    assert not os.path.exists(p.socket)


def test_port_is_taken(proxy, origin):
    p = proxy(table(origin().address))
    again = proxy(table("tcp:127.0.0.1:1"), start=False, http=[f"127.0.0.1:{p.http}"])
    r = run("--config", f"{again.folder}/proxy.json")
    assert r.returncode == 1 and f"port {p.http}: Address already in use" in r.stderr


def test_drain(proxy, origin):
    begun, go_on = threading.Event(), threading.Event()

    def slow(s, request):
        begun.set()
        assert go_on.wait(30)
        return ok(b"slow")

    p = proxy(table(origin(lambda s, r: slow(s, r) if "/slow" in r.status else ok()).address))
    with p.connect() as busy, p.connect() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
        idle_reader = Reader(idle)
        assert idle_reader.response().status == 200
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n")
        assert begun.wait(30)
        p.process.terminate()
        assert idle_reader.is_closed()
        go_on.set()
        r = Reader(busy).response()
        assert r.body == b"slow"
    assert p.process.wait(30) == 0


def test_drain_has_an_end(proxy, origin):
    never = threading.Event()
    p = proxy(table(origin(lambda s, r: never.wait(60) and None).address, timeout_ms=60000),
              timeouts={"drain": 500})
    with p.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
        rig.wait_for(lambda: p.release("app", 1)["inflight"] == 1, "the request")
        p.process.terminate()
        assert p.process.wait(30) == 0
    never.set()


class ServiceManager:
    """Holds the listening sockets of a proxy and hands them to one process after the other."""

    def __init__(self, p):
        self.proxy, self.sockets = p, []
        for port in (p.http, p.https):
            s = socket.socket()
            s.bind(("127.0.0.1", port))
            s.listen(256)
            self.sockets.append(s)

    def start(self):
        def hand_down():
            # Far from 3 and 4 first, so that neither is overwritten before it is copied.
            high = [os.dup2(s.fileno(), 60 + i) for i, s in enumerate(self.sockets)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        p = self.proxy
        # The pid is known in the child only: a shell sets it and becomes the proxy.
        p.process = subprocess.Popen(
            ["sh", "-c", 'LISTEN_PID=$$ exec "$0" --config "$1"', rig.program("berth-proxy"),
             f"{p.folder}/proxy.json"],
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:https"},
            preexec_fn=hand_down, close_fds=False, stderr=p.log_file)
        rig.wait_for(lambda: os.path.exists(p.socket), "the control socket")

    def close(self):
        for s in self.sockets:
            s.close()


def test_sockets_from_the_service_manager(proxy, origin, certificate):
    p = proxy(table(origin().address, certificate_entry=certificate), start=False)
    manager = ServiceManager(p)
    manager.start()
    assert [p.ask(tls=tls).status for tls in (False, True) * 5] == [200] * 10
    manager.close()


def test_restart_loses_no_new_connection(proxy, origin, certificate):
    """While one process drains and the next starts, clients wait in the sockets' queues."""
    p = proxy(table(origin().address, certificate_entry=certificate), start=False)
    manager, over, problems, count = ServiceManager(p), threading.Event(), [], [0]
    manager.start()

    def load(tls):
        while not over.is_set():
            try:
                status = p.ask(tls=tls).status
                count[0] += 1
                if status != 200:
                    problems.append(status)
            except Exception as e:  # noqa: BLE001 - any failure is a finding
                problems.append(repr(e))

    threads = [threading.Thread(target=load, args=(tls,)) for tls in (False, True, True)]
    for t in threads:
        t.start()
    for _ in range(4):
        before = count[0]
        rig.wait_for(lambda: count[0] > before + 50, "load")
        assert p.stop() == 0
        manager.start()
    over.set()
    for t in threads:
        t.join()
    manager.close()
    assert not problems, problems[:5]


def test_out_of_descriptors(proxy, origin):
    p = proxy(table(origin().address), workers=1)
    limit = len(os.listdir(f"/proc/{p.process.pid}/fd")) + 30
    resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    clients = [socket.create_connection(("127.0.0.1", p.http), timeout=30) for _ in range(60)]
    rig.wait_for(lambda: "accept.exhausted" in p.log(), "the limit")
    with open(f"/proc/{p.process.pid}/stat", encoding="ascii") as f:
        before = sum(map(int, f.read().split()[13:15]))
    for s in clients:
        s.close()
    rig.wait_for(lambda: p.ask().status == 200, "room again")
    with open(f"/proc/{p.process.pid}/stat", encoding="ascii") as f:
        used = sum(map(int, f.read().split()[13:15])) - before
    assert used < 100  # clock ticks: it did not spin
