# SPDX-License-Identifier: Apache-2.0
"""What apps answer: broken responses become 502 or a visible truncation, streams stream, and a
request is repeated only when it cannot do harm."""

import socket
import struct
import threading

import pytest

import rig
from proxy_rig import Origin, Reader, Truncated, ok, table

START = b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

BROKEN = {
    "not-http": b"hello\r\n\r\n",
    "http-2": b"HTTP/2.0 200 OK\r\n\r\n",
    "status-000": b"HTTP/1.1 000 Zero\r\n\r\n",
    "status-text": b"HTTP/1.1 abc OK\r\n\r\n",
    "two-lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "both-framings": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative-length": HEAD + b"Content-Length: -1\r\n\r\n",
    "bare-cr": HEAD + b"X: a\rSet-Cookie: evil\r\n\r\n",
    "space-before-colon": HEAD + b"X : a\r\n\r\n",
    "unwanted-101": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                    b"Upgrade: websocket\r\n\r\nraw",
    "endless-1xx": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000,
}


def once(data):
    """An app that answers with these bytes and closes."""
    def script(s, request):
        s.sendall(data)
    return script


@pytest.mark.parametrize("case", BROKEN)
def test_broken_response(proxy, origin, case):
    p = proxy(table(origin(once(BROKEN[case])).address))
    r = p.ask()
    assert r.status == 502 and b"<h1>" in r.body
    assert b"evil" not in r.body


