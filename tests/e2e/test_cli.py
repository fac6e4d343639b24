# SPDX-License-Identifier: Apache-2.0
"""Every verb of the CLI against a real agent, over its socket and over https."""
import json
import os
import re
import signal
import subprocess
import time

import apps
import pytest
import rig
from test_cli_stream import run_on_terminal

SLOW = ("build: {command: \"echo compiling; touch building; sleep 60\"}\n"
        "processes:\n  web: {health: {timeout: 5s}}\n")


@pytest.fixture
def shop(agent):
    """An agent with the app shop live as v1."""
    agent.folder_of_shop = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=agent.folder_of_shop)
    return agent


def berth(agent, *arguments, **options):
    return agent.berth(*arguments, cwd=options.pop("cwd", agent.folder_of_shop), **options)


def environment_of(agent):
    return dict(line.split("=", 1) for line in agent.get("shop", "/env").text.splitlines() if "=" in line)


def test_from_init_to_a_site(agent):
    path = agent.folder("My Site", apps.site(1))
    assert agent.berth("init", cwd=path).code == 0
    done = agent.berth("deploy", cwd=path)
    assert done.out == f"https://my-site.localhost:{agent.https_port}\n"
    assert re.search(r"✓ push +\d+ms  \d+ objects, \d+ B", done.err), done
    assert "my-site v1 is live after" in done.err
    assert agent.get("my-site").text == rig.body(1)
    # the same again: nothing to send
    assert "the agent has it already" in agent.berth("deploy", cwd=path).err


def test_status_releases_ps_and_apps(shop):
    status = berth(shop, "status")
    assert re.search(r"^live +v1  [0-9a-f]{8}  .*a change$", status.out, re.M), status
    assert f"url       https://shop.localhost:{shop.https_port}" in status.out
    assert re.search(r"^web\.\d +v1 +\w+", status.out, re.M), status
    value = berth(shop, "status", "--json").json
    assert value["live"]["number"] == 1
    assert value["processes"][0]["name"] == "web"
    releases = berth(shop, "releases")
    assert re.search(r"^v1 +live +- .*a change$", releases.out, re.M), releases
    assert [r["number"] for r in berth(shop, "releases", "--json").json["releases"]] == [1]
    assert re.search(r"^web\.\d +v1 ", berth(shop, "ps").out, re.M)
    assert berth(shop, "apps", "-q").out == "shop\n"
    assert re.search(r"^shop +v1 .* https://shop\.localhost", berth(shop, "apps").out, re.M)
    assert berth(shop, "open").out == f"https://shop.localhost:{shop.https_port}\n"


def test_the_app_is_found(shop):
    """-a, then berth.yaml (here or above), then BERTH_APP, then the folder's name."""
    path = shop.folder("elsewhere/sub", {"x": ""})
    assert berth(shop, "open", "-a", "shop", cwd=path).out.startswith("https://shop.")
    assert berth(shop, "open", cwd=path, BERTH_APP="shop").out.startswith("https://shop.")
    r = berth(shop, "open", cwd=path, check=False)
    assert r.code == 5
    assert "sub" in r.err and "the folder's name" in r.err
    shop.folder("elsewhere", {"berth.yaml": "app: shop\n"})
    assert berth(shop, "open", cwd=path).out.startswith("https://shop.")
    assert berth(shop, "open", "-C", path, cwd="/").out.startswith("https://shop.")


def test_rollback(shop):
    shop.folder("shop", apps.server(2))
    berth(shop, "deploy")
    assert shop.get("shop").text == rig.body(2)
    done = berth(shop, "rollback")
    assert done.out == f"https://shop.localhost:{shop.https_port}\n"
    assert shop.get("shop").text == rig.body(1)
    berth(shop, "rollback", "v2")
    assert shop.get("shop").text == rig.body(2)
    r = berth(shop, "rollback", "99", check=False)
    assert r.code == 5, r
    assert "99" in r.err
    berth(shop, "rollback", "v1")
    assert re.search(r"^live +v1 .*^newest +v2 .* ready$", berth(shop, "status").out, re.M | re.S)
    berth(shop, "rollback", "v2")
    assert shop.get("shop").text == rig.body(2)


