# SPDX-License-Identifier: Apache-2.0
"""What every program of the project does alike: --help, --version, and words for a wrong option."""

import os
import subprocess

import pytest
import rig

PROGRAMS = ("berth", "berth-agent", "berth-proxy", "berth-hostd", "berth-build", "berth-launch", "berth-git")
DAEMONS = ("berth-agent", "berth-proxy", "berth-hostd")


def run(name, *arguments):
    assert os.access(rig.program(name), os.X_OK), f"{name} is not built"
    return subprocess.run([rig.program(name), *arguments], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name):
    done = run(name, "--help")
    assert done.returncode == 0, done
    assert name in done.stdout and "--version" in done.stdout and done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("name", PROGRAMS)
def test_version(name):
    done = run(name, "--version")
    assert done.returncode == 0 and done.stderr == "", done
    assert done.stdout.startswith(f"{name} 0."), done


@pytest.mark.parametrize("name", PROGRAMS)
def test_wrong_option(name):
    done = run(name, "--versoin")
    assert done.returncode == 2 and done.stdout == "", done
    assert "--versoin" in done.stderr and "--version" in done.stderr, done


@pytest.mark.parametrize("name", ("berth-agent", "berth-proxy"))
def test_configuration_that_is_not_there(name, tmp_path):
    done = run(name, "-n", "--config", str(tmp_path / "absent"))
    assert done.returncode == 2 and "absent" in done.stderr, done
