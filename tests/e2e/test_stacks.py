# SPDX-License-Identifier: Apache-2.0
"""From `git init` to HTTPS 200 with only `berth deploy`, for a real app of each stack, standalone."""

import functools
import os
import shutil
import subprocess
import tempfile

import pytest
import rig

APPS = os.path.join(rig.ROOT, "tests/apps")
# What package managers fetch is kept between runs of the tests, as a host keeps it between builds.
CACHES = os.path.join(rig.ROOT, "build/test/caches")


def need_program(*names):
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")


def answers(argv, folder):
    try:
        done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=90, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@functools.lru_cache
def pypi_answers():
    """Can pip, in an environment like those of builds, fetch one small package?"""
    with tempfile.TemporaryDirectory() as folder:
        pip = [os.path.join(folder, "bin/python"), "-m", "pip"]
        return answers(["python3", "-m", "venv", folder], folder) and answers(
            [*pip, "download", "-q", "--no-deps", "--no-cache-dir", "idna"], folder)


@functools.lru_cache
def npm_answers():
    with tempfile.TemporaryDirectory() as folder:
        return answers(["npm", "view", "express", "name"], folder)


def need_pypi():
    need_program("python3")
    if not answers(["python3", "-c", "import ensurepip"], "/"):
        pytest.skip("python3-venv is not installed")
    if not pypi_answers():
        pytest.skip("the Python package registry cannot be reached")


def need_npm():
    need_program("node", "npm")
    if not npm_answers():
        pytest.skip("the npm registry cannot be reached")


def write(path, name, text):
    with open(os.path.join(path, name), "w", encoding="utf-8") as f:
        f.write(text)


class Project:
    """A copy of a sample app in a repository of its own, with the version that it answers."""

    def __init__(self, agent, name, version_file="version.txt"):
        self.agent, self.name, self.version_file = agent, name, version_file
        self.path = os.path.join(agent.home, name)
        shutil.copytree(os.path.join(APPS, name), self.path)
        agent.git(self.path, "init", "-q")
        self.set_version(1)

    def set_version(self, version):
        write(self.path, self.version_file, f"{version}\n")
        self.agent.commit(self.path, f"version {version}")

    def share_caches(self, *names):
        """Must be called before the first deploy."""
        for name in names:
            kept = os.path.join(CACHES, name)
            of_app = os.path.join(self.agent.dir, "cache", self.name)
            os.makedirs(kept, exist_ok=True)
            os.makedirs(of_app, exist_ok=True)
            os.symlink(kept, os.path.join(of_app, name))

    def deploy(self):
        done = self.agent.berth("deploy", cwd=self.path, timeout=280)
        print(f"{self.name}: deployed in {done.seconds:.1f} s")
        return done

    def get(self, path="/version", **options):
        return self.agent.get(self.name, path, **options)

    def expect(self, version):
        for path in ("/", "/version"):
            answer = self.get(path)
            assert answer.status == 200, answer
        assert answer.text.strip() == str(version), answer

    def deploys_twice(self):
        """Two versions; the second without waiting for what the first has fetched."""
        self.deploy()
        self.expect(1)
        self.set_version(2)
        self.deploy()
        self.expect(2)


@pytest.mark.limit(120)
def test_static(agent):
    project = Project(agent, "static", "version")
    project.deploys_twice()
    assert project.get("/style.css").headers["Content-Type"].startswith("text/css")
    assert project.get("/not-there").status == 404
    assert project.get("/.git/config").status == 404


@pytest.mark.limit(400)
def test_single_page_app(agent):
    need_npm()
    project = Project(agent, "spa", "public/version")
    project.share_caches("npm")
    project.deploys_twice()
    assert "SPA version" in project.get("/any/path/of/the/app").text
    # What is no page is not answered with one: neither a missing file nor the source.
    assert project.get("/assets/missing.js").status == 404
    assert project.get("/package.json").status == 404


@pytest.mark.limit(400)
def test_fastapi(agent):
    need_pypi()
    project = Project(agent, "fastapi")
    project.share_caches("pip")
    project.deploys_twice()
    sockets = os.listdir(os.path.join(agent.dir, "run/apps"))
    assert "fastapi.2.web.1" in sockets, sockets
    request = project.get("/request").json
    assert request["scheme"] == "https"
    assert request["client"] == "127.0.0.1"


@pytest.mark.limit(400)
def test_django(agent):
    need_pypi()
    project = Project(agent, "django")
    project.share_caches("pip")
    project.deploy()
    project.expect(1)
    # The release command has made the table, and the volume outlives the release.
    assert project.get("/visits").text == "1"
    style = project.get("/static/pages/style.css")
    assert style.status == 200 and "navy" in style.text
    project.set_version(2)
    project.deploy()
    project.expect(2)
    assert project.get("/visits").text == "2"


@pytest.mark.limit(400)
def test_express(agent):
    need_npm()
    project = Project(agent, "express")
    project.share_caches("npm")
    project.deploys_twice()
    assert project.get("/request").json["scheme"] == "https"


@pytest.mark.limit(400)
def test_go(agent):
    need_program("go")
    project = Project(agent, "go")
    project.share_caches("go-build", "go-mod")
    project.deploys_twice()


@pytest.mark.limit(120)
def test_one_compiled_file(agent):
    """One program in a folder, nothing else, not even git."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler is installed")
    folder = agent.folder("one")
    for version in (1, 2):
        agent.run(compiler, "-O1", f'-DVERSION="{version}"', "-o", os.path.join(folder, "server"),
                  os.path.join(APPS, "compiled/server.c"))
        agent.berth("deploy", cwd=folder)
        assert agent.get("one").text.strip() == str(version)
    assert os.listdir(folder) == ["server"]


@pytest.mark.limit(120)
def test_worker_beside_web(agent):
    project = Project(agent, "worker")
    project.deploys_twice()
    logs = rig.wait_for(
        lambda: [line for line in agent.berth("logs", "-a", "worker").out.splitlines()
                 if "worker of version 2 works" in line], "a line of the worker")
    assert logs


@pytest.mark.limit(120)
@pytest.mark.parametrize("name, code, words", [
    ("bad-manifest", 2, 'berth.yaml:3:9: processes.web.comand: is not known; did you mean "command"?'),
    ("bad-build", 8, "main.c:3: error: expected a semicolon"),
    ("exits", 1, "cannot open the database: no such file"),
    ("silent", 10, "nothing listens"),
    ("answers-500", 10, "answered 500"),
    ("bad-release", 9, "no such table: shop_order"),
    ("eats-memory", 8, "ran out of memory (limit 128 MB)"),
])
def test_apps_that_cannot_work(agent, name, code, words):
    path = os.path.join(agent.home, name)
    shutil.copytree(os.path.join(APPS, name), path)
    done = agent.berth("deploy", cwd=path, check=False)
    assert done.code == code, done
    assert words in done.err, done
