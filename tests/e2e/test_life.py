# SPDX-License-Identifier: Apache-2.0
"""Programs that die while a site is up: what comes back by itself, and what visitors see of it."""

import os
import signal
import subprocess

import apps
import pytest
import rig


def deploy_until_the_agent_dies(agent, path, point):
    # SIGTERM would end the whole: apps and proxy too.
    agent.stop(signal.SIGKILL)
    agent.extra_env = {"BERTH_TEST_STOP_AT": point}
    agent.start()
    rig.wait_for(lambda: agent.get("shop").status == 200, "the first release")
    # The command would go on asking for the agent: it is ended as well.
    with open(os.path.join(agent.home, "deploy.log"), "wb") as log:
        command = subprocess.Popen([rig.program("berth"), "deploy"], cwd=path, env=agent.env(),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            assert agent.process.wait(30) == -signal.SIGKILL
        finally:
            command.kill()
            command.wait()
    agent.extra_env = {}


@pytest.mark.limit(300)
def test_visitors_notice_nothing(agent):
    """The agent is killed in the middle of deploys and comes back: no request of the load fails."""
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    with agent.load("shop", "--connections", 16, "--new", 2) as load:
        for version, point in enumerate(("building", "checking", "swapping", "guarding"), 2):
            agent.folder("shop", apps.server(version))
            agent.commit(path)
            deploy_until_the_agent_dies(agent, path, point)
            agent.start()
            rig.wait_for(lambda: agent.api("GET", "/v1/apps/shop").json["deploying"] is None,
                         "the deploy to end")
        agent.restart(signal.SIGKILL)
        report = load.stop()
    assert report["failed"] == 0, report


def test_apps_go_on_while_the_agent_is_dead(agent):
    """The instances are not the agent's children: they are the same processes before and after."""
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)

    def servers():
        return {pid for pid, line in rig.processes_of(agent.dir) if "server.py" in line}

    before = servers()
    assert before
    agent.stop(signal.SIGKILL)
    assert servers() == before
    agent.start()
    assert agent.get("shop").text == rig.body(1)
    assert servers() == before


def test_an_instance_that_dies_is_started_again(agent):
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    (first,) = {pid for pid, line in rig.processes_of(agent.dir) if line.startswith("python3")}
    os.kill(first, signal.SIGKILL)

    def again():
        pids = {pid for pid, line in rig.processes_of(agent.dir) if line.startswith("python3")}
        return pids and first not in pids and agent.get("shop").status == 200

    rig.wait_for(again, "another instance")
    (process,) = agent.api("GET", "/v1/apps/shop/ps").json["processes"]
    assert process["restarts"] >= 1


def test_the_proxy_is_started_again(agent):
    agent.berth("deploy", cwd=agent.repository("site", apps.site(1)))
    (proxy,) = {pid for pid, line in rig.processes_of(agent.dir) if "berth-proxy" in line}
    os.kill(proxy, signal.SIGKILL)

    def answers():
        try:
            return agent.get("site").text == rig.body(1)
        except OSError:
            return False

    rig.wait_for(answers, "another proxy")
    path = agent.folder("site", apps.site(2))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    assert agent.get("site").text == rig.body(2)
