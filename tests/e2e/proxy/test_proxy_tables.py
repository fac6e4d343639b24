# SPDX-License-Identifier: Apache-2.0
"""Route tables: applied whole or refused whole, swapped without losing a request, and what is
served before there is one."""

import json
import threading

import pytest

import rig
from proxy_rig import Reader, make_certificate, ok, table


def test_boot_without_a_table(proxy, origin):
    p = proxy()
    assert p.ask().status == 421
    assert p.apply(table(origin().address, version=5)) == {"id": 0, "ok": True, "version": 5}
    assert p.ask().body == b"hello"


def test_boot_with_a_broken_table(proxy, origin):
    p = proxy(table_text='{"sites": [')
    assert "routes.broken" in p.log() and "line 1" in p.log()
    assert p.ask().status == 421
    assert p.apply(table(origin().address))["ok"]
    assert p.ask().status == 200


def test_boot_without_a_certificate_serves_the_others(proxy, origin, certificate):
    lost = {"name": "lost", "chain": "/nonexistent.pem", "key": "/nonexistent.key"}
    t = table(origin().address, certificate_entry=certificate)
    t["certificates"].append(lost)
    t["sites"].append({"app": "other", "release": 1, "hosts": ["lost.test"],
                       "certificate": "lost", "routes": [{"prefix": "/", "upstream": "app"}]})
    p = proxy(t)
    assert "certificates[1] 'lost'" in p.log()
    assert p.ask(tls=True).status == 200


@pytest.mark.parametrize("change, words", [
    ({"sites": 1}, "sites: must be an array"),
    ({"upstreams": []}, "sites[0]: routes[0]: no upstream is named 'app'"),
    ({"certificates": [{"name": "x", "chain": "/nonexistent", "key": "/k"}]},
     "certificates[0] 'x': chain /nonexistent: No such file"),
    ({"extra": 1}, "unknown key 'extra'"),
])
def test_refused_whole(proxy, origin, change, words):
    p = proxy(table(origin().address))
    answer = p.apply({**table("tcp:127.0.0.1:1", version=2), **change})
    assert not answer["ok"] and words in answer["error"]
    assert p.ask().body == b"hello"
    assert p.control({"op": "status"})[0]["version"] == 1


def test_key_of_another_certificate(proxy, origin, certificate, tmp_path):
    other = make_certificate(str(tmp_path), "second", ["other.test"])
    p = proxy(table(origin().address, certificate_entry=certificate))
    mixed = {**certificate, "key": other["key"]}
    answer = p.apply(table(origin().address, certificate_entry=mixed))
    assert not answer["ok"] and "key values mismatch" in answer["error"]
    assert p.ask(tls=True).status == 200


def test_control_answers_bad_requests(proxy):
    p = proxy()
    bad, unknown, status = p.control({"op": "apply"}, {"op": "jump"}, {"op": "status"})
    assert bad["error"] == "table is missing"
    assert "'apply' or 'status'" in unknown["error"]
    assert status["ok"] and status["workers"] == 2


def test_swap_under_load(proxy, origin):
    """Every response is of the release that was current when its request came, or came later."""
    apps = [origin(lambda s, r, n=n: ok(str(n).encode())) for n in range(5)]
    p = proxy(table(apps[0].address))
    current, over, problems, count = [0], threading.Event(), [], [0]

    def load(keep):
        while not over.is_set():
            try:
                with p.connect() as s:
                    reader = Reader(s)
                    for _ in range(keep):
                        oldest = current[0]
                        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
                        r = reader.response()
                        count[0] += 1
                        if r.status != 200 or int(r.body) < oldest:
                            problems.append((r.status, r.body, oldest))
            except Exception as e:  # noqa: BLE001 - any failure is a finding
                problems.append(repr(e))

    threads = [threading.Thread(target=load, args=(k,)) for k in (1, 1, 50, 50)]
    for t in threads:
        t.start()
    for n, app in enumerate(apps):
        before = count[0]
        assert p.apply(table(app.address, version=n + 2, release=n + 1))["ok"]
        current[0] = n
        rig.wait_for(lambda: count[0] > before + 200, "load")
    over.set()
    for t in threads:
        t.join()
    assert not problems, problems[:5]
    rig.wait_for(lambda: p.release("app", 1) is None, "the first release to be forgotten")


def test_requests_in_flight_stay_with_their_release(proxy, origin):
    go_on = threading.Event()

    def slow(s, request):
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nol")
        assert go_on.wait(30)
        return b"d"

    old, new = origin(slow), origin(lambda s, r: ok(b"new"))
    p = proxy(table(old.address, release=1))
    with p.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
        reader = Reader(s)
        first, _ = reader.head()
        assert p.apply(table(new.address, version=2, release=2))["ok"]
        assert p.ask().body == b"new"
        assert p.release("app", 1)["inflight"] == 1
        go_on.set()
        assert reader.take(3) == b"old"
        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
        assert reader.response().body == b"new"
    rig.wait_for(lambda: p.release("app", 1) is None, "the old release to be idle")


