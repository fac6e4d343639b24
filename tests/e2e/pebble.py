# SPDX-License-Identifier: Apache-2.0
"""Pebble, the test CA of Let's Encrypt, with a DNS of its own, on loopback. It validates HTTP-01 on
the port that it is told: the agent's."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request

import rig

AVAILABLE = bool(shutil.which("pebble") and shutil.which("pebble-challtestsrv"))


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


class Pebble:
    def __init__(self, http_port, validity=90 * 86400, **env):
        self.dir = tempfile.mkdtemp(prefix="pebble-", dir="/tmp")
        ports = rig.free_ports(5)
        self.port, self.management_port, self.tls_port, self.dns_port, self.dns_management = ports
        self.http_port, self.validity = http_port, validity
        self.env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **env}
        self.ca = os.path.join(self.dir, "ca.pem")
        self.log_path = os.path.join(self.dir, "pebble.log")
        self.processes = {}
        self.make_certificate()

    @property
    def directory(self):
        return f"https://localhost:{self.port}/dir"

    def make_certificate(self):
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        with open(os.path.join(self.dir, "ext"), "w", encoding="utf-8") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:false\n")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                "-subj", "/CN=the test's CA", cwd=self.dir)
        openssl("req", *curve, "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=localhost",
                cwd=self.dir)
        openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "cert.pem",
                cwd=self.dir)

    def spawn(self, name, *argv):
        with open(os.path.join(self.dir, name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env})

    def start(self):
        with open(os.path.join(self.dir, "pebble.json"), "w", encoding="utf-8") as f:
            json.dump({"pebble": {
                "listenAddress": f"127.0.0.1:{self.port}",
                "managementListenAddress": f"127.0.0.1:{self.management_port}",
                "certificate": os.path.join(self.dir, "cert.pem"),
                "privateKey": os.path.join(self.dir, "key.pem"),
                "httpPort": self.http_port, "tlsPort": self.tls_port, "ocspResponderURL": "",
                "externalAccountBindingRequired": False,
                "domainBlocklist": ["blocked.berth-acme.org"],
                "retryAfter": {"authz": 1, "order": 1},
                "certificateValidityPeriod": self.validity}}, f)
        if "dns" not in self.processes:
            self.spawn("dns", "pebble-challtestsrv", "-dns01", f"127.0.0.1:{self.dns_port}",
                       "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "",
                       "-https01", "", "-tlsalpn01", "",
                       "-management", f"127.0.0.1:{self.dns_management}")
        self.spawn("pebble", "pebble", "-config", os.path.join(self.dir, "pebble.json"),
                   "-dnsserver", f"127.0.0.1:{self.dns_port}")
        rig.wait_for(self.root, "pebble")
        return self

    def root(self):
        """The root of what it issues, in a file; None while it does not answer."""
        path = os.path.join(self.dir, "root.pem")
        url = f"https://127.0.0.1:{self.management_port}/roots/0"
        done = subprocess.run(["curl", "-sf", "--cacert", self.ca, url, "-o", path], check=False)
        return path if done.returncode == 0 else None

    def point(self, host, address):
        """In its DNS the host has that address only."""
        body = json.dumps({"host": host, "addresses": [address]}).encode()
        url = f"http://127.0.0.1:{self.dns_management}/add-a"
        with urllib.request.urlopen(url, body, timeout=10):
            pass

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def count(self, pattern):
        return len(re.findall(pattern, self.log()))

    def stop(self, name="pebble"):
        process = self.processes.pop(name, None)
        if process:
            process.kill()
            process.wait(10)

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        with contextlib.suppress(OSError):
            shutil.rmtree(self.dir)
