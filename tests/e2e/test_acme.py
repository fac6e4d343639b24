# SPDX-License-Identifier: Apache-2.0
"""Automatic certificates, with Pebble as the CA: what is issued, what is kept while it cannot be, and
that nobody notices. Needs the programs `pebble` and `pebble-challtestsrv` (Debian: pebble)."""

import glob
import json
import os
import signal
import ssl
import threading
import time

import pytest

import rig
from pebble import AVAILABLE, Pebble

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="pebble is not installed")

HOST = "one.berth-acme.org"  # Pebble's DNS says 127.0.0.1 to every name
PAGE = {"index.html": "<html>hello</html>"}
NEW_ORDER, NEW_ACCOUNT = r"POST /order-plz", r"POST /sign-me-up"


class Lab:
    """An agent that orders from a Pebble of its own."""

    def __init__(self, validity, **env):
        self.agent = rig.Agent()
        self.ca = Pebble(self.agent.http_port, validity, **env).start()
        self.agent.config = (f"acme:\n  directory: {self.ca.directory}\n  ca_file: {self.ca.ca}\n"
                             "  agree_terms: true\n  email: somebody@berth-acme.org\n")
        self.agent.start()

    def deploy(self, *domains):
        self.agent.berth("deploy", "--app", "site", cwd=self.agent.folder("site", PAGE))
        for domain in domains:
            self.agent.berth("domains", "add", domain, "--app", "site")

    def serves(self, host, ca):
        """Does the site answer, with a certificate of that CA?"""
        try:
            return self.agent.get_host(host, ca=ca).text == PAGE["index.html"]
        except ssl.SSLError:
            return False

    def await_issued(self, host=HOST, seconds=60):
        rig.wait_for(lambda: self.serves(host, self.ca.root()), f"Pebble's certificate of {host}",
                     seconds)

    def schedule(self, host=HOST):
        path = os.path.join(self.agent.dir, "acme/schedule.json")
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as f:
            return json.load(f).get(host, {})

    def await_failure(self, host=HOST):
        return rig.wait_for(lambda: self.schedule(host).get("error") and self.schedule(host),
                            f"a failed order of {host}", 60)

    def folders(self, host=HOST):
        return sorted(os.listdir(os.path.join(self.agent.dir, "certs", host)))


@pytest.fixture
def lab():
    made = []

    def make(validity=90 * 86400, **env):
        made.append(Lab(validity, **env))
        return made[-1]

    yield make
    problems = []
    for one in made:
        print("--- agent\n" + one.agent.log()[-3000:] + "\n--- pebble\n" + one.ca.log()[-3000:])
        problems += one.agent.close()
        one.ca.close()
    assert not problems, "; ".join(problems)


def test_a_domain_gets_a_certificate(lab):
    """And is kept over restarts, without another order; local names stay with the local CA."""
    one = lab()
    one.deploy(HOST)
    one.await_issued()
    assert one.serves("site.localhost", one.agent.ca)
    curl = one.agent.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
                         one.ca.root(), "--resolve", f"{HOST}:{one.agent.https_port}:127.0.0.1",
                         f"https://{HOST}:{one.agent.https_port}/")
    assert curl.out == "200"
    keys = glob.glob(one.agent.dir + "/acme/*/account.key")
    assert len(keys) == 1 and os.stat(keys[0]).st_mode & 0o777 == 0o600
    rig.wait_for(lambda: len(one.folders()) == 1, "the local CA's certificate to go")
    orders = one.ca.count(NEW_ORDER)
    one.agent.restart()
    assert one.serves(HOST, one.ca.root())
    # The path is the app's again, behind its redirect.
    plain = one.agent.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--resolve",
                          f"{HOST}:{one.agent.http_port}:127.0.0.1",
                          f"http://{HOST}:{one.agent.http_port}/.well-known/acme-challenge/x")
    assert plain.out == "308"
    assert one.ca.count(NEW_ORDER) == orders == 1
    certs = {c["host"]: c for c in one.agent.berth("certs", "--json").json["certs"]}
    assert certs[HOST]["issuer"] == "acme" and certs["site.localhost"]["issuer"] == "local"
    assert certs[HOST]["error"] is None and certs[HOST]["renewal"] < certs[HOST]["expires"]
    old = one.folders()
    assert "is ordered" in one.agent.berth("certs", "renew", HOST).err
    rig.wait_for(lambda: one.folders() != old and len(one.folders()) == 1, "a renewal")
    assert one.serves(HOST, one.ca.root())
    assert "new certificate" in one.agent.berth("certs", "renew", "site.localhost").err
    assert one.serves("site.localhost", one.agent.ca)
    assert one.agent.berth("certs", "renew", "other.org", check=False).code == 5
    with open(one.agent.dir + "/proxy/routes.json", encoding="utf-8") as f:
        assert "challenges" not in json.load(f)


