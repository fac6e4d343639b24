# SPDX-License-Identifier: Apache-2.0
"""Who may speak to the agent of a real host: by its sockets, and through the proxy with a token."""
import json

AGENT = "/run/berth/agent.sock"
PROXYS = "/run/berth/api.sock"


def ask(h, socket, *who):
    """The HTTP status that a process of these ids gets, 0 without a connection."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", socket,
               "http://berth/v1/apps"]
    if who:
        command = ["setpriv", *who, *command]
    return int(h.host.run(*command, check=False).stdout or 0)


def as_user(name, *groups):
    return ["--reuid", name, "--regid", name,
            *(["--groups", ",".join(groups)] if groups else ["--clear-groups"])]


def test_the_agents_socket(berth_host):
    assert ask(berth_host, AGENT) == 200
    assert ask(berth_host, AGENT, *as_user("nobody")[:2], "--regid", "nogroup", "--clear-groups") == 0
    # A member of the group, by a supplementary group or as its own.
    assert ask(berth_host, AGENT, "--reuid", "nobody", "--regid", "nogroup", "--groups", "berth") == 200
    assert ask(berth_host, AGENT, "--reuid", "nobody", "--regid", "berth", "--clear-groups") == 200
    assert ask(berth_host, AGENT, *as_user("berth-proxy")) == 0


def test_the_proxys_socket(berth_host):
    # The proxy gets through, and is nobody without a token.
    assert ask(berth_host, PROXYS, *as_user("berth-proxy")) == 401
    assert ask(berth_host, PROXYS, "--reuid", "nobody", "--regid", "nogroup", "--clear-groups") == 0


def test_a_token_through_the_proxy(berth_host):
    made = json.loads(berth_host.berth("tokens", "create", "ci", "--json").stdout)
    command = ["curl", "-s", "--max-time", "10", "--cacert", "/var/lib/berth/ca/ca.pem", "--resolve",
               "berth.localhost:443:127.0.0.1", "https://berth.localhost/v1/version"]
    allowed = berth_host.host.run(*command, "-H", f"Authorization: Bearer {made['token']}")
    assert json.loads(allowed.stdout)["mode"] == "systemd"
    refused = berth_host.host.run(*command)
    assert json.loads(refused.stdout)["error"]["code"] == "unauthorized"


def test_files_are_for_those_who_need_them(berth_host):
    def readable(path, *who):
        return berth_host.host.run("setpriv", *who, "cat", path, check=False).returncode == 0
    key = berth_host.host.sh("ls /var/lib/berth/certs/berth.localhost/*/key.pem").stdout.strip()
    nobody = ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    assert readable(key, *as_user("berth-proxy")) and not readable(key, *nobody)
    for path in ("/var/lib/berth/ca/ca.key", "/var/lib/berth/store.db"):
        assert not readable(path, *as_user("berth-proxy")) and not readable(path, *nobody)
    assert readable("/var/lib/berth/ca/ca.pem", *nobody)