@pytest.mark.parametrize("data", [
    HEAD + b"Content-Length: 10\r\n\r\nhello", CHUNKED + b"5\r\nhello\r\n",
    CHUNKED + b"f\r\nhello", CHUNKED + b"5\r\nhello\r\nZZ\r\n"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_truncation_is_seen(proxy, origin, data, version):
    p = proxy(table(origin(once(data)).address))
    with p.connect() as s:
        s.sendall(b"GET / HTTP/%s\r\nHost: app.test\r\n\r\n" % version.encode())
        with pytest.raises(Truncated):
            Reader(s).response()


@pytest.mark.parametrize("data, status, body", [
    (HEAD + b"\r\nuntil close", 200, b"until close"),
    (b"HTTP/1.0 200\r\n\r\nold", 200, b"old"),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20 + ok(), 200, b"hello"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
    (CHUNKED + b"5;x\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", 200, b"hello"),
    (ok(b"") + b"", 200, b""),
])
def test_good_responses(proxy, origin, data, status, body):
    p = proxy(table(origin(once(data)).address))
    r = p.ask()
    assert (r.status, r.body) == (status, body)


def test_head_keeps_length(proxy, origin):
    app = origin(lambda s, r: HEAD + b"Content-Length: 5\r\n\r\n")
    p = proxy(table(app.address))
    for _ in range(2):
        assert p.ask(method="HEAD")["content-length"] == "5"


def test_hop_by_hop_fields_stay_here(proxy, origin):
    app = origin(lambda s, r: ok(fields="Connection: keep-alive, X-Own\r\nX-Own: 1\r\n"
                                        "Keep-Alive: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"))
    r = proxy(table(app.address)).ask()
    assert r["x-own"] is None and r["keep-alive"] is None and r["set-cookie"] == "a, b"
    assert r["date"]


def test_extra_bytes_answer_nobody(proxy, origin):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
    p = proxy(table(origin(lambda s, r: ok() + evil).address))
    with p.connect() as s:
        reader = Reader(s)
        for _ in range(5):
            s.sendall(START)
            assert reader.response().body == b"hello"


def test_stale_connections_cost_nothing(proxy, origin):
    """The app closes each connection behind its answer without saying so."""
    p = proxy(table(origin(once(ok())).address), workers=1)
    with p.connect() as s:
        reader = Reader(s)
        for _ in range(30):
            s.sendall(START)
            assert reader.response().status == 200


def reset(s, request):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("method, tries", [("GET", 2), ("POST", 1), ("DELETE", 2)])
def test_repeated_only_when_harmless(proxy, origin, method, tries):
    app = origin(reset)
    p = proxy(table(app.address))
    assert p.ask(method=method, body=b"x" if method == "POST" else b"").status == 502
    assert len(app.requests()) == tries


def test_another_instance_takes_over(proxy, origin):
    good, gone = origin(), origin()
    gone.close()
    p = proxy(table(gone.address, good.address), workers=1)
    assert [p.ask(method="POST", body=b"x").status for _ in range(10)] == [200] * 10


@pytest.mark.parametrize("kind", ["tcp", "unix", "none"])
def test_nobody_there(proxy, origin, kind):
    gone = origin()
    gone.close()
    addresses = {"tcp": [gone.address], "unix": ["unix:/nonexistent/app.sock"], "none": []}[kind]
    assert proxy(table(*addresses), timeouts={"hold": 200}).ask().status == 503


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_wait_for_a_restarting_app(proxy, origin, tmp_path, method):
    p = proxy(table(f"unix:{tmp_path}/app.sock"), timeouts={"hold": 30000})
    with p.connect() as s:
        body = b"x" * 100000 if method == "POST" else b""
        s.sendall(f"{method} / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {len(body)}\r\n\r\n"
                  .encode() + body)
        rig.wait_for(lambda: p.release("app", 1)["inflight"] == 1, "the request")
        app = origin(lambda s, r: ok(str(len(r.body)).encode()), path=f"{tmp_path}/app.sock")
        assert Reader(s).response().body == str(len(body)).encode()
    assert len(app.requests()) == 1


def test_app_that_never_answers(proxy, origin):
    done = threading.Event()
    p = proxy(table(origin(lambda s, r: done.wait(60) and None).address, timeout_ms=500))
    assert p.ask().status == 504
    done.set()


class HastyOrigin(Origin):
    """Answers when it has the head, then throws the body away."""

    def serve(self, s):
        with s:
            Reader(s).head()
            s.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass


def test_answer_before_the_body_is_read(proxy):
    app = HastyOrigin()
    r = proxy(table(app.address)).ask(method="POST", body=b"x" * 500000)
    assert r.status == 413 and r.body == b"no"
    app.close()


def test_events_are_not_held_back(proxy, origin):
    more = threading.Event()

    def script(s, request):
        s.sendall(HEAD + b"Content-Type: text/event-stream\r\n\r\n")
        for i in range(5):
            s.sendall(b"data: %d\n\n" % i)
            assert more.wait(30)
            more.clear()

    p = proxy(table(origin(script).address))
    with p.connect() as s:
        s.sendall(START)
        reader = Reader(s)
        reader.head()
        for i in range(5):
            assert reader.chunk() == b"data: %d\n\n" % i
            more.set()
        assert reader.chunk() == b""


def websocket(s, request):
    if request["upgrade"] != "websocket" or request["connection"] != "Upgrade":
        return ok(b"no upgrade")
    s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
              b"Upgrade: websocket\r\n\r\n")
    while data := s.recv(65536):
        s.sendall(data[::-1])


UPGRADE = START[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.mark.parametrize("tls", [False, True])
def test_tunnel(proxy, origin, certificate, tls):
    p = proxy(table(origin(websocket).address, certificate_entry=certificate))
    with p.connect(tls) as s:
        s.sendall(UPGRADE + b"early")
        reader = Reader(s)
        assert reader.response().status == 101
        assert reader.take(5) == b"ylrae"
        s.sendall(b"abc")
        assert reader.take(3) == b"cba"
        assert p.release("app", 1)["inflight"] == 1
    rig.wait_for(lambda: p.release("app", 1)["inflight"] == 0, "the tunnel's end")


def test_no_tunnel_without_101(proxy, origin):
    app = origin()
    p = proxy(table(app.address))
    with p.connect() as s:
        s.sendall(UPGRADE + b"GET /second HTTP/1.1\r\nHost: app.test\r\n\r\n")
        reader = Reader(s)
        assert reader.response().status == reader.response().status == 200
    assert app.requests()[1].status == "GET /second HTTP/1.1"


@pytest.mark.parametrize("tls", [False, True])
def test_slow_reader_does_not_fill_memory(proxy, origin, certificate, tls):
    """A response of 200 MB to a client that reads none of it is held back at the app."""
    size = 200 << 20
    sent = []

    def script(s, request):
        s.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size)
        s.settimeout(1)
        try:
            for _ in range(size >> 16):
                s.sendall(b"x" * 65536)
                sent.append(1)
        except TimeoutError:
            pass

    p = proxy(table(origin(script).address, certificate_entry=certificate), workers=1,
              timeouts={"body": 2000})
    with p.connect(tls) as s:
        s.sendall(START)
        Reader(s).head()
        rig.wait_for(lambda: p.release("app", 1)["inflight"] == 0, "the client to be given up")
    assert len(sent) << 16 < 32 << 20
    with open(f"/proc/{p.process.pid}/status", encoding="ascii") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    assert peak < 64 << 10 or "asan" in rig.BIN or "tsan" in rig.BIN


@pytest.mark.parametrize("tls", [False, True])
def test_large_response_is_whole(proxy, origin, certificate, tls):
    body = bytes(range(256)) * 20000
    p = proxy(table(origin(lambda s, r: ok(body)).address, certificate_entry=certificate))
    assert p.ask(tls=tls).body == body


def test_unix_socket(proxy, origin, tmp_path):
    app = origin(path=str(tmp_path / "app.sock"))
    p = proxy(table(app.address), workers=1)
    with p.connect() as s:
        reader = Reader(s)
        for _ in range(5):
            s.sendall(START)
            assert reader.response().body == b"hello"
    assert app.connections == 1