def test_bad_nonces(lab):
    """Every second nonce is refused; several domains at once."""
    one = lab(PEBBLE_WFE_NONCEREJECT="50")
    hosts = [f"n{i}.berth-acme.org" for i in range(5)]
    one.deploy(*hosts)
    for host in hosts:
        one.await_issued(host, 100)


def test_failed_validation(lab):
    """The name leads elsewhere: the CA's words, the local CA's certificate, and no storm."""
    one = lab()
    one.ca.point(HOST, "127.0.0.9")
    one.deploy(HOST)
    before = time.time()
    failure = one.await_failure()
    assert "127.0.0.9" in failure["error"] and failure["failures"] == 1
    assert 50 < failure["next"] / 1000 - before < 100
    assert failure["validations"][-1] > 0
    assert one.serves(HOST, one.agent.ca)
    rig.wait_for(lambda: failure["error"] in one.agent.log(), "the words in the log")
    one.agent.restart()
    assert one.serves(HOST, one.agent.ca)
    assert one.ca.count(NEW_ORDER) == 1
    assert "127.0.0.9" in one.agent.berth("certs").out
    for failures in range(2, 6):
        one.agent.berth("certs", "renew", HOST)
        rig.wait_for(lambda n=failures: one.schedule()["failures"] == n, "another failure")
    refused = one.agent.berth("certs", "renew", HOST, check=False)
    assert refused.code != 0 and "five times within an hour" in refused.err


def test_refused_name(lab):
    """One name that the CA does not serve keeps no other from its certificate."""
    one = lab()
    one.deploy("blocked.berth-acme.org", HOST)
    one.await_issued()
    assert one.serves("blocked.berth-acme.org", one.agent.ca)
    assert "forbidden by policy" in one.await_failure("blocked.berth-acme.org")["error"]


def test_ca_down(lab):
    """The certificate is due and nobody there to renew it: the old one goes on."""
    one = lab(validity=60)
    one.deploy(HOST)
    one.await_issued()
    one.ca.stop()
    folders = one.folders()
    rig.wait_for(lambda: due(one), "the certificate to be due", 60)
    one.agent.restart()
    assert "Failed to connect" in one.await_failure()["error"]
    assert one.folders() == folders
    assert one.agent.get_host(HOST, ca=one.ca.dir + "/root.pem").status == 200


def due(one):
    """Half of a short life is over."""
    entry = one.schedule()
    return entry and time.time() * 1000 > entry["changed"] + 31000


def test_killed_during_an_order(lab):
    """The next agent orders again, with the same account."""
    one = lab(PEBBLE_VA_NOSLEEP="", PEBBLE_VA_SLEEPTIME="4")
    one.deploy(HOST)
    rig.wait_for(lambda: one.ca.count(r"POST /chalZ/"), "the CA to be asked to look")
    one.agent.restart(signal.SIGKILL)
    one.await_issued()
    assert one.ca.count(NEW_ACCOUNT) == 1


def test_renewal_under_load(lab):
    """A new certificate comes while visitors do: none of them fails."""
    one = lab()
    one.deploy(HOST)
    one.await_issued()
    root = one.ca.root()
    serial = one.folders()
    stop, results = threading.Event(), []

    def visit():
        while not stop.is_set():
            try:
                results.append(one.agent.get_host(HOST, ca=root).status)
            except OSError as e:
                results.append(repr(e))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for v in visitors:
        v.start()
    try:
        rig.wait_for(lambda: len(results) > 20, "visitors", 60)
        one.agent.berth("certs", "renew", HOST)
        rig.wait_for(lambda: one.folders() != serial and len(one.folders()) == 1, "a renewal", 60)
        seen = len(results)
        rig.wait_for(lambda: len(results) > seen + 20, "visitors of the new one", 60)
    finally:
        stop.set()
        for v in visitors:
            v.join()
    assert one.serves(HOST, root)
    print(len(results), "visits")
    assert set(results) == {200}, [r for r in results if r != 200]
