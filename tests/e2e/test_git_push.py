# SPDX-License-Identifier: Apache-2.0
"""berth-git and the real git client, with a stand-in for the agent (git_server.py)."""
import os
import shutil
import subprocess
import time

import pytest

import rig
from git_server import GitServer

ENV = dict(os.environ, GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.com", GIT_COMMITTER_NAME="Ada",
           GIT_COMMITTER_EMAIL="ada@example.com", GIT_CONFIG_GLOBAL="/dev/null", GIT_TERMINAL_PROMPT="0")


def git(folder, *args, ok=True):
    done = subprocess.run(["git", *args], cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout.strip() if ok else done.stderr


def push(folder, *args, ok=True):
    """What the person sees."""
    done = subprocess.run(["git", "push", *args], cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ok, done.stderr
    return done.stderr


@pytest.fixture
def server(tmp_path):
    (tmp_path / "git").mkdir()
    s = GitServer(rig.program("berth-git"), tmp_path / "git")
    yield s
    s.close()
    assert [e for e in s.errors if e[0] != 0] == []
    for name in os.listdir(s.folder):
        if name.endswith(".git"):
            assert os.listdir(os.path.join(s.folder, name, "quarantine")) == []
            subprocess.run(["git", "--git-dir", os.path.join(s.folder, name), "fsck", "--strict", "--no-dangling"],
                           check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path, server):
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "berth", server.url + "/shop.git")
    commit(folder, "one")
    return folder


def commit(folder, text, name="file"):
    (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", text[:20])
    return git(folder, "rev-parse", "HEAD")


def ref(server, name, app="shop"):
    done = subprocess.run(["git", "--git-dir", os.path.join(server.folder, app + ".git"), "rev-parse", "--verify", "-q",
                           name], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_a_push_deploys_and_shows_how(repo, server):
    seen = push(repo, "berth", "main")
    head = git(repo, "rev-parse", "HEAD")
    for line in ("-----> building", "install: done in 1.2s", "hello from the build",
                 "=====> live at https://shop.localhost:8443 (v1 in 1.5s)"):
        assert line in seen
    assert server.pushed == [{"type": "pushed", "ref": "refs/heads/main", "commit": head, "old": "0" * 40,
                              "only_branch": True}]
    assert ref(server, "refs/heads/main") == head
    second = commit(repo, "two")
    push(repo, "berth", "main")
    assert server.pushed[1]["old"] == head and server.pushed[1]["commit"] == second
    assert "Everything up-to-date" in push(repo, "berth", "main")
    push(repo, "berth", "main:side")
    assert server.pushed[2]["only_branch"] is False


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_protocol_versions(repo, server, version):
    git(repo, "config", "protocol.version", version)
    push(repo, "berth", "main")
    commit(repo, "two")
    push(repo, "berth", "main")
    assert ref(server, "refs/heads/main") == git(repo, "rev-parse", "HEAD")


def test_a_failed_deploy_fails_the_push_and_can_be_tried_again(repo, server):
    good = list(server.events)
    server.events = [{"type": "log", "line": "\x1b[31mSyntaxError\x1b[0m\x07"},
                     {"type": "end", "state": "failed", "exit": 8, "reason": "the build failed: exit 1", "hint": "see the log"}]
    seen = push(repo, "berth", "main", ok=False)
    assert "! [remote rejected] main -> main (the build failed: exit 1)" in seen
    assert "SyntaxError" in seen and "\x1b[31m" not in seen and "see the log" in seen
    assert ref(server, "refs/heads/main") == ""
    assert ref(server, "refs/berth/push/" + git(repo, "rev-parse", "HEAD")) != ""
    server.events = good
    push(repo, "berth", "main")
    assert len(server.pushed) == 2


def test_an_agent_that_stops_fails_the_push(repo, server):
    server.events = None
    assert "berth-agent stopped before the deploy ended" in push(repo, "berth", "main", ok=False)


def test_output_is_seen_while_it_comes_and_silence_is_kept_alive(repo, server):
    server.on_pushed = lambda: time.sleep(6)
    start = time.monotonic()
    push(repo, "berth", "main")
    assert time.monotonic() - start > 6


def test_thin_packs(repo, server):
    body = "".join("line %d\n" % n for n in range(20000))
    commit(repo, body, "large")
    push(repo, "berth", "main")
    sent = server.body_bytes
    for n in range(5):
        commit(repo, body.replace("line 77\n", "changed %d\n" % n), "large")
        push(repo, "berth", "main")
    assert server.body_bytes - sent < 10_000


def test_history_with_many_deltas(repo, server):
    for n in range(150):
        (repo / "file").write_text("".join("%d\n" % (i * n) for i in range(300)))
        git(repo, "commit", "-q", "-am", str(n))
    git(repo, "gc", "-q", "--aggressive")
    push(repo, "berth", "main")
    assert ref(server, "refs/heads/main~149") != ""


def test_many_refs_in_one_push(repo, server):
    for n in range(40):
        git(repo, "branch", "b%d" % n)
        git(repo, "tag", "t%d" % n)
    seen = push(repo, "berth", "--all", ok=False)
    assert seen.count("(one branch at a time: each push of a branch is a deploy)") == 40
    assert len(server.pushed) == 1
    push(repo, "berth", "--tags")
    assert ref(server, "refs/tags/t39") == git(repo, "rev-parse", "HEAD")


def test_a_large_push_is_chunked(repo, server):
    (repo / "big").write_bytes(os.urandom(20 << 20))
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "big")
    push(repo, "berth", "main")
    assert ("", "chunked") in server.bodies
    assert ref(server, "refs/heads/main") == git(repo, "rev-parse", "HEAD")


def test_force_push(repo, server):
    first = commit(repo, "two")
    push(repo, "berth", "main")
    git(repo, "reset", "-q", "--hard", "HEAD~1")
    other = commit(repo, "other")
    assert "non-fast-forward" in push(repo, "berth", "main", ok=False)
    push(repo, "-f", "berth", "main")
    assert ref(server, "refs/heads/main") == other
    assert server.pushed[-1]["old"] == first


def test_shallow_clone_can_push(repo, server, tmp_path):
    for n in range(4):
        commit(repo, str(n))
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", "file://" + str(repo), str(clone))
    push(clone, server.url + "/shop.git", "main")
    assert ref(server, "refs/heads/main") == git(repo, "rev-parse", "HEAD")
    # The same from CI again, with a commit more, and then from the full repository.
    commit(repo, "more")
    shutil.rmtree(clone)
    git(tmp_path, "clone", "-q", "--depth", "1", "file://" + str(repo), str(clone))
    push(clone, "-f", server.url + "/shop.git", "main")
    commit(repo, "and more")
    push(repo, "berth", "main")
    assert ref(server, "refs/heads/main") == git(repo, "rev-parse", "HEAD")


def test_two_pushes_at_once(repo, server):
    """The second was made from what the first overwrote meanwhile."""
    push(repo, "berth", "main")
    first, second = commit(repo, "first"), commit(repo, "second")

    def move():
        server.on_pushed = None
        subprocess.run(["git", "--git-dir", server.folder + "/shop.git", "update-ref", "refs/heads/main",
                        "refs/berth/push/" + second], check=True)
    server.on_pushed = move
    push(repo, "berth", first + ":refs/berth/push/" + first, second + ":refs/berth/push/" + second)
    assert "was moved by another push" in push(repo, "berth", first + ":main", ok=False)
    assert ref(server, "refs/heads/main") == second


def test_tags_are_kept_and_deletes_refused(repo, server):
    git(repo, "tag", "-a", "v1", "-m", "v1")
    push(repo, "berth", "main", "v1")
    assert ref(server, "v1") != "" and len(server.pushed) == 1
    assert "[remote rejected] main (refs are not deleted by a push" in push(repo, "berth", ":main", ok=False)
    assert ref(server, "refs/heads/main") != ""


def test_a_refused_tree_is_named_where_git_shows_it(repo, server):
    os.symlink("../../etc", repo / "way-out")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "link")
    seen = push(repo, "berth", "main", ok=False)
    assert "! [remote rejected] main -> main ('way-out' is a symbolic link that points out of the tree)" in seen
    assert server.pushed == []


def checkout(server, commit_id, to, *options):
    return subprocess.run([rig.program("berth-git"), "checkout", "--repo", server.folder + "/shop.git", "--commit",
                           commit_id, "--to", str(to), *options], capture_output=True, text=True, check=False)


def test_checkout(repo, server, tmp_path):
    (repo / "d" / "e").mkdir(parents=True)
    (repo / "d" / "e" / "run").write_text("#!/bin/sh\n")
    (repo / "d" / "e" / "run").chmod(0o777)
    (repo / "crlf").write_bytes(b"a\r\nb\n")
    (repo / ".gitattributes").write_text("* text=auto eol=crlf\nfile export-ignore ident\n")
    os.symlink("e/run", repo / "d" / "link")
    git(repo, "add", ".")
    git(repo, "-c", "core.autocrlf=false", "commit", "-q", "-m", "all")
    push(repo, "berth", "main")
    head, to = git(repo, "rev-parse", "HEAD"), tmp_path / "out"
    os.umask(0o077)
    try:
        done = checkout(server, head, to, "--sync")
    finally:
        os.umask(0o022)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(os.listdir(to)) == [".gitattributes", "crlf", "d", "file"]
    assert os.readlink(to / "d" / "link") == "e/run"
    assert [oct(os.stat(to / p).st_mode & 0o7777) for p in ("", "d", "file", "d/e/run")] == \
        ["0o755", "0o755", "0o644", "0o755"]
    for name in ("file", "crlf", "d/e/run"):
        shown = subprocess.run(["git", "cat-file", "blob", "HEAD:" + name], cwd=repo, capture_output=True, check=True)
        assert (to / name).read_bytes() == shown.stdout


def test_checkout_refusals(repo, server, tmp_path):
    push(repo, "berth", "main")
    head = git(repo, "rev-parse", "HEAD")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    done = checkout(server, head, tmp_path / "full")
    assert done.returncode == 1 and "is not empty" in done.stderr and len(done.stderr.splitlines()) == 1
    os.symlink(tmp_path / "full", tmp_path / "way")
    assert checkout(server, head, tmp_path / "way").returncode == 1
    assert checkout(server, "1" * 40, tmp_path / "none").returncode == 1
    assert "not a commit id" in checkout(server, "HEAD", tmp_path / "none").stderr
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    assert "is not a commit" in checkout(server, tree, tmp_path / "none").stderr
    # What came into the repository by another way than a push is refused here.
    os.symlink("/etc/passwd", repo / "leak")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "leak")
    git(repo, "push", "-q", server.folder + "/shop.git", "main:refs/heads/sneaky")
    done = checkout(server, git(repo, "rev-parse", "HEAD"), tmp_path / "leaks")
    assert done.returncode == 2 and "'leak' is a symbolic link" in done.stderr