def test_held_requests_go_to_the_new_release(proxy, origin):
    """The old release is gone before the new one is known: what came in between waits for it."""
    old = origin()
    p = proxy(table(old.address, release=1), timeouts={"hold": 30000})
    old.close()
    with p.connect() as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc")
        rig.wait_for(lambda: p.release("app", 1)["inflight"] == 1, "the request")
        new = origin(lambda s, r: ok(b"new " + r.body))
        assert p.apply(table(new.address, version=2, release=2))["ok"]
        assert Reader(s).response().body == b"new abc"
    rig.wait_for(lambda: p.release("app", 1) is None, "the old release to be idle")
    assert p.release("app", 2)["requests"] == 1


def test_counters(proxy, origin):
    app = origin(lambda s, r: b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
                 if "/bad" in r.status else None if "/gone" in r.status else ok())
    p = proxy(table(app.address, release=7))
    assert [p.ask(path).status for path in ("/", "/bad", "/gone")] == [200, 500, 502]
    # An answer is seen a moment before it is counted as over.
    rig.wait_for(lambda: p.release("app", 7)["inflight"] == 0, "the last request's end")
    assert p.release("app", 7) == {
        "app": "app", "release": 7, "inflight": 0, "requests": 3, "errors_5xx": 2}


def test_reload_by_signal(proxy, origin):
    p = proxy(table(origin(lambda s, r: ok(b"one")).address))
    new = table(origin(lambda s, r: ok(b"two")).address, version=2)
    for text, body in ((json.dumps(new), b"two"), ("{", b"two")):
        with open(p.routes, "w", encoding="utf-8") as f:
            f.write(text)
        p.process.send_signal(1)
        rig.wait_for(lambda: p.ask().body == body, "the new table")
    rig.wait_for(lambda: "table.refused" in p.log(), "the refusal")
    assert p.ask().body == b"two"


def test_routes_by_host_and_path(proxy, origin, tmp_path):
    (tmp_path / "a.txt").write_text("file")
    one, two = origin(lambda s, r: ok(b"one")), origin(lambda s, r: ok(b"two"))
    t = table(one.address)
    t["upstreams"].append({"name": "two", "addresses": [two.address]})
    t["sites"][0]["routes"] += [
        {"prefix": "/api", "upstream": "two"},
        {"prefix": "/files", "root": str(tmp_path), "strip_prefix": True},
        {"prefix": "/old", "redirect": "new.test"}]
    t["sites"].append({"app": "wild", "release": 1, "hosts": ["*.wild.test"],
                       "routes": [{"prefix": "/", "upstream": "two"}]})
    p = proxy(t)
    assert p.ask("/apix").body == b"one"
    assert p.ask("/api/x").body == b"two"
    assert p.ask("/files/a.txt").body == b"file"
    assert p.ask("/files/a.txt", fields="Range: bytes=1-2\r\n").body == b"il"
    assert p.ask("/files/../../etc/passwd").status in (400, 404)
    moved = p.ask("/old/x?y=z")
    assert moved.status == 308 and moved["location"] == "http://new.test/old/x?y=z"
    assert p.ask(host="A.Wild.Test:1234").body == b"two"
    assert p.ask(host="a.b.wild.test").status == 421


@pytest.mark.parametrize("tls", [False, True])
def test_large_file(proxy, certificate, tmp_path, tls):
    body = bytes(range(256)) * 40000
    (tmp_path / "big.bin").write_bytes(body)
    t = table(certificate_entry=certificate)
    t["sites"][0]["routes"] = [{"prefix": "/", "root": str(tmp_path)}]
    p = proxy(t)
    assert p.ask("/big.bin", tls=tls).body == body
    r = p.ask("/big.bin", tls=tls, method="HEAD")
    assert r["content-length"] == str(len(body))


def test_challenges(proxy, origin, certificate):
    """A CA's question is answered on both ports before redirect and app; then the paths are the
    app's again."""
    path = "/.well-known/acme-challenge/"
    asked = {"host": "app.test", "token": "T-1", "key_authorization": "T-1.thumb_print"}
    app = origin().address
    plain = table(app, certificate_entry=certificate, https_only=True)
    p = proxy({**plain, "challenges": [asked]})
    for tls in (False, True):
        answer = p.ask(path + "T-1", tls=tls)
        assert (answer.status, answer.body) == (200, b"T-1.thumb_print")
        assert p.ask(path + "other", tls=tls).status == 404
        assert p.ask(path + "T-1", tls=tls, method="POST", body=b"x").status == 405
        head = p.ask(path + "T-1", tls=tls, method="HEAD")
        assert (head.status, head.body) == (200, b"")
    assert p.ask(path + "T-1", host="other.test").status == 421
    assert p.ask("/").status == 308
    assert p.apply({**plain, "version": 2})["ok"]
    assert p.ask(path + "T-1").status == 308
    assert p.ask(path + "T-1", tls=True).body == b"hello"
