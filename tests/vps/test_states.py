# SPDX-License-Identifier: Apache-2.0
"""Every state of a deploy on a real host, and at each of them: the agent dies, hostd dies, the proxy
dies, the power fails. Afterwards one whole release serves, the store agrees with what runs, nothing
is left over, and the next deploy works."""
import json

import pytest

from site_host import APPS, SITES

BEFORE_SWAP = ["queued", "checkout", "building", "releasing", "starting", "checking"]
AFTER_SWAP = ["swapping", "guarding", "draining", "stopping"]
STATES = BEFORE_SWAP + AFTER_SWAP
DROP_IN = "/run/systemd/system/berth-agent.service.d/stop.conf"  # gone after a boot


@pytest.fixture(scope="module")
def shop(berth_host):
    berth_host.host.sh("sed -i 's/^guard:.*/guard: 300ms/' /etc/berth/agent.yaml")
    put(berth_host, "v0")
    berth_host.berth("deploy", app="shop")
    wait_until_settled(berth_host)
    return berth_host


def put(h, version):
    h.put("shop", APPS / "plain", version__txt=f"{version}\n",
          berth__yaml="release: \"echo migrating\"\n")


def stop_at(h, point):
    if point:
        h.host.sh(f"mkdir -p $(dirname {DROP_IN})")
        h.host.sh(f"cat >{DROP_IN}", input=f"[Service]\nEnvironment=BERTH_TEST_STOP_AT={point}\n")
    else:
        h.host.run("rm", "-f", DROP_IN)
    h.host.run("systemctl", "daemon-reload")


def start_deploy(h, version, point):
    """The deploy runs in the background against an agent that will stop at that point."""
    put(h, version)
    stop_at(h, point)
    h.host.run("systemctl", "restart", "berth-agent")
    h.wait_for_agent()
    pid = h.host.pid_of("berth-agent")
    h.host.run("systemctl", "reset-failed", "shop-deploy.service", check=False)
    h.host.run("systemd-run", "--unit=shop-deploy", "--collect", "-E", "HOME=/root", "bash", "-c",
               f"cd {SITES}/shop; berth deploy >~/shop.log 2>&1")
    return pid


def process_state(h, pid):
    """'T' when stopped, '' when there is none."""
    line = h.host.run("cat", f"/proc/{pid}/stat", check=False).stdout
    return line.rpartition(")")[2].split()[0] if line else ""


def api(h, path):
    return json.loads(h.host.run("curl", "-sS", "--max-time", "5", "--unix-socket",
                                 "/run/berth/agent.sock", f"http://localhost{path}").stdout)


def wait_until_settled(h):
    h.wait(lambda: api(h, "/v1/apps/shop").get("deploying", 0) is None, "the end of the deploy", 60)
    live = api(h, "/v1/apps/shop")["live"]["number"]
    h.wait(lambda: h.units("berth-app-shop.*.service") == [f"berth-app-shop.{live}.web.1.service"],
           f"only v{live} running", 60)
    return live


def check(h, old, new, must_be=None):
    """The invariants; returns the version that serves."""
    h.wait_for_agent()
    live = wait_until_settled(h)
    served = h.get("shop")
    assert served[0] == 200 and served[1] in (old, new), served
    if must_be:
        assert served[1] == must_be
    releases = {r["number"]: r for r in api(h, "/v1/apps/shop/releases")["releases"]}
    assert releases[live]["live"]
    assert not [r for r in releases.values() if r["state"] == "building"]
    kept = {str(n) for n, r in releases.items() if r["state"] == "ready" or r["live"]}
    h.wait(lambda: set(h.host.sh("ls /var/lib/berth/apps/shop/releases").stdout.split()) <= kept,
           "the end of what failed")
    assert h.units("berth-task-shop.*") == []
    assert len(h.host.sh("ls -d /run/berth/apps/shop.*").stdout.split()) == 1
    return served[1]


def deploy_again(h, version):
    put(h, version)
    h.berth("deploy", app="shop")
    assert h.get("shop") == (200, version)
    wait_until_settled(h)


@pytest.mark.parametrize("state", STATES)
def test_the_agent_dies(shop, state):
    h = shop
    old = h.get("shop")[1]
    pid = start_deploy(h, f"agent-{state}", state)
    h.wait(lambda: process_state(h, pid) == "", f"the agent's end at {state}")
    assert h.get("shop")[1] in (old, f"agent-{state}")
    stop_at(h, None)
    h.host.run("systemctl", "restart", "berth-agent")
    check(h, old, f"agent-{state}", old if state in BEFORE_SWAP else f"agent-{state}")
    deploy_again(h, f"after-agent-{state}")


@pytest.mark.parametrize("unit", ["berth-hostd", "berth-proxy"])
@pytest.mark.parametrize("state", STATES)
def test_a_neighbour_dies(shop, state, unit):
    h = shop
    old = h.get("shop")[1]
    new = f"{unit}-{state}"
    pid = start_deploy(h, new, f"{state}:pause")
    h.wait(lambda: process_state(h, pid) == "T", f"the agent's stop at {state}")
    before = h.host.pid_of(unit)
    h.kill(unit)
    h.wait(lambda: h.host.pid_of(unit) not in (0, before), f"{unit} again")
    h.wait(lambda: h.get("shop")[1] in (old, new), "an answer while the agent stands still")
    h.host.run("kill", "-CONT", pid)
    check(h, old, new)
    stop_at(h, None)
    h.host.run("systemctl", "restart", "berth-agent")
    h.wait_for_agent()
    deploy_again(h, f"after-{new}")


@pytest.mark.parametrize("state", STATES)
def test_the_power_fails(shop, state):
    h = shop
    old = h.get("shop")[1]
    pid = start_deploy(h, f"power-{state}", f"{state}:pause")
    h.wait(lambda: process_state(h, pid) == "T", f"the agent's stop at {state}")
    h.host.cut()
    h.host.boot()
    h.wait(lambda: h.get("shop")[0] == 200, "an answer after the boot")
    check(h, old, f"power-{state}", old if state in BEFORE_SWAP else f"power-{state}")
    deploy_again(h, f"after-power-{state}")