def test_pins(repo, server):
    push(repo, "berth", "main")
    head = git(repo, "rev-parse", "HEAD")

    def run(*args):
        return subprocess.run([rig.program("berth-git"), *args], capture_output=True, text=True, check=False)
    where = ("--repo", server.folder + "/shop.git")
    assert run("pin", *where, "--ref", "refs/berth/releases/7", "--commit", head).returncode == 0
    assert ref(server, "refs/berth/releases/7") == head
    assert run("pin", *where, "--ref", "refs/berth/releases/7", "--commit", "1" * 40).returncode == 1
    assert run("pin", *where, "--ref", "refs/heads/main", "--commit", head).returncode == 2
    assert "refs/berth/releases" not in git(repo, "ls-remote", "berth", ok=False)
    for _ in range(2):
        assert run("unpin", *where, "--ref", "refs/berth/releases/7").returncode == 0
    assert ref(server, "refs/berth/releases/7") == ""


def test_wrong_use():
    def run(*args):
        return subprocess.run([rig.program("berth-git"), *args], capture_output=True, text=True, check=False)
    assert run("--help").returncode == 0 and "receive" in run("--help").stdout
    assert run("--version").stdout.startswith("berth-git ")
    for args in ((), ("frobnicate",), ("receive",), ("checkout", "--repo", "x"), ("receive", "--repo", "x", "--control-fd", "1"),
                 ("receive", "--repo", "x", "--max-pack-bytes", "many"), ("advertise", "--repo", "x", "--frobnicate")):
        done = run(*args)
        assert done.returncode == 2 and done.stderr and done.stdout == ""


