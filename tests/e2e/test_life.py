# SPDX-License-Identifier: Apache-2.0
"""Programs that die while a site is up: what comes back by itself, and what visitors see of it."""

import os
import signal
import socket
import ssl
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


# Answers the first half, and the second when the gate is there: a request in flight for as long as
# the test wants.
HELD = """
import http.server, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()
        if self.path == "/held":
            self.wfile.write(b"first-")
            self.wfile.flush()
            end = time.monotonic() + 60
            while not os.path.exists({gate!r}) and time.monotonic() < end:
                time.sleep(0.01)
            self.wfile.write(b"second")
        else:
            self.wfile.write(b"version-{version:04}")

http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_request_in_flight_outlives_its_release(agent):
    """The old instance is stopped when its last answer is out, however short the guard was."""
    gate = os.path.join(agent.home, "gate")

    def files(version):
        return {"server.py": HELD.format(gate=gate, version=version),
                "Procfile": "web: python3 -u server.py\n"}

    agent.config = "guard: 100ms\ndrain: 60s\n"
    agent.restart()
    path = agent.repository("shop", files(1))
    agent.berth("deploy", cwd=path)
    context = ssl.create_default_context(cafile=agent.ca)
    plain = socket.create_connection(("127.0.0.1", agent.https_port), timeout=60)
    with context.wrap_socket(plain, server_hostname="shop.localhost") as visitor:
        visitor.sendall(b"GET /held HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while not answer.endswith(b"first-"):
            part = visitor.recv(4096)
            assert part, answer
            answer += part
        agent.folder("shop", files(2))
        agent.commit(path)
        agent.berth("deploy", cwd=path)
        assert agent.get("shop").text == "version-0002"

        rig.wait_for(lambda: "release=2 state=draining" in agent.log(), "the end of the guard")
        visitor.settimeout(1)
        with pytest.raises(TimeoutError):  # not cut off, nor ended
            visitor.recv(4096)
        assert "release=2 state=stopping" not in agent.log()
        visitor.settimeout(60)
        with open(gate, "w", encoding="ascii"):
            pass
        while part := visitor.recv(4096):
            answer += part
    assert answer.endswith(b"first-second"), answer
    rig.wait_for(lambda: {p["release"] for p in agent.api("GET", "/v1/apps/shop/ps").json["processes"]} == {2}
                 and len(os.listdir(f"{agent.dir}/run/apps")) == 1, "the end of the old instance")
