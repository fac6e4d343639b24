# SPDX-License-Identifier: Apache-2.0
"""What clients send: malformed requests never reach the app, good ones arrive unambiguous."""

import pytest

from proxy_rig import Reader, ok, table

START = b"GET / HTTP/1.1\r\nHost: app.test\r\n"
POST = b"POST / HTTP/1.1\r\nHost: app.test\r\n"

REFUSED = {
    "bare-lf": (b"GET / HTTP/1.1\nHost: app.test\n\n", 400),
    "space-before-colon": (START + b"X : y\r\n\r\n", 400),
    "folded-field": (START + b"X: y\r\n z\r\n\r\n", 400),
    "nul-in-field": (START + b"X: \0\r\n\r\n", 400),
    "no-host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two-hosts": (START + b"Host: app.test\r\n\r\n", 400),
    "host-list": (b"GET / HTTP/1.1\r\nHost: app.test, b\r\n\r\n", 400),
    "http-2": (b"GET / HTTP/2.0\r\n\r\n", 505),
    "connect": (b"CONNECT app.test:22 HTTP/1.1\r\nHost: app.test\r\n\r\n", 501),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n", 405),
    "length-and-chunked": (
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two-lengths": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "signed-length": (POST + b"Content-Length: +1\r\n\r\na", 400),
    "gzip-coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "chunk-size": (POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400),
    "chunk-end": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
    "foreign-host": (b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
    "foreign-target": (b"GET http://evil.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n", 421),
    "long-target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: app.test\r\n\r\n", 414),
    "long-field": (START + b"X: " + b"a" * 40000 + b"\r\n\r\n", 431),
    "many-fields": (START + b"X: y\r\n" * 200 + b"\r\n", 431),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(proxy, origin, case):
    data, status = REFUSED[case]
    app = origin()
    p = proxy(table(app.address))
    well_framed = status in (405, 421)
    with p.connect() as s:
        # Where a message cannot be delimited, nothing behind it may be taken for a request.
        s.sendall(data + (b"" if well_framed else b"GET /behind HTTP/1.1\r\nHost: app.test\r\n\r\n"))
        reader = Reader(s)
        assert reader.response().status == status
        assert well_framed or reader.is_closed()
    assert not any("/behind" in r.status or r.body for r in app.requests())
    assert p.ask().body == b"hello"


def test_fields_of_the_app(proxy, origin):
    app = origin()
    p = proxy(table(app.address))
    p.ask(fields="X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_Proto: https\r\nForwarded: for=6.6.6.6\r\n"
                 "X-Real-IP: 6.6.6.6\r\nKeep-Alive: x\r\nTE: gzip\r\nX-Own: kept\r\n")
    r = app.requests()[0]
    assert r["x-forwarded-for"] == r["x-real-ip"] == "127.0.0.1"
    assert r["x-forwarded-proto"] == "http" and r["x-forwarded-host"] == "app.test"
    assert r["forwarded"] == 'for=127.0.0.1;proto=http;host="app.test"'
    assert r["x-own"] == "kept"
    assert not any(r[n] for n in ("x_forwarded_proto", "keep-alive", "te", "connection"))


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_body_arrives(proxy, origin, framing):
    app = origin(lambda s, r: ok(str(len(r.body)).encode()))
    p = proxy(table(app.address))
    body = bytes(range(256)) * 4000
    with p.connect() as s:
        if framing == "length":
            s.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        else:
            s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 77777):
                piece = body[at:at + 77777]
                s.sendall(b"%x;ext=1\r\n" % len(piece) + piece + b"\r\n")
            s.sendall(b"0\r\nTrailer: x\r\n\r\n")
        assert Reader(s).response().body == str(len(body)).encode()
    assert app.requests()[0].body == body


def test_head_in_single_bytes(proxy, origin):
    p = proxy(table(origin().address))
    with p.connect() as s:
        for byte in b"\r\n" + START + b"\r\n":
            s.sendall(bytes([byte]))
        assert Reader(s).response().body == b"hello"


def test_pipeline_keeps_order(proxy, origin):
    app = origin(lambda s, r: ok(r.status.split(" ")[1].encode()))
    p = proxy(table(app.address))
    with p.connect() as s:
        s.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: app.test\r\n\r\n" % i for i in range(40)))
        reader = Reader(s)
        assert [reader.response().body for _ in range(40)] == [b"/%d" % i for i in range(40)]


def test_nothing_is_processed_behind_close(proxy, origin):
    app = origin()
    p = proxy(table(app.address))
    with p.connect() as s:
        s.sendall(START + b"Connection: close\r\n\r\n" + START + b"\r\n")
        reader = Reader(s)
        assert reader.response()["connection"] == "close"
        assert reader.is_closed()
    assert len(app.requests()) == 1


def test_expect_continue(proxy, origin):
    app = origin(lambda s, r: ok(r.body))
    p = proxy(table(app.address))
    with p.connect() as s:
        s.sendall(POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        reader = Reader(s)
        assert reader.response().status == 100
        s.sendall(b"later")
        assert reader.response().body == b"later"
    assert app.requests()[0]["expect"] is None


def test_body_limit(proxy, origin):
    app = origin()
    p = proxy(table(app.address, body_max=1000))
    assert p.ask(method="POST", body=b"x" * 1000).status == 200
    assert p.ask(method="POST", body=b"x" * 1001).status == 413
    with p.connect() as s:
        s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e9\r\n" + b"x" * 1001 + b"\r\n")
        assert Reader(s).response().status == 413


@pytest.mark.parametrize("begin, status", [(b"", None), (b"GET / HT", 408),
                                           (POST + b"Content-Length: 5\r\n\r\nab", 408)])
def test_stalled_clients_end(proxy, origin, begin, status):
    p = proxy(table(origin().address), timeouts={"header": 700, "body": 700})
    with p.connect() as s:
        s.sendall(begin)
        reader = Reader(s)
        if status:
            assert reader.response().status == status
        assert reader.is_closed()


def test_dripping_head_is_not_endless(proxy, origin):
    p = proxy(table(origin().address), timeouts={"header": 600})
    with p.connect() as s:
        s.settimeout(0.1)
        s.sendall(START)
        for _ in range(100):
            try:
                if s.recv(100):
                    break
            except TimeoutError:
                s.sendall(b"X: y\r\n")
        else:
            raise AssertionError("the head may grow for ever")


def test_http_1_0(proxy, origin):
    app = origin(lambda s, r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              b"5\r\nhello\r\n0\r\n\r\n")
    p = proxy(table(app.address))
    with p.connect() as s:
        s.sendall(b"GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n")
        r = Reader(s).response()
    assert r.body == b"hello" and r["transfer-encoding"] is None and r["connection"] == "close"


def test_half_closed_client_is_answered(proxy, origin):
    p = proxy(table(origin().address))
    with p.connect() as s:
        s.sendall(START + b"\r\n")
        s.shutdown(1)
        assert Reader(s).response().body == b"hello"
