# SPDX-License-Identifier: Apache-2.0
"""Deploys under constant load on a host with a real systemd: no request fails."""
import json
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOYS = 10

# Answers its version, 400 lines of it; on the socket that its command asks for.
SERVER = """\
import os, socketserver, sys
from http.server import BaseHTTPRequestHandler

BODY = b"v{version}\\n" * 400

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def address_string(self):
        return "proxy"

    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 256

Server(sys.argv[1].removeprefix("unix:"), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def generator(berth_host):
    program = ROOT / "build/release/test/load"
    if not program.exists():
        pytest.skip("the load generator was not built")
    berth_host.host.copy_in(program, "/srv")
    return "/srv/load"


def put(h, tmp_path, name, version, files):
    folder = tmp_path / f"{name}{version}"
    folder.mkdir()
    for file, text in files.items():
        (folder / file).write_text(text)
    h.put(name, folder)


def check(h, generator, app, deploy):
    process = subprocess.Popen(
        h.host.command(generator, 443, f"{app}.localhost", "/var/lib/berth/ca/ca.pem",
                       "--connections", 16, "--new", 2),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    for version in range(2, DEPLOYS + 2):
        deploy(version)
    out, _ = process.communicate("", timeout=60)
    report = json.loads(out)
    print(report)
    assert report["requests"] > 500, report
    assert report["failed"] == 0 and report["backwards"] == 0, report
    assert set(report["versions"]) == {f"v{v}" for v in range(1, DEPLOYS + 2)}, report


@pytest.mark.limit(300)
def test_a_static_site(berth_host, generator, tmp_path):
    def deploy(version):
        put(berth_host, tmp_path, "site", version, {"index.html": f"v{version}\n" * 400})
        berth_host.berth("deploy", app="site")

    deploy(1)
    check(berth_host, generator, "site", deploy)


@pytest.mark.limit(300)
def test_an_app_with_a_socket(berth_host, generator, tmp_path):
    def deploy(version):
        put(berth_host, tmp_path, "shop", version,
            {"server.py": SERVER.format(version=version), "Procfile": "web: python3 server.py $LISTEN\n"})
        berth_host.berth("deploy", app="shop")

    deploy(1)
    check(berth_host, generator, "shop", deploy)
    # Of the old releases no process is left.
    berth_host.wait(lambda: len(berth_host.units("berth-app-shop.*.service")) == 1, "one instance")
    assert berth_host.host.run("pgrep", "-fc", "server.py").stdout.strip() == "1"
