# SPDX-License-Identifier: Apache-2.0
"""A static site through the proxy: what browsers, caches and scanners ask of it."""

import gzip

import pytest
import rig

FILES = {
    "index.html": rig.body(1),
    "about.html": "about",
    "docs/index.html": "docs",
    "style.css": "0123456789",
    "app.3f2a9c1b.js": "script",
    "page.js": "plain " * 100,
    "page.js.gz": gzip.compress(b"plain " * 100),
    "404.html": "no such page here",
    ".env": "SECRET=1",
    ".well-known/security.txt": "contact",
    "big.bin": bytes(range(256)) * 4096 * 4,
}


@pytest.fixture
def site(agent):
    agent.berth("deploy", cwd=agent.repository("site", FILES))
    return agent


def test_pages(site):
    assert site.get("site", "/").headers["Content-Type"] == "text/html; charset=utf-8"
    assert site.get("site", "/").headers["Cache-Control"] == "no-cache"
    assert site.get("site", "/about").text == "about"
    assert site.get("site", "/docs/").text == "docs"
    redirect = site.get("site", "/docs?x=1")
    assert redirect.status == 308 and redirect.headers["Location"].endswith("/docs/?x=1")
    assert site.get("site", "/.well-known/security.txt").text == "contact"
    missing = site.get("site", "/nothing")
    assert missing.status == 404 and missing.text == "no such page here"
    assert "immutable" in site.get("site", "/app.3f2a9c1b.js").headers["Cache-Control"]


@pytest.mark.parametrize("path", [
    "/.env", "/%2eenv", "/.git/HEAD", "/berth.yaml", "/../../../etc/passwd", "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd", "/style.css%00.html", "//etc/passwd", "/docs/../../app/.env",
])
def test_nothing_else(site, path):
    response = site.get("site", path)
    assert response.status in (400, 404)
    assert "SECRET" not in response.text and "root:" not in response.text


def test_validators(site):
    first = site.get("site", "/style.css")
    again = site.get("site", "/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304 and again.body == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    again = site.get("site", "/style.css", headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert again.status == 304
    # The file of another release is another file, changed or not; after a rollback the old one again.
    path = site.folder("site", {"style.css": "9876543210"})
    site.commit(path)
    site.berth("deploy", cwd=path)
    fresh = site.get("site", "/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert fresh.status == 200 and fresh.text == "9876543210"
    site.berth("rollback", cwd=path)
    back = site.get("site", "/style.css", headers={"If-None-Match": first.headers["ETag"]})
    assert back.status == 304


def test_ranges(site):
    part = site.get("site", "/style.css", headers={"Range": "bytes=2-4"})
    assert part.status == 206 and part.text == "234"
    assert part.headers["Content-Range"] == "bytes 2-4/10" and part.headers["Content-Length"] == "3"
    assert site.get("site", "/style.css", headers={"Range": "bytes=10-"}).status == 416
    whole = site.get("site", "/style.css", headers={"Range": "bytes=2-4", "If-Range": '"old"'})
    assert whole.status == 200 and whole.text == "0123456789"
    big = site.get("site", "/big.bin", headers={"Range": "bytes=1000000-2999999"})
    assert big.body == FILES["big.bin"][1000000:3000000]


def test_large_file_is_whole(site):
    assert site.get("site", "/big.bin").body == FILES["big.bin"]


def test_encodings(site):
    zipped = site.get("site", "/page.js", headers={"Accept-Encoding": "br, gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert zipped.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(zipped.body) == b"plain " * 100
    plain = site.get("site", "/page.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers and plain.body == b"plain " * 100
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != zipped.headers["ETag"]


def test_methods(site):
    head = site.get("site", "/style.css", method="HEAD")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == "10"
    post = site.get("site", "/style.css", method="POST", body="x=1")
    assert post.status == 405 and post.headers["Allow"] == "GET, HEAD"


def test_keep_alive_after_every_kind_of_answer(site):
    """One connection, all the statuses: each response ends where it says."""
    import ssl

    context = ssl.create_default_context(cafile=site.ca)
    connection = rig.LocalTls("site.localhost", site.https_port, timeout=10, context=context)
    etag = site.get("site", "/style.css").headers["ETag"]
    requests = [
        ("GET", "/", {}, 200), ("HEAD", "/", {}, 200), ("GET", "/nothing", {}, 404),
        ("HEAD", "/nothing", {}, 404), ("GET", "/docs", {}, 308), ("POST", "/", {}, 405),
        ("GET", "/style.css", {"If-None-Match": etag}, 304),
        ("GET", "/style.css", {"Range": "bytes=0-0"}, 206),
        ("GET", "/style.css", {"Range": "bytes=99-"}, 416), ("GET", "/style.css", {}, 200),
    ]
    connection.connect()
    first = connection.sock
    for method, path, headers, status in requests * 2:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == status, (method, path)
        assert connection.sock is first, f"the connection was closed after {method} {path}"
    connection.close()


def test_a_page_app_falls_back_to_its_page(agent):
    files = {"Staticfile": "root: public\nindex_fallback: true\n", "public/index.html": rig.body(1)}
    agent.berth("deploy", cwd=agent.repository("spa", files))
    assert agent.get("spa", "/users/7").text == rig.body(1)
    assert agent.get("spa", "/gone.js").status == 404
    assert agent.get("spa", "/.env").status == 404
