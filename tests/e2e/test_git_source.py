# SPDX-License-Identifier: Apache-2.0
"""What the CLI deploys of a folder: with and without git, clean, dirty, shallow; and its push."""
import json
import os
import subprocess

import pytest

import rig
from git_server import GitServer

PROBE = os.path.join(os.path.dirname(rig.BIN), "test", "source_probe")
ENV = dict(os.environ, GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.com", GIT_COMMITTER_NAME="Ada",
           GIT_COMMITTER_EMAIL="ada@example.com", GIT_CONFIG_GLOBAL="/dev/null")


def git(folder, *args):
    return subprocess.run(["git", *args], cwd=folder, env=ENV, check=True, capture_output=True,
                          text=True).stdout.strip()


def write(folder, **files):
    for name, text in files.items():
        (folder / name).write_text(text)


def state_of(folder):
    """Everything under .git with its content, to show that nothing of it was touched."""
    found = {}
    for top, _, names in os.walk(folder / ".git"):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as f:
                found[path] = (f.read(), os.stat(path).st_mtime_ns)
    return found


@pytest.fixture
def probe(tmp_path):
    def run(folder, *args):
        env = dict(ENV, XDG_CACHE_HOME=str(tmp_path / "cache"), TMPDIR=str(tmp_path / "tmp"))
        os.makedirs(tmp_path / "tmp", exist_ok=True)
        done = subprocess.run([PROBE, str(folder), *args], env=env, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        assert os.listdir(tmp_path / "tmp") == []
        return json.loads(done.stdout)
    return run


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    write(folder, index="one", gone="gone")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "First line\n\nbody")
    return folder


@pytest.fixture
def server(tmp_path):
    (tmp_path / "git").mkdir()
    s = GitServer(rig.program("berth-git"), tmp_path / "git")
    yield s
    s.close()


def files_of(server, name, commit):
    out = subprocess.run(["git", "--git-dir", os.path.join(server.folder, name + ".git"), "ls-tree", "-r", "-z",
                          "--name-only", commit], capture_output=True, text=True, check=True).stdout
    return sorted(n for n in out.split("\0") if n)


def test_clean_tree_is_head_itself(repo, probe):
    said = probe(repo)
    assert said["commit"] == git(repo, "rev-parse", "HEAD")
    assert said["dirty"] is False and said["repository"] is True
    assert said["source"] == {"commit": said["commit"], "branch": "trunk", "message": "First line",
                              "author": "Ada <ada@example.com>", "dirty": False}


def test_dirty_tree_is_pushed_and_git_is_untouched(repo, probe, server):
    write(repo, index="two", new="new", ignored="x")
    (repo / ".gitignore").write_text("ignored\n")
    (repo / "gone").unlink()
    (repo / ".env").write_text("SECRET=1\n")
    before = state_of(repo)
    said = probe(repo, server.socket, "shop")
    assert said["dirty"] is True and said["sent"] is True
    assert said["left_out"] == [".env"]
    assert files_of(server, "shop", said["commit"]) == [".gitignore", "index", "new"]
    shown = subprocess.run(["git", "--git-dir", server.folder + "/shop.git", "show", said["commit"] + ":index"],
                           capture_output=True, text=True, check=True).stdout
    assert shown == "two"
    assert state_of(repo) == before
    head = git(repo, "rev-parse", "HEAD")
    assert said["source"]["commit"] == head
    assert head in subprocess.run(["git", "--git-dir", server.folder + "/shop.git", "rev-list", said["commit"]],
                                  capture_output=True, text=True, check=True).stdout


def test_the_same_files_are_not_sent_twice(repo, probe, server):
    write(repo, index="two")
    first = probe(repo, server.socket, "shop")
    second = probe(repo, server.socket, "shop")
    assert first["commit"] == second["commit"]
    assert (first["sent"], second["sent"]) == (True, False)
    assert server.pushed == []


def test_same_size_change_in_the_same_second_is_seen(repo, probe):
    first = probe(repo)
    write(repo, index="two")
    assert probe(repo)["dirty"] is True
    write(repo, index="one")
    assert probe(repo)["commit"] == first["commit"]


def test_only_what_is_new_is_sent(repo, probe, server):
    (repo / "big").write_bytes(os.urandom(500_000))
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "big")
    probe(repo, server.socket, "shop")
    sent = server.body_bytes
    write(repo, index="changed")
    said = probe(repo, server.socket, "shop")
    assert said["sent"] is True
    assert sent > 500_000 and server.body_bytes - sent < 2_000