def test_env(shop):
    done = berth(shop, "env", "set", "A=1", "B=two words")
    assert "2 variables set" in done.err
    assert done.out == f"https://shop.localhost:{shop.https_port}\n"
    seen = environment_of(shop)
    assert (seen["A"], seen["B"]) == ("1", "two words")
    assert berth(shop, "env", "get", "B").out == "two words\n"
    assert berth(shop, "env").out == 'A=1\nB="two words"\n'
    assert berth(shop, "env", "list", "-q").out == "A\nB\n"
    assert berth(shop, "env", "--json").json == {"env": {"A": "1", "B": "two words"}}
    berth(shop, "env", "unset", "A")
    assert "A" not in environment_of(shop)
    r = berth(shop, "env", "get", "A", check=False)
    assert (r.code, r.out) == (5, "")


def test_env_from_files(shop):
    lines = 'export X="line 1\\nline 2"\n# a comment\nY=\'$HOME\'\nZ=plain\n'
    path = shop.folder("files", {".env": lines, "bad.env": "OK=1\nnot a line\n"})
    berth(shop, "env", "set", "--file", os.path.join(path, ".env"), "--no-deploy")
    assert "X" not in environment_of(shop), "--no-deploy leaves what runs alone"
    assert berth(shop, "env", "get", "X").out == "line 1\nline 2\n"
    # what list prints can be set again, exactly
    listed = berth(shop, "env").out
    berth(shop, "env", "unset", "X", "Y", "Z", "--no-deploy")
    berth(shop, "env", "set", "--no-deploy", text=listed)
    assert berth(shop, "env").out == listed
    assert berth(shop, "env", "get", "Y").out == "$HOME\n"
    r = berth(shop, "env", "set", "--file", os.path.join(path, "bad.env"), check=False)
    assert r.code == 2
    assert "bad.env:2" in r.err
    assert berth(shop, "env").out == listed


def test_domains(shop):
    berth(shop, "domains", "add", "Shop.Example.com.")
    assert "shop.example.com" in berth(shop, "domains").out
    assert shop.get("shop").status == 200
    r = berth(shop, "domains", "add", "shop.example.com", "-a", "other", check=False)
    assert r.code != 0
    berth(shop, "apps", "create", "other")
    r = berth(shop, "domains", "add", "shop.example.com", "-a", "other", check=False)
    assert r.code != 0
    assert "shop" in r.err
    berth(shop, "domains", "remove", "shop.example.com")
    assert "shop.example.com" not in berth(shop, "domains").out
    r = berth(shop, "domains", "remove", "shop.example.com", check=False)
    assert r.code == 5


def test_logs(shop):
    rig.wait_for(lambda: "starting v1" in berth(shop, "logs").out, "the app's first line")
    lines = [json.loads(line) for line in berth(shop, "logs", "--json", "-p", "web").out.splitlines()]
    assert any(line["line"] == "starting v1" for line in lines)
    follow = subprocess.Popen([rig.program("berth"), "logs", "-f"], env=shop.env(), stdout=subprocess.PIPE,
                              text=True, cwd=shop.folder_of_shop)
    assert "starting v1" in follow.stdout.readline()
    shop.folder("shop", apps.server(2))
    berth(shop, "deploy")
    while "starting v2" not in follow.stdout.readline():
        pass
    follow.send_signal(signal.SIGINT)
    follow.communicate(timeout=20)
    assert follow.returncode == 0


def test_apps_create_and_destroy(agent):
    assert agent.berth("apps", "create", "blog").out.startswith("https://blog.")
    assert agent.berth("apps", "create", "blog", check=False).code == 2
    assert agent.berth("status", "-a", "blog").out.count("nothing yet") == 1
    r = agent.berth("apps", "destroy", "blog", check=False)
    assert r.code == 2
    assert agent.berth("apps", "-q").out == "blog\n"
    agent.berth("apps", "destroy", "blog", "-y")
    assert agent.berth("apps", "-q").out == ""
    assert agent.berth("status", "-a", "blog", check=False).code == 5


