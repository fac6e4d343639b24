# SPDX-License-Identifier: Apache-2.0
"""A disk without room: deploys fail with words, sites serve, and it works again once there is room,
without a restart."""

import contextlib
import os
import signal
import subprocess

import apps
import pytest
import rig

MIB = 1 << 20


@pytest.fixture
def small_disk():
    """An agent whose folder is a file system of 32 MiB."""
    a = rig.Agent()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", a.dir],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        a.close()
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield a.start()
    finally:
        with contextlib.suppress(OSError):
            os.unlink(f"{a.dir}/filler")
        log = a.log()
        a.stop()
        subprocess.run(["umount", "--lazy", a.dir], check=True)
        problems = a.close()
        print("--- agent's log\n" + log[-6000:])
        assert not problems, "; ".join(problems)


def fill(agent):
    with open(f"{agent.dir}/filler", "ab", buffering=0) as f:
        for size in (MIB, 4096, 1):
            with contextlib.suppress(OSError):
                while f.write(b"x" * size) == size:
                    pass


def test_a_deploy_without_room(small_disk):
    agent = small_disk
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    for version in (2, 3):
        agent.folder("shop", apps.server(version))
        agent.commit(path)
        fill(agent)
        done = agent.berth("deploy", cwd=path, check=False)
        said = done.out + done.err
        assert done.code not in (0, 3), done
        assert "full" in said or "No space left" in said, done
        assert agent.get("shop").text == rig.body(version - 1)
        assert agent.api("GET", "/v1/apps/shop").json["live"] is not None
        os.unlink(f"{agent.dir}/filler")
        agent.berth("deploy", cwd=path)
        assert agent.get("shop").text == rig.body(version)


def test_what_dies_without_room_comes_back(small_disk):
    agent = small_disk
    shop = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=shop)
    agent.berth("deploy", cwd=agent.repository("site", apps.site(1)))

    def answers(app):
        with contextlib.suppress(OSError):
            return agent.get(app, timeout=5).text == rig.body(1)
        return False

    def end(program):
        for pid, line in rig.processes_of(agent.dir):
            if program in line.split()[0]:
                os.kill(pid, signal.SIGKILL)

    fill(agent)
    end("berth-proxy")
    rig.wait_for(lambda: answers("site"), "the proxy")
    end("berth-supervise")
    rig.wait_for(lambda: answers("shop"), "the app")
    agent.stop()
    fill(agent)
    agent.start()
    rig.wait_for(lambda: answers("site"), "the site")
    os.unlink(f"{agent.dir}/filler")
    rig.wait_for(lambda: answers("shop"), "the app", 60)


def test_a_start_without_room_for_the_store(small_disk):
    agent = small_disk
    agent.berth("deploy", cwd=agent.repository("site", apps.site(1)))
    agent.stop()
    fill(agent)
    agent.start(wait=False)
    assert agent.process.wait(60) == 1
    assert "the disk is full" in agent.log(), agent.log()
    os.unlink(f"{agent.dir}/filler")
    agent.start()
    rig.wait_for(lambda: agent.get("site").text == rig.body(1), "the site")


def test_room_that_goes_during_the_build(small_disk):
    agent = small_disk
    path = agent.repository("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    agent.folder("shop", apps.site(2, **{
        "berth.yaml": "build: {command: \"head -c 64M /dev/zero > big\"}\nstatic: {/: .}\n"}))
    agent.commit(path)
    done = agent.berth("deploy", cwd=path, check=False)
    assert done.code == 8 and "No space left" in done.out + done.err, done
    assert agent.get("shop").text == rig.body(1)
    agent.folder("shop", {"berth.yaml": "static: {/: .}\n"})
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)