def test_folder_without_git(tmp_path, probe, server):
    folder = tmp_path / "plain"
    (folder / "node_modules" / "x").mkdir(parents=True)
    (folder / "sub").mkdir()
    (folder / "node_modules" / "x" / "index.js").write_text("x")
    (folder / "sub" / ".env").write_text("SECRET=1")
    write(folder, index="hello", junk="junk")
    (folder / ".env").write_text("SECRET=1")
    (folder / ".env.example").write_text("SECRET=")
    (folder / ".gitignore").write_text("junk\n")
    said = probe(folder, server.socket, "shop")
    assert said["repository"] is False and said["dirty"] is False
    assert sorted(said["left_out"]) == [".env", "node_modules/", "sub/.env"]
    assert files_of(server, "shop", said["commit"]) == [".env.example", ".gitignore", "index"]
    assert sorted(os.listdir(folder)) == [".env", ".env.example", ".gitignore", "index", "junk", "node_modules", "sub"]
    # The stand-in remembers nothing that was ignored later, nor what is gone.
    (folder / ".gitignore").write_text("junk\nindex\n")
    write(folder, other="x")
    said = probe(folder, server.socket, "shop")
    assert files_of(server, "shop", said["commit"]) == [".env.example", ".gitignore", "other"]


def test_subfolder_deploys_its_own_tree(repo, probe, server):
    (repo / "web" / "inner").mkdir(parents=True)
    (repo / "web" / "page").write_text("page")
    (repo / "web" / "inner" / "leaf").write_text("leaf")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "web")
    write(repo, index="dirty outside")
    said = probe(repo / "web", server.socket, "shop")
    assert said["subfolder"] is True and said["dirty"] is False
    assert files_of(server, "shop", said["commit"]) == ["inner/leaf", "page"]
    (repo / "web" / "page").write_text("changed")
    said = probe(repo / "web", server.socket, "shop")
    assert said["dirty"] is True


def test_shallow_clone(repo, probe, server, tmp_path):
    for n in range(3):
        write(repo, index=str(n))
        git(repo, "commit", "-q", "-am", str(n))
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", "file://" + str(repo), str(clone))
    said = probe(clone, server.socket, "shop")
    assert said["shallow"] is True and said["sent"] is True
    assert said["source"]["commit"] == git(repo, "rev-parse", "HEAD")
    assert files_of(server, "shop", said["commit"]) == ["gone", "index"]


def test_clone_with_borrowed_objects_and_worktree(repo, probe, server, tmp_path):
    clone = tmp_path / "shared"
    git(tmp_path, "clone", "-q", "--shared", str(repo), str(clone))
    assert probe(clone, server.socket, "shared")["sent"] is True
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    write(tmp_path / "side", index="side")
    said = probe(tmp_path / "side", server.socket, "shop")
    assert said["dirty"] is True and said["source"]["branch"] == "side"


def test_repository_without_a_commit(tmp_path, probe, server):
    folder = tmp_path / "fresh"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    assert "nothing to deploy" in probe(folder)["error"]
    write(folder, index="x")
    said = probe(folder, server.socket, "shop")
    assert said["dirty"] is True and said["source"]["branch"] == "main"
    assert files_of(server, "shop", said["commit"]) == ["index"]


def test_detached_head_has_no_branch(repo, probe):
    git(repo, "checkout", "-q", "--detach")
    assert "branch" not in probe(repo)["source"]


def test_merge_conflict_is_told(repo, probe):
    git(repo, "checkout", "-q", "-b", "other")
    write(repo, index="other")
    git(repo, "commit", "-q", "-am", "other")
    git(repo, "checkout", "-q", "trunk")
    write(repo, index="trunk")
    git(repo, "commit", "-q", "-am", "trunk")
    subprocess.run(["git", "merge", "other"], cwd=repo, env=ENV, capture_output=True, check=False)
    said = probe(repo)
    assert "merge conflicts" in said.get("error", ""), said


def test_sha256_repository_is_refused_with_words(tmp_path, probe):
    folder = tmp_path / "sha256"
    folder.mkdir()
    git(folder, "init", "-q", "--object-format=sha256")
    write(folder, index="x")
    assert "SHA-256" in probe(folder)["error"]


@pytest.mark.parametrize("has_commit", [True, False])
def test_a_repository_inside_is_named(repo, tmp_path, probe, has_commit):
    for folder in (repo, tmp_path / "plain"):
        (folder / "theme").mkdir(parents=True)
        write(folder / "theme", style="s")
        git(folder / "theme", "init", "-q")
        if has_commit:
            git(folder / "theme", "add", ".")
            git(folder / "theme", "commit", "-q", "-m", "Theme")
        assert "'theme' is a git repository inside" in probe(folder)["error"]
        write(folder, **{".gitignore": "theme\n"})
        assert "error" not in probe(folder)


def test_a_refused_push_says_why(repo, probe, server):
    os.symlink("/etc/passwd", repo / "leak")
    said = probe(repo, server.socket, "shop")
    assert "'leak' is a symbolic link that points to an absolute path" in said["error"]