def test_plan_deploys_nothing(shop):
    shop.folder("shop", apps.server(2))
    plan = berth(shop, "deploy", "--plan")
    assert re.search(r"^run +web: python3 -u server.py$", plan.out, re.M), plan
    assert "because" in plan.out
    events = [json.loads(line) for line in berth(shop, "deploy", "--plan", "--json").out.splitlines()]
    assert [e["plan"]["processes"][0]["name"] for e in events if e["type"] == "plan"] == ["web"]
    assert events[-1]["state"] == "planned"
    assert shop.get("shop").text == rig.body(1)
    assert len(berth(shop, "releases", "--json").json["releases"]) == 1


def test_json_events(shop):
    events = [json.loads(line) for line in berth(shop, "deploy", "--json").out.splitlines()]
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    assert events[-1]["type"] == "end" and events[-1]["exit"] == 0


def start(agent, *arguments, **options):
    return subprocess.Popen([rig.program("berth"), *arguments], env=agent.env(**options), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=agent.folder_of_shop)


def wait_for_build(agent):
    rig.wait_for(lambda: (agent.api("GET", "/v1/apps/shop").json["deploying"] or {}).get("state") == "building",
                 "the build")


def test_interrupt_cancels(shop):
    shop.folder("shop", apps.server(2, manifest=SLOW))
    p = start(shop, "deploy")
    for line in p.stderr:
        if "compiling" in line:
            break
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=30)
    assert p.returncode == 130, err
    assert "cancelled" in err
    assert shop.api("GET", "/v1/apps/shop").json["deploying"] is None
    assert shop.get("shop").text == rig.body(1)


def test_no_wait_and_attach(shop):
    shop.folder("shop", apps.server(2, manifest=SLOW.replace("sleep 60", "sleep 2")))
    done = berth(shop, "deploy", "--no-wait")
    assert "on its way" in done.err
    wait_for_build(shop)
    assert "deploying building" in berth(shop, "status").out
    done = berth(shop, "deploy", "--attach")
    assert "    compiling\n" in done.err
    assert shop.get("shop").text == rig.body(2)
    r = berth(shop, "deploy", "--attach", check=False)
    assert r.code == 5


def test_a_newer_deploy_supersedes_a_queued_one(shop):
    shop.folder("shop", apps.server(2, manifest=SLOW))
    first = start(shop, "deploy")
    wait_for_build(shop)
    shop.folder("shop", apps.server(3))
    second = start(shop, "deploy")
    rig.wait_for(lambda: "wait for other deploys" in second.stderr.readline(), "the second to wait")
    shop.folder("shop", apps.server(4))
    third = start(shop, "deploy")
    _, err = second.communicate(timeout=30)
    assert second.returncode == 7, err
    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 130
    out, err = third.communicate(timeout=60)
    assert third.returncode == 0, out + err
    assert shop.get("shop").text == rig.body(4)


def test_an_agent_that_dies_in_the_middle(shop):
    """The client waits for it to come back, and tells what became of the deploy."""
    shop.folder("shop", apps.server(2, manifest=SLOW))
    p = start(shop, "deploy")
    for line in p.stderr:
        if "compiling" in line:
            break
    shop.restart(signal.SIGKILL)
    _, err = p.communicate(timeout=60)
    assert p.returncode not in (0, None, 3), err
    assert "restart" in err
    assert shop.get("shop").text == rig.body(1)


@pytest.fixture
def remote(shop):
    """The variables with which the CLI goes over https, with a fresh token."""
    shop.token = berth(shop, "tokens", "create", "laptop").out.strip()
    return shop, {"BERTH_HOST": f"https://berth.localhost:{shop.https_port}", "BERTH_TOKEN": shop.token,
                  "BERTH_CA_FILE": shop.ca}


def over_https(agent, variables, *arguments, text="", cwd=None):
    env = agent.env()
    env.update(variables)
    p = subprocess.run([rig.program("berth"), *arguments], env=env, capture_output=True, text=True, input=text,
                       cwd=cwd or agent.folder_of_shop, timeout=120, check=False)
    return rig.Result(["berth", *arguments], p.returncode, p.stdout, p.stderr, 0)


def test_over_https(remote):
    agent, variables = remote
    agent.folder("shop", apps.server(2))
    done = over_https(agent, variables, "deploy")
    assert done.code == 0, done
    assert agent.get("shop").text == rig.body(2)
    assert over_https(agent, variables, "apps", "-q").out == "shop\n"
    checks = over_https(agent, variables, "doctor")
    assert "the token is valid" in checks.out
    assert "starting v2" in over_https(agent, variables, "logs").out
    no_ca = over_https(agent, dict(variables, BERTH_CA_FILE=""), "apps")
    assert no_ca.code == 6
    assert "not trusted" in no_ca.err and "BERTH_CA_FILE" in no_ca.err


