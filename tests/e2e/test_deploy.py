# SPDX-License-Identifier: Apache-2.0
"""From a folder to an HTTPS answer with `berth deploy`, whatever state the folder is in; and back."""

import hashlib
import os

import apps
import pytest
import rig


def fingerprint(agent, path):
    """What a deploy must not touch: HEAD, refs, index, stash and the files."""
    refs = agent.git(path, "for-each-ref")
    head = agent.git(path, "rev-parse", "HEAD")
    with open(os.path.join(path, ".git/index"), "rb") as f:
        index = hashlib.sha256(f.read()).hexdigest()
    return head, refs, index, agent.git(path, "status", "--porcelain"), agent.git(path, "stash", "list")


def releases(agent, app):
    return agent.api("GET", f"/v1/apps/{app}/releases").json["releases"]


def test_clean_tree(agent):
    path = agent.repository("shop", apps.site(1))
    commit = agent.git(path, "rev-parse", "HEAD")
    before = fingerprint(agent, path)
    done = agent.berth("deploy", cwd=path)
    assert agent.url("shop").rstrip("/") in done.out + done.err
    assert agent.get("shop").text == rig.body(1)
    (release,) = releases(agent, "shop")
    assert release["number"] == 1 and release["live"] and release["commit"] == commit
    assert release["source"]["branch"] == "main" and not release["source"]["dirty"]
    assert fingerprint(agent, path) == before


def test_dirty_tree(agent):
    path = agent.repository("shop", apps.site(1, **{".gitignore": "ignored.html\n"}))
    agent.folder("shop", {"index.html": rig.body(2), "new.html": "new", "ignored.html": "secret"})
    agent.git(path, "add", "new.html")
    before = fingerprint(agent, path)
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)
    assert agent.get("shop", "/new.html").text == "new"
    assert agent.get("shop", "/ignored.html").status == 404
    (release,) = releases(agent, "shop")
    assert release["source"]["dirty"]
    assert fingerprint(agent, path) == before


def test_folder_without_git(agent):
    path = agent.folder("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(1)
    assert not os.path.exists(os.path.join(path, ".git"))
    agent.folder("shop", apps.site(2))
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)


def test_shallow_clone(agent):
    origin = agent.repository("origin", apps.site(1))
    for version in (2, 3):
        agent.folder("origin", apps.site(version))
        agent.commit(origin)
    agent.git(agent.home, "clone", "-q", "--depth", "1", f"file://{origin}", "shop")
    path = os.path.join(agent.home, "shop")
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(3)
    agent.folder("shop", apps.site(4))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(4)


def test_branch_that_is_not_main(agent):
    path = agent.repository("shop", apps.site(1))
    agent.git(path, "checkout", "-qb", "feature/new-look")
    agent.folder("shop", apps.site(2))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)
    assert releases(agent, "shop")[0]["source"]["branch"] == "feature/new-look"


def test_detached_head(agent):
    path = agent.repository("shop", apps.site(1))
    agent.folder("shop", apps.site(2))
    agent.commit(path)
    agent.git(path, "checkout", "-q", "HEAD~1")
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(1)


def test_linked_worktree(agent):
    origin = agent.repository("origin", apps.site(1))
    agent.git(origin, "worktree", "add", "-q", "-b", "other", "../shop")
    agent.folder("shop", apps.site(2))
    agent.berth("deploy", cwd=os.path.join(agent.home, "shop"))
    assert agent.get("shop").text == rig.body(2)


def test_repository_without_a_commit(agent):
    path = agent.folder("shop", apps.site(1))
    agent.git(path, "init", "-q")
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(1)
    assert agent.run("git", "rev-parse", "HEAD", cwd=path, check=False).code != 0


def test_app_with_a_process(agent):
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(1)
    environment = dict(line.partition("=")[::2] for line in agent.get("shop", "/env").text.splitlines())
    assert environment["BERTH_APP"] == "shop" and environment["BERTH_RELEASE"] == "1"
    assert environment["APP_URL"].rstrip("/") == agent.url("shop").rstrip("/")
    assert environment["BERTH_COMMIT"] == agent.git(path, "rev-parse", "HEAD")
    assert not any("TOKEN" in k or "SECRET" in k for k in environment)


def test_plain_http_is_redirected(agent):
    import http.client

    path = agent.repository("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    connection = http.client.HTTPConnection("127.0.0.1", agent.http_port, timeout=10)
    connection.request("GET", "/a?b=c", headers={"Host": f"shop.localhost:{agent.http_port}"})
    response = connection.getresponse()
    assert response.status == 308
    assert response.getheader("Location") == agent.url("shop", "/a?b=c")


def test_unknown_host_reaches_no_app(agent):
    path = agent.repository("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    response = agent.get("shop", headers={"Host": "other.localhost"})
    assert response.status in (404, 421)
    assert "v1" not in response.text


def test_rollback_restores_code_and_environment(agent):
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    agent.berth("env", "set", "COLOUR=red", cwd=path)
    assert "COLOUR=red\n" in agent.get("shop", "/env").text
    agent.folder("shop", apps.server(2))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    agent.berth("env", "set", "COLOUR=blue", cwd=path)
    assert "COLOUR=blue\n" in agent.get("shop", "/env").text
    numbers = [r["number"] for r in releases(agent, "shop")]

    # Without a number: the release before the live one; same code here, older environment.
    done = agent.berth("rollback", cwd=path)
    assert agent.get("shop").text == rig.body(2)
    assert "COLOUR=red\n" in agent.get("shop", "/env").text
    assert "install" not in done.err and "build" not in done.err.lower().replace("rebuild", "")

    # To a number: code and environment of that release, with no COLOUR at all.
    agent.berth("rollback", str(min(numbers)), cwd=path)
    assert agent.get("shop").text == rig.body(1)
    assert "COLOUR" not in agent.get("shop", "/env").text


def test_rollback_needs_somewhere_to_go(agent):
    path = agent.repository("shop", apps.site(1))
    agent.berth("deploy", cwd=path)
    done = agent.berth("rollback", cwd=path, check=False)
    assert done.code != 0 and done.err.strip()
    done = agent.berth("rollback", "99", cwd=path, check=False)
    assert done.code == 5 and "99" in done.err
    assert agent.get("shop").text == rig.body(1)


def test_a_second_app_is_another_site(agent):
    agent.berth("deploy", cwd=agent.repository("one", apps.site(1)))
    agent.berth("deploy", cwd=agent.repository("two", apps.site(2)))
    assert agent.get("one").text == rig.body(1)
    assert agent.get("two").text == rig.body(2)
    names = [a["name"] for a in agent.api("GET", "/v1/apps").json["apps"]]
    assert sorted(names) == ["one", "two"]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_sites_and_releases_outlive_the_agent(agent, how):
    import signal

    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    agent.berth("deploy", cwd=agent.repository("site", apps.site(5)))
    agent.restart(getattr(signal, how))
    rig.wait_for(lambda: agent.get("shop").status == 200, "the app after a restart")
    assert agent.get("shop").text == rig.body(1)
    assert agent.get("site").text == rig.body(5)
    agent.folder("shop", apps.server(2))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    assert agent.get("shop").text == rig.body(2)