def prune(server, *args):
    return subprocess.run([rig.program("berth-git"), "prune", "--repo", server.folder + "/shop.git", *args],
                          capture_output=True, text=True, check=False)


def packs(server):
    return [n for n in os.listdir(server.folder + "/shop.git/objects/pack") if n.endswith(".pack")]


def test_prune_makes_one_pack_and_keeps_what_has_a_ref(repo, server, tmp_path):
    ids = []
    for n in range(6):
        ids.append(commit(repo, "version %d" % n))
        if n == 3:  # never deployed, and then left behind
            push(repo, "berth", "HEAD:refs/berth/push/" + ids[3])
            git(repo, "reset", "-q", "--hard", "HEAD~1")
        else:
            push(repo, "berth", "main")
    assert len(packs(server)) == 6
    assert prune(server).stdout == "0 old pushes forgotten, 6 packs became 6\n"
    for n in (0, 3):
        os.utime(server.folder + "/shop.git/refs/berth/push/" + ids[n], (1, 1))
    done = prune(server, "--packs", "5")
    assert done.stdout == "2 old pushes forgotten, 6 packs became 1\n", done.stderr
    assert len(packs(server)) == 1 and len(os.listdir(server.folder + "/shop.git/objects/pack")) == 2
    for n in (0, 5):  # reached by the branch
        assert checkout(server, ids[n], tmp_path / str(n)).returncode == 0
    assert checkout(server, ids[3], tmp_path / "3").returncode == 1
    commit(repo, "after")
    push(repo, "berth", "main")