def test_tokens(remote):
    agent, variables = remote
    tokens = json.loads(over_https(agent, variables, "tokens", "--json").out)["tokens"]
    assert [t["name"] for t in tokens] == ["laptop"]
    assert agent.token not in json.dumps(tokens)
    berth(agent, "apps", "create", "blog")
    scoped = berth(agent, "tokens", "create", "ci", "--scope", "blog", "--expires", "1d", "--json").json
    limited = dict(variables, BERTH_TOKEN=scoped["token"])
    for arguments in (["status"], ["deploy"], ["tokens"]):
        r = over_https(agent, limited, *arguments)
        assert r.code == 4, r
    assert agent.get("shop").text == rig.body(1)
    assert over_https(agent, dict(variables, BERTH_TOKEN="nonsense"), "apps").code == 4
    berth(agent, "tokens", "revoke", tokens[0]["id"])
    r = over_https(agent, variables, "apps")
    assert r.code == 4
    assert agent.token not in r.out + r.err


def test_init_keeps_a_host(remote):
    agent, variables = remote
    host = variables["BERTH_HOST"]
    bare = dict(BERTH_HOST="", BERTH_TOKEN="", BERTH_CA_FILE="")
    wrong = over_https(agent, bare, "init", "--host", host, "--token", "-", "--ca", agent.ca, text="wrong\n")
    assert wrong.code == 4
    done = over_https(agent, bare, "init", "--host", host, "--token", "-", "--ca", agent.ca, text=agent.token + "\n")
    assert done.code == 0, done
    assert agent.token not in done.out + done.err
    path = os.path.join(agent.home, ".config/berth/hosts.json")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert over_https(agent, bare, "apps", "-q").out == "shop\n"
    assert over_https(agent, bare, "deploy").code == 0


def test_doctor(shop):
    done = berth(shop, "doctor", check=False)
    assert "✓ reachable" in done.out, done
    checks = berth(shop, "doctor", "--json", check=False).json["checks"]
    assert {"config", "berth.yaml", "git", "host", "reachable", "clock", "access"} <= {c["name"] for c in checks}
    assert all(c["ok"] or c["fix"] for c in checks)
    assert done.code == (0 if all(c["ok"] for c in checks) else 1)


def test_live_display(shop):
    """On a terminal: one live line for the running step, output only with -v, the URL at the end."""

    class Terminal:
        socket = os.path.join(shop.folder_of_shop, "x")  # its folder is where the program runs

    keep = {k: shop.env()[k] for k in ("BERTH_HOST", "HOME", "GIT_CONFIG_NOSYSTEM", "LSAN_OPTIONS")}
    shop.folder("shop", apps.server(2, manifest=SLOW.replace("sleep 60", "sleep 1")))
    code, text = run_on_terminal(Terminal, "deploy", **keep)
    assert code == 0, text
    assert re.search(r"\r[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] [^\r]*  \d\.\ds\x1b\[2m  compiling", text), text
    assert re.search(r"\x1b\[32m✓\x1b\[0m health check +\d+", text), text
    assert "    compiling" not in text
    assert text.rstrip().endswith(f"https://shop.localhost:{shop.https_port}")


def test_what_a_deploy_costs_the_client(shop):
    """The client's own processor time for a one-line change; the rest is the agent's."""
    best = wall = 1000.0
    path = shop.folder("small", apps.site(1))
    for version in range(2, 8):
        shop.folder("small", apps.site(version))
        began = time.monotonic()
        p = subprocess.Popen([rig.program("berth"), "deploy", "-q"], env=shop.env(), cwd=path,
                             stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        assert p.returncode == 0
        best = min(best, (usage.ru_utime + usage.ru_stime) * 1000)
        wall = min(wall, (time.monotonic() - began) * 1000)
    print(f"{best:.0f} ms of the client in {wall:.0f} ms of the whole deploy")
    assert best < 100 or "asan" in rig.BIN
