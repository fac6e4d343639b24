# SPDX-License-Identifier: Apache-2.0
"""Deploys that cannot work: the exit code says what, the words say why, and visitors see nothing."""

import json

import apps
import pytest
import rig

HEALTH = "processes:\n  web: {health: {path: /, timeout: 3s}}\n"
# The embedded runtime looks at a build's memory a few times a second, so it must last a moment.
GREEDY = ("build: {memory: 64M, command: \"python3 -c 'import time; x = bytes([1]) * (300 << 20);"
          " time.sleep(60)'\"}\n" + HEALTH)

# what is wrong: (files, exit code, words that must be said)
CASES = {
    "manifest that does not parse": (
        apps.server(2, manifest="processes:\n  web: {command: [\n"), 2, ["berth.yaml:"]),
    "manifest with an unknown key": (
        apps.server(2, manifest="procesess:\n  web: {}\n"), 2, ["berth.yaml:1", "processes"]),
    "build that fails": (
        apps.server(2, manifest="build: {command: \"echo compiling; echo no such header >&2; exit 7\"}\n"),
        8, ["compiling", "no such header", "7"]),
    "build that is too large": (apps.server(2, manifest=GREEDY), 8, ["memory"]),
    "app that exits": (
        apps.server(2, "exit", HEALTH), 1, ["cannot find my configuration", "status 3"]),
    "app that never listens": (apps.server(2, "deaf", HEALTH), 10, ["thinking about it", "3"]),
    "app that answers 500": (apps.server(2, "error", HEALTH), 10, ["500"]),
    "release command that fails": (
        apps.server(2, manifest="release: \"echo migrating; echo no such table >&2; exit 4\"\n" + HEALTH),
        9, ["no such table", "4"]),
    "nothing to build": ({"notes.txt": "hello", "server.py": None, "Procfile": None, "berth.yaml": None},
                         2, ["notes.txt"]),
}


def replace(agent, name, files):
    """Writes files; None removes one."""
    import os

    path = agent.folder(name, {f: text for f, text in files.items() if text is not None})
    for file, text in files.items():
        if text is None:
            os.unlink(os.path.join(path, file))
    agent.commit(path)
    return path


@pytest.mark.parametrize("what", list(CASES), ids=[c.replace(" ", "-") for c in CASES])
def test_old_release_is_untouched(agent, what):
    files, code, words = CASES[what]
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    before = agent.api("GET", "/v1/apps/shop").json["live"]
    processes = {p for p, _ in rig.processes_of(agent.dir)}
    replace(agent, "shop", files)
    with agent.load("shop", "--connections", 8, "--new", 1) as load:
        done = agent.berth("deploy", cwd=path, check=False)
        report = load.stop()
    assert done.code == code, done
    said = done.out + done.err
    for word in words:
        assert word in said, f"'{word}' is not in what it said:\n{done}"
    assert report["failed"] == 0 and set(report["versions"]) == {"v1"}, report

    live = agent.api("GET", "/v1/apps/shop").json
    assert live["live"]["number"] == before["number"] and live["deploying"] is None
    assert agent.get("shop").text == rig.body(1)
    rig.wait_for(lambda: {p for p, _ in rig.processes_of(agent.dir)} <= processes,
                 "the processes of the failed release to end")
    # And the next one works.
    replace(agent, "shop", apps.server(3))
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(3)


def test_first_deploy_that_fails_leaves_no_site(agent):
    path = agent.repository("shop", apps.server(1, "exit", HEALTH))
    done = agent.berth("deploy", cwd=path, check=False)
    assert done.code == 1, done
    assert agent.api("GET", "/v1/apps/shop").json["live"] is None
    replace(agent, "shop", apps.server(2))
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)


def test_interrupt_cancels(agent):
    import signal
    import subprocess

    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    replace(agent, "shop", apps.server(2, manifest="build: {command: \"echo begun; sleep 600\"}\n"))
    command = subprocess.Popen([rig.program("berth"), "deploy"], cwd=path, env=agent.env(),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    rig.wait_for(lambda: agent.api("GET", "/v1/apps/shop").json["deploying"], "the deploy to begin")
    for line in command.stdout:
        if "begun" in line:
            break
    command.send_signal(signal.SIGINT)
    assert command.wait(30) == 130
    command.stdout.close()
    rig.wait_for(lambda: agent.api("GET", "/v1/apps/shop").json["deploying"] is None, "the deploy to end")
    assert agent.get("shop").text == rig.body(1)


def test_no_agent_is_exit_6(agent):
    path = agent.repository("shop", apps.site(1))
    done = agent.berth("deploy", cwd=path, check=False, BERTH_HOST=agent.home + "/nowhere")
    assert done.code == 6 and "nowhere" in done.err


def test_wrong_option_is_exit_2_with_a_suggestion(agent):
    done = agent.berth("depoly", check=False)
    assert done.code == 2 and "deploy" in done.err
    done = agent.berth("deploy", "--jsno", check=False)
    assert done.code == 2 and "--json" in done.err


def test_errors_are_json_when_asked(agent):
    done = agent.berth("status", "-a", "absent", "--json", check=False)
    assert done.code == 5
    if done.out.strip():
        assert "absent" in json.dumps(json.loads(done.out))
