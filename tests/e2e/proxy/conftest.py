# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the proxy's tests: origins and proxies that are closed, and looked at, in the end."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import proxy_rig  # noqa: E402


@pytest.fixture
def origin():
    opened = []

    def make(script=None, path=None):
        opened.append(proxy_rig.Origin(script, path))
        return opened[-1]

    yield make
    for o in opened:
        o.close()


@pytest.fixture
def proxy():
    opened = []

    def make(table=None, start=True, **options):
        p = proxy_rig.Proxy(table, **options)
        opened.append(p)
        return p.start() if start else p

    yield make
    for p in opened:
        if p.process:
            p.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """For app.test and other.test."""
    folder = str(tmp_path_factory.mktemp("certificate"))
    return proxy_rig.make_certificate(folder, "local", [proxy_rig.HOST, "other.test"])
