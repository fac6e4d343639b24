# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the agent at each state of a deploy. While it is dead its apps go on serving; the next
agent finds or makes one whole release live, leaves nothing over, and deploys again."""

import json
import os
import signal
import sqlite3
import subprocess

import apps
import pytest
import rig

MANIFEST = "release: \"echo migrating\"\nprocesses:\n  web: {health: {timeout: 20s}}\n"
SOAK = bool(os.environ.get("BERTH_SOAK"))
# Before the swap is stored a restart goes back, from then on it goes on. "+": the state's work is
# done. The unit tests of the engine go through all of them; here it is the ones with programs.
BACK = ["queued", "checkout", "building+", "releasing", "starting", "checking", "checking+"]
BACK += ["checkout+", "building", "releasing+", "starting+"] if SOAK else []
ON = ["swapping", "swapping+", "guarding"]


def kill_at(agent, path, point, verb="deploy"):
    """Runs the CLI against an agent that kills itself at that point; the CLI waits for the next one."""
    agent.stop()
    agent.extra_env = {"BERTH_TEST_STOP_AT": point}
    agent.start()
    rig.wait_for(lambda: agent.get("shop").status == 200, "the app to be up again")
    command = subprocess.Popen([rig.program("berth"), verb], cwd=path, env=agent.env(), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    assert agent.process.wait(60) == -signal.SIGKILL, f"it did not stop at {point}"
    agent.extra_env = {}
    return command


def settled(agent):
    app = agent.api("GET", "/v1/apps/shop").json
    return app if app["deploying"] is None else None


def unfinished(agent):
    with sqlite3.connect(f"file:{agent.dir}/store.db?mode=ro", uri=True) as store:
        return store.execute("SELECT id, state FROM deploys WHERE state <> 'ended'").fetchall()


def check_nothing_is_left(agent, live):
    """Processes, folders and rows are those of the live release and of what is kept."""
    rig.wait_for(lambda: not unfinished(agent), "the deploys to end")
    ps = agent.api("GET", "/v1/apps/shop/ps").json["processes"]
    assert {p["release"] for p in ps} <= {live}, ps
    rig.wait_for(lambda: all(f"shop.{live}." in name for name in os.listdir(f"{agent.dir}/run/apps")
                             if name.startswith("shop.")), "the other instances to end")
    listed = agent.api("GET", "/v1/apps/shop/releases").json["releases"]
    kept = {str(r["number"]) for r in listed if r["state"] not in ("failed", "pruned", "building")}
    rig.wait_for(lambda: set(os.listdir(f"{agent.dir}/apps/shop/releases")) <= kept,
                 "the folders of what failed to go")
    assert not [r for r in listed if r["state"] == "building"], listed


def crash_and_check(agent, point, make, versions):
    """Version n is live; n+1 is being deployed when the agent dies; n+2 is the next one."""
    old, new, after = versions
    path = agent.folder("shop", make(new))
    agent.commit(path)
    before = agent.api("GET", "/v1/apps/shop").json["live"]["number"]
    command = kill_at(agent, path, point)
    assert agent.get("shop").text in (rig.body(old), rig.body(new))

    agent.start()
    said, _ = command.communicate(timeout=60)
    # Killed while it took the request the agent may have told nobody the deploy's number.
    if point not in ("queued", "checkout") or command.returncode != 6:
        assert command.returncode == (1 if point not in ON else 0), f"{point}: {said}"
    app = rig.wait_for(lambda: settled(agent), "the deploy to end")
    live = app["live"]["number"]
    if point not in ON:
        assert live == before, f"{point}: v{live} is live"
    else:
        assert live != before, f"{point}: v{live} is live"
    expected = rig.body(old if point not in ON else new)
    rig.wait_for(lambda: agent.get("shop").text == expected, f"{point}: the live release to serve")
    # What went on guards the new release for a while; the end of the test looks at that.
    if point not in ON:
        check_nothing_is_left(agent, live)

    agent.folder("shop", make(after))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(after)


@pytest.mark.limit(300)
def test_an_app_with_a_process(agent):
    def make(version):
        return apps.server(version, manifest=MANIFEST)

    path = agent.repository("shop", make(1))
    agent.berth("deploy", cwd=path)
    version = 1
    for point in BACK + ON:
        crash_and_check(agent, point, make, (version, version + 1, version + 2))
        version += 2
    check_nothing_is_left(agent, agent.api("GET", "/v1/apps/shop").json["live"]["number"])


@pytest.mark.limit(200)
def test_a_static_site(agent):
    path = agent.repository("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    version = 1
    for point in ["building", "swapping", "swapping+"]:
        crash_and_check(agent, point, apps.site, (version, version + 1, version + 2))
        version += 2
    check_nothing_is_left(agent, agent.api("GET", "/v1/apps/shop").json["live"]["number"])


def test_what_was_interrupted_can_be_asked_for_later(agent):
    path = agent.repository("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    agent.folder("shop", apps.site(2))
    agent.commit(path)
    command = kill_at(agent, path, "building")
    command.kill()
    command.communicate()
    agent.start()
    rig.wait_for(lambda: settled(agent), "the deploy to end")
    lines = agent.api("GET", "/v1/apps/shop/deploys/2/events").text.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    end = json.loads(lines[-1])
    assert end["type"] == "end" and end["state"] == "failed" and end["exit"] == 1, end
    assert end["reason"] == "interrupted by a restart of the agent", end


def test_a_rollback_that_is_killed(agent):
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    agent.folder("shop", apps.server(2))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    command = kill_at(agent, path, "checking", "rollback")
    assert agent.get("shop").text == rig.body(2)
    agent.start()
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 1, said
    assert agent.get("shop").text == rig.body(2)
    check_nothing_is_left(agent, 2)
    agent.berth("rollback", cwd=path)
    assert agent.get("shop").text == rig.body(1)
