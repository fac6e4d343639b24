# SPDX-License-Identifier: Apache-2.0
"""The TLS side: certificates by name, versions, hosts that do not belong to the handshake, stalls,
and the way from HTTP to HTTPS."""

import os
import ssl

import pytest

from proxy_rig import HOST, Reader, make_certificate, ok, table, tls_context


def two_sites(address, certificate, second):
    t = table(address, certificate_entry=certificate)
    t["certificates"].append(second)
    t["sites"] += [
        {"app": "second", "release": 1, "hosts": ["second.test"], "certificate": second["name"],
         "routes": [{"prefix": "/", "upstream": "app"}]},
        {"app": "other", "release": 1, "hosts": ["other.test"],
         "routes": [{"prefix": "/", "upstream": "app"}]}]
    return t


@pytest.fixture
def second(tmp_path):
    return make_certificate(str(tmp_path), "second", ["second.test"])


def shown(p, name):
    with p.connect(tls=True, name=name) as s:
        return s.getpeercert(binary_form=True)


def file_of(certificate):
    with open(certificate["chain"], encoding="ascii") as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def test_certificate_by_name(proxy, origin, certificate, second):
    p = proxy(two_sites(origin().address, certificate, second))
    assert shown(p, "second.test") == shown(p, "SECOND.test") == file_of(second)
    assert shown(p, HOST) == shown(p, "unknown.test") == shown(p, None) == file_of(certificate)


def test_unknown_name_without_a_default(proxy, origin, second):
    t = table(origin().address, certificate_entry=second)
    t["sites"][0]["certificate"] = t.pop("default_certificate")
    p = proxy(t)
    for name in ("unknown.test", None):
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME|unrecognized name"):
            p.connect(tls=True, name=name)
    assert p.ask(tls=True).status == 200


@pytest.mark.parametrize("name, host, status", [
    (HOST, HOST, 200),
    (HOST, "other.test", 200),  # the same certificate speaks for both
    (HOST, "second.test", 421),
    ("second.test", HOST, 421),
    ("second.test", "nowhere.test", 421),
    (None, "second.test", 200),  # no name was claimed, the default certificate was shown
])
def test_host_and_handshake(proxy, origin, certificate, second, name, host, status):
    p = proxy(two_sites(origin().address, certificate, second))
    with p.connect(tls=True, name=name) as s:
        s.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert Reader(s).response().status == status


def test_renewed_certificate_cuts_nobody(proxy, origin, certificate, tmp_path):
    p = proxy(table(origin().address, certificate_entry=certificate))
    with p.connect(tls=True) as s:
        reader = Reader(s)
        for renewed in (None, make_certificate(str(tmp_path), "renewed", [HOST])):
            if renewed:
                assert p.apply(table(origin().address, certificate_entry=renewed))["ok"]
                assert shown(p, HOST) == file_of(renewed)
            s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
            assert reader.response().status == 200


def test_renewed_in_place(proxy, origin, tmp_path):
    first = make_certificate(str(tmp_path), "same", [HOST])
    t = table(origin().address, certificate_entry=first)
    p = proxy(t)
    before = shown(p, HOST)
    make_certificate(str(tmp_path), "same", [HOST])
    assert p.apply(t)["ok"]
    assert shown(p, HOST) == file_of(first) != before


@pytest.mark.parametrize("version, accepted", [
    (ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
    (ssl.TLSVersion.TLSv1_3, True)])
def test_versions(proxy, origin, certificate, version, accepted):
    p = proxy(table(origin().address, certificate_entry=certificate))
    try:
        with p.connect(tls=True, low=version, high=version) as s:
            assert s.version() == version.name.replace("_", ".")
            assert accepted
    except ssl.SSLError:
        assert not accepted


def test_alpn(proxy, origin, certificate):
    p = proxy(table(origin().address, certificate_entry=certificate))
    with p.connect(tls=True, alpn=["foo", "http/1.1"]) as s:
        assert s.selected_alpn_protocol() == "http/1.1"
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        p.connect(tls=True, alpn=["foo"])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption_survives_a_new_table(proxy, origin, certificate, version):
    p = proxy(table(origin().address, certificate_entry=certificate))
    context = tls_context(low=version, high=version)
    session = None
    for resumed in (False, True):
        with context.wrap_socket(
                p.connect_raw(tls=True), server_hostname=HOST, session=session) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
            assert Reader(s).response().status == 200
            assert s.session_reused == resumed
            session = s.session
        assert p.apply(table(origin().address, certificate_entry=certificate))["ok"]


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01\x02\x00", os.urandom(2000)])
def test_stalled_handshake_ends(proxy, origin, certificate, data):
    p = proxy(table(origin().address, certificate_entry=certificate), timeouts={"header": 3000})
    stalled = [p.connect_raw(tls=True) for _ in range(50)]
    for s in stalled:
        s.sendall(data)
    assert p.ask(tls=True).status == 200
    for s in stalled:
        try:
            while s.recv(100):
                pass
        except ConnectionResetError:
            pass
        s.close()


def test_plain_http_on_the_tls_port(proxy, origin, certificate):
    p = proxy(table(origin().address, certificate_entry=certificate))
    with p.connect_raw(tls=True) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
        r = Reader(s).response()
    assert r.status == 400 and b"HTTPS" in r.body


def test_redirect_to_https(proxy, origin, certificate):
    app = origin(lambda s, r: ok(r["x-forwarded-proto"].encode()))
    p = proxy(table(app.address, certificate_entry=certificate, https_only=True))
    for method in ("GET", "POST"):
        r = p.ask("//evil.test/a%0d?b=c", method=method, host="APP.test")
        assert r.status == 308
        assert r["location"] == f"https://APP.test:{p.https}//evil.test/a%0d?b=c"
    assert p.ask(host="unknown.test").status == 421
    assert p.ask(tls=True).body == b"https"


def test_close_is_announced(proxy, origin, certificate):
    p = proxy(table(origin().address, certificate_entry=certificate))
    with tls_context().wrap_socket(
            p.connect_raw(tls=True), server_hostname=HOST, suppress_ragged_eofs=False) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
        while s.recv(1000):
            pass
