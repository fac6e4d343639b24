# SPDX-License-Identifier: Apache-2.0
"""A throwaway host with the packages installed, for the tests of this folder."""
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RELEASE = ROOT / "build/release"
LIMIT_SECONDS = 180

sys.path.insert(0, str(HERE))

import host as hosts  # noqa: E402
import site_host  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): ends the test after that time")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_SECONDS

    def on_alarm(*_):
        raise TimeoutError(f"the test took more than {seconds} s")

    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for name in ("berth_host", "online_host"):
            if name in item.funcargs:
                report.sections.append(("journal", item.funcargs[name].host.journal(80)))


@pytest.fixture(scope="session")
def packages():
    """The two packages, made from the tree as it is."""
    reason = hosts.missing()
    if reason:
        pytest.skip(f"throwaway hosts: {reason}")
    log = ROOT / "build/test/packages.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as out:
        for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"],
                        ["cpack", "--config", RELEASE / "CPackConfig.cmake"]):
            subprocess.run(command, cwd=ROOT, stdout=out, stderr=out, check=True)
    return sorted(RELEASE.glob("berth*.deb"))


@pytest.fixture(scope="session")
def one_at_a_time():
    hosts.DISKS.mkdir(parents=True, exist_ok=True)
    with open(hosts.DISKS / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def berth_host(packages, one_at_a_time):
    """A host of its own, with no network but its loopback."""
    h = site_host.SiteHost(hosts.Host("test"))
    try:
        h.install(packages)
        yield h
    finally:
        if not os.environ.get("BERTH_KEEP_HOST"):
            h.host.down()


def port_is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("", port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def online_host(packages, one_at_a_time):
    """A host on this machine's network, from where registries can be reached."""
    for port in (80, 443):
        if not port_is_free(port):
            pytest.skip(f"port {port} of this machine is in use")
    h = site_host.SiteHost(hosts.Host("online", online=True))
    try:
        h.install(packages)
        yield h
    finally:
        if not os.environ.get("BERTH_KEEP_HOST"):
            h.host.down()
