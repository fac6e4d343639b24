# SPDX-License-Identifier: Apache-2.0
"""Plain git push deploys, through the proxy's admin host with a token; what happens is told as
remote messages, and a push that does not go live fails."""

import os
import re

import apps
import pytest
import rig


@pytest.fixture
def remote(agent):
    """Makes a repository with a remote; git asks for nothing on a terminal that is not there."""
    answer = agent.api("POST", "/v1/tokens", {"name": "push", "scope": "*", "expires_seconds": 3600})
    assert answer.status == 201, answer
    token = answer.json["token"]

    def make(name, files):
        path = agent.repository(name, files)
        url = f"https://x:{token}@berth.localhost:{agent.https_port}/git/{name}.git"
        agent.git(path, "remote", "add", "berth", url)
        agent.git(path, "config", "http.sslCAInfo", agent.ca)
        return path

    make.token = token
    return make


def push(agent, path, *arguments, check=True):
    done = agent.run("git", "push", "berth", *(arguments or ["main"]), cwd=path, check=check,
                     GIT_TERMINAL_PROMPT="0")
    # What the other side said, as people read it.
    done.remote = re.sub(r"^remote: ?", "", "\n".join(
        line.rstrip() for line in done.err.splitlines() if line.startswith("remote:")), flags=re.M)
    return done


def test_push_deploys(agent, remote):
    path = remote("shop", apps.server(1, manifest="build: {command: \"echo hammering away\"}\n"))
    done = push(agent, path)
    assert "hammering away" in done.remote, done
    assert agent.url("shop").rstrip("/") in done.remote, done
    assert agent.get("shop").text == rig.body(1)
    agent.folder("shop", apps.server(2))
    agent.commit(path)
    push(agent, path)
    assert agent.get("shop").text == rig.body(2)
    release = agent.api("GET", "/v1/apps/shop").json["live"]
    assert release["number"] == 2 and release["commit"] == agent.git(path, "rev-parse", "HEAD")


def test_push_and_berth_deploy_share_an_app(agent, remote):
    path = remote("shop", apps.site(1))
    push(agent, path)
    agent.folder("shop", apps.site(2))
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)
    agent.folder("shop", apps.site(3))
    agent.commit(path)
    push(agent, path)
    assert agent.get("shop").text == rig.body(3)


def test_push_that_cannot_work_fails(agent, remote):
    path = remote("shop", apps.server(1))
    push(agent, path)
    agent.folder("shop", apps.server(2, "exit"))
    agent.commit(path)
    done = push(agent, path, check=False)
    assert done.code != 0, done
    assert "cannot find my configuration" in done.remote, done
    assert "remote rejected" in done.err, done
    assert agent.get("shop").text == rig.body(1)
    # The same commit can be pushed again: git does not believe that it is there.
    done = push(agent, path, check=False)
    assert done.code != 0 and "up-to-date" not in done.err, done
    agent.folder("shop", apps.server(3))
    agent.commit(path)
    push(agent, path)
    assert agent.get("shop").text == rig.body(3)


def test_master_and_the_only_branch_deploy_too(agent, remote):
    path = remote("shop", apps.site(1))
    agent.git(path, "branch", "-m", "trunk")
    push(agent, path, "trunk")
    assert agent.get("shop").text == rig.body(1)
    path = remote("blog", apps.site(2))
    push(agent, path, "main:master")
    assert agent.get("blog").text == rig.body(2)


def test_another_branch_is_only_stored(agent, remote):
    path = remote("shop", apps.site(1))
    push(agent, path)
    agent.git(path, "checkout", "-qb", "idea")
    agent.folder("shop", apps.site(2))
    agent.commit(path)
    push(agent, path, "idea")
    assert agent.get("shop").text == rig.body(1)


@pytest.mark.parametrize("token", ["", "x:wrong", "x:brt_0000000000000000"])
def test_without_a_token_nothing_is_told(agent, remote, token):
    path = remote("shop", apps.site(1))
    host = f"berth.localhost:{agent.https_port}/git/shop.git"
    agent.git(path, "remote", "set-url", "berth", f"https://{token}@{host}" if token else f"https://{host}")
    done = push(agent, path, check=False)
    assert done.code != 0
    assert agent.api("GET", "/v1/apps/shop").status == 404


def test_token_of_one_app_does_not_open_another(agent, remote):
    agent.berth("apps", "create", "mine", cwd=agent.home)
    token = agent.api("POST", "/v1/tokens",
                      {"name": "one", "scope": "mine", "expires_seconds": 3600}).json["token"]
    path = remote("shop", apps.site(1))
    url = f"https://x:{token}@berth.localhost:{agent.https_port}/git"
    agent.git(path, "remote", "set-url", "berth", f"{url}/shop.git")
    assert push(agent, path, check=False).code != 0
    agent.git(path, "remote", "set-url", "berth", f"{url}/mine.git")
    push(agent, path)
    assert agent.get("mine").text == rig.body(1)


def test_the_token_is_nowhere_to_be_read(agent, remote):
    path = remote("shop", apps.site(1))
    push(agent, path)
    assert remote.token not in agent.log()
    for folder, _, names in os.walk(agent.dir):
        for name in names:
            full = os.path.join(folder, name)
            if os.path.isfile(full):
                with open(full, "rb") as f:
                    assert remote.token.encode() not in f.read(), full


def test_a_large_push(agent, remote):
    """git asks with an empty request first, then sends the pack chunked."""
    path = remote("shop", apps.site(1))
    with open(os.path.join(path, "large.bin"), "wb") as f:
        f.write(os.urandom(6 << 20))
    agent.commit(path)
    push(agent, path)
    assert len(agent.get("shop", "/large.bin").body) == 6 << 20


def test_a_push_from_a_shallow_clone(agent, remote):
    path = remote("shop", apps.site(1))
    for n in (2, 3):
        agent.folder("shop", apps.site(n))
        agent.commit(path)
    agent.git(agent.home, "clone", "-q", "--depth", "1", "file://" + str(path), "cut")
    cut = os.path.join(agent.home, "cut")
    agent.git(cut, "remote", "add", "berth", agent.git(path, "remote", "get-url", "berth"))
    agent.git(cut, "config", "http.sslCAInfo", agent.ca)
    push(agent, cut)
    assert agent.get("shop").text == rig.body(3)


def test_a_tree_that_leaves_itself_is_refused_before_a_deploy(agent, remote):
    path = remote("shop", apps.site(1))
    push(agent, path)
    os.symlink("/etc/passwd", os.path.join(path, "passwd.txt"))
    agent.commit(path)
    done = push(agent, path, check=False)
    assert done.code != 0 and "'passwd.txt' is a symbolic link that points to an absolute path" in done.err, done
    assert agent.api("GET", "/v1/apps/shop").json["live"]["number"] == 1
    # The CLI is told the same.
    done = agent.berth("deploy", cwd=path, check=False)
    assert done.code == 2 and "passwd.txt" in done.err, done