def test_prune_waits_for_no_push_and_is_in_no_way_of_one(repo, server):
    push(repo, "berth", "main")
    done = []
    server.on_pushed = lambda: done.append(prune(server, "--packs", "1"))
    commit(repo, "two")
    push(repo, "berth", "main")
    # While the deploy runs, everything has a ref.
    assert done[0].returncode == 0 and "2 packs became 1" in done[0].stdout
    holder = subprocess.Popen([rig.program("berth-git"), "receive", "--repo", server.folder + "/shop.git"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = b"0" * 40 + b" " + b"1" * 40 + b" refs/tags/x\0report-status"
    holder.stdin.write(b"%04x" % (len(line) + 4) + line + b"0000")
    holder.stdin.flush()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and prune(server).returncode == 0:
        pass
    done = prune(server)
    assert done.returncode == 1 and "a push is under way" in done.stderr
    holder.communicate(b"")


def test_prune_of_a_shallow_history(repo, server, tmp_path):
    for n in range(3):
        commit(repo, str(n))
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", "file://" + str(repo), str(clone))
    push(clone, server.url + "/shop.git", "main")
    commit(clone, "more")
    push(clone, server.url + "/shop.git", "main")
    assert "2 packs became 1" in prune(server, "--packs", "1").stdout


def test_many_pushes_do_not_make_many_packs(repo, server):
    for n in range(53):
        last = commit(repo, "version %d" % n)
        push(repo, "-q", "berth", "HEAD:refs/berth/push/" + last)
    assert len(packs(server)) <= 3
    push(repo, "berth", "main")
    assert ref(server, "refs/heads/main~53") != ""
