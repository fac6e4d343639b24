# SPDX-License-Identifier: Apache-2.0
"""Apps whose dependencies come from registries, on a host with a real systemd."""
import subprocess
import sys

import pytest

from site_host import APPS


def skip_unless_reachable(command):
    if subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0:
        pytest.skip("the package registry cannot be reached")


def pip_works(tmp_path):
    skip_unless_reachable([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, "h11"])


@pytest.mark.limit(300)
def test_fastapi(online_host, tmp_path):
    pip_works(tmp_path)
    online_host.put("fast", APPS / "fastapi", version__txt="one\n")
    online_host.berth("deploy", app="fast", timeout=280)
    assert online_host.get("fast", "/version") == (200, "one")
    # It asked for a socket, so no port is taken.
    assert "app.sock" in online_host.host.sh("ls /run/berth/apps/fast.*").stdout


@pytest.mark.limit(300)
def test_django_migrates_and_keeps_its_data(online_host, tmp_path):
    pip_works(tmp_path)
    online_host.put("shop", APPS / "django", version__txt="one\n")
    online_host.berth("deploy", app="shop", timeout=280)
    assert online_host.get("shop", "/version")[0] == 200
    online_host.put("shop", APPS / "django", version__txt="two\n")
    online_host.berth("deploy", app="shop", timeout=280)
    assert online_host.get("shop", "/version") == (200, "two")


@pytest.mark.limit(300)
def test_express(online_host):
    skip_unless_reachable(["npm", "view", "express", "version"])
    online_host.put("express", APPS / "express", version__txt="one\n")
    online_host.berth("deploy", app="express", timeout=280)
    assert online_host.get("express", "/version") == (200, "one")
