# SPDX-License-Identifier: Apache-2.0
"""What the CLI says and does without an agent: help, usage errors, completion, init, doctor."""
import json
import os
import re
import shutil
import stat
import subprocess

import pytest

import rig


@pytest.fixture
def berth(tmp_path):
    home = tmp_path / "home"
    home.mkdir()

    def run(*arguments, cwd=None, text="", **env):
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("BERTH_", "XDG_", "CI"))}
        keep.update(HOME=str(home), LC_ALL="C.UTF-8", PATH=f"{rig.BIN}:{keep['PATH']}")
        keep.update(env)
        p = subprocess.run([rig.program("berth"), *arguments], env=keep, cwd=cwd or home, input=text,
                           capture_output=True, text=True, timeout=30, check=False)
        return rig.Result(["berth", *arguments], p.returncode, p.stdout, p.stderr, 0)
    run.home = home
    return run


VERBS = ("init deploy rollback releases status ps logs env domains open apps tokens doctor completion version "
         "help").split()


def test_help(berth):
    r = berth("--help")
    assert r.code == 0
    for verb in VERBS:
        assert f"\n  {verb}" in r.out
        one = berth(verb, "--help")
        assert one.code == 0
        assert one.out.startswith(f"berth {verb}: ")
        assert berth("help", verb).out == one.out
        assert max(map(len, one.out.splitlines())) <= 100
    r = berth()
    assert r.code == 2
    assert berth("help", "nonsense").code == 2


def test_version(berth):
    r = berth("--version")
    assert r.code == 0
    assert r.out.startswith("berth ")
    assert berth("version").out == r.out
    assert "version" in berth("version", "--json").json


@pytest.mark.parametrize("words,message", [
    ("deplyo", 'berth has no command "deplyo"; did you mean "deploy"?'),
    ("env sett A=1", 'berth env has no command "sett"; did you mean "set"?'),
    ("deploy --paln", "berth deploy has no flag --paln; did you mean --plan?"),
    ("logs -n", "-n needs a value"),
    ("logs -n many", '-n "many" is not a number'),
    ("logs --since yesterday", '--since "yesterday" is not a duration'),
    ("rollback abc", '"abc" is not a release'),
    ("ps -a Shop!", "the app's name, from -a"),
    ("domains add -a shop not_a_domain", "not_a_domain"),
    ("env set -a shop 1X=2", "1X"),
    ("completion tcsh", 'no completion for "tcsh"'),
    ("init --token x", "none is named"),
    ("ps -C /nonexistent", "cannot go to /nonexistent"),
])
def test_usage_errors(berth, words, message):
    r = berth(*words.split())
    assert r.code == 2, r
    assert r.err.startswith("error: ")
    assert message in r.err
    assert r.out == ""
    r = berth("--json", *words.split())
    assert r.code == 2
    assert r.json["error"]["code"] == "invalid_input"
    assert r.err == ""


def test_an_error_behind_which_json_is_asked_for(berth):
    r = berth("ps", "--nonsense", "--json")
    assert r.code == 2
    assert r.json["error"]["exit"] == 2
    assert berth("ps", "--nonsense", "--", "--json").out == ""


def test_no_host(berth):
    if os.path.exists("/run/berth/agent.sock"):
        pytest.skip("an agent runs on this machine")
    r = berth("ps")
    assert r.code == 2
    assert "no host is known" in r.err
    assert "berth init --host" in r.err


def test_a_wrong_manifest_is_told_before_anything_is_sent(berth, tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "berth.yaml").write_text("app: shop\ndomians: [x.example]\n")
    r = berth("deploy", "-H", "/nonexistent", cwd=app)
    assert r.code == 2
    assert r.err.startswith("error: berth.yaml:2:")
    assert "domains" in r.err
    r = berth("deploy", "-a", "shop", "-H", "/nonexistent", "-C", str(app))
    assert r.code == 2


def test_the_home_folder_is_no_app(berth):
    r = berth("deploy", "-H", "/nonexistent")
    assert r.code == 2
    assert "your home folder" in r.err
    r = berth("deploy", "-C", "/", "-a", "shop", "-H", "/nonexistent")
    assert r.code == 2
    assert "the whole disk" in r.err


def test_init_writes_a_manifest_once(berth, tmp_path):
    app = tmp_path / "My Shop"
    app.mkdir()
    r = berth("init", cwd=app)
    assert r.code == 0
    text = (app / "berth.yaml").read_text()
    assert "app: my-shop\n" in text
    (app / "berth.yaml").write_text("app: other\n")
    assert berth("init", cwd=app).code == 0
    assert (app / "berth.yaml").read_text() == "app: other\n"
    assert berth("init", "--json", cwd=app).json == {"file": str(app / "berth.yaml")}


def test_the_written_manifest_is_valid_with_every_example_line(berth, tmp_path):
    app = tmp_path / "shop"
    app.mkdir()
    berth("init", cwd=app)
    lines = (app / "berth.yaml").read_text().splitlines()
    bare = "\n".join(re.sub(r"^#(?! \S)", "", line) for line in lines)
    assert "\nprocesses:\n  web:" in bare
    (app / "berth.yaml").write_text(bare + "\n")
    r = berth("doctor", "-H", "/nonexistent", "--json", cwd=app)
    check = [c for c in r.json["checks"] if c["name"] == "berth.yaml"][0]
    assert check["ok"], check


def test_doctor_without_an_agent(berth):
    r = berth("doctor", "-H", "/nonexistent/agent.sock")
    assert r.code == 1
    assert "✗ reachable" in r.out
    assert "fix: " in r.out
    config = berth.home / ".config/berth"
    config.mkdir(parents=True)
    (config / "hosts.json").write_text("{}")
    (config / "hosts.json").chmod(0o644)
    r = berth("doctor", "-H", "/nonexistent", "--json")
    check = [c for c in r.json["checks"] if c["name"] == "config"][0]
    assert not check["ok"]
    assert check["fix"].startswith("chmod 600 ")


def test_a_host_that_does_not_answer_is_not_kept(berth):
    r = berth("init", "--host", "https://127.0.0.1:1", "--token", "-", text="secret\n")
    assert r.code == 6
    assert not (berth.home / ".config/berth/hosts.json").exists()


def test_a_broken_hosts_file_is_named(berth):
    config = berth.home / ".config/berth"
    config.mkdir(parents=True)
    (config / "hosts.json").write_text('{\n"hosts": [')
    r = berth("ps")
    assert r.code == 2
    assert "hosts.json:2" in r.err
    assert not os.stat(config / "hosts.json").st_mode & stat.S_IXUSR


def complete(berth, tmp_path, line):
    """What bash offers behind the line."""
    script = tmp_path / "berth.bash"
    script.write_text(berth("completion", "bash").out)
    words = line.split(" ")
    code = (f'source {script}; COMP_WORDS=({" ".join(json.dumps(w) for w in words)}); '
            f'COMP_CWORD={len(words) - 1}; _berth; printf "%s\\n" "${{COMPREPLY[@]}}"')
    out = subprocess.run(["bash", "--norc", "-euc", code], capture_output=True, text=True, check=True).stdout
    return out.split()


def test_bash_completion(berth, tmp_path):
    assert complete(berth, tmp_path, "berth de") == ["deploy"]
    assert complete(berth, tmp_path, "berth -a shop ro") == ["rollback"]
    assert complete(berth, tmp_path, "berth env s") == ["set"]
    assert "--no-deploy" in complete(berth, tmp_path, "berth env set --no")
    assert complete(berth, tmp_path, "berth deploy --pl") == ["--plan"]
    assert complete(berth, tmp_path, "berth logs --fo") == ["--follow"]
    assert set(VERBS) <= set(complete(berth, tmp_path, "berth "))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_completions(berth, tmp_path, shell):
    out = berth("completion", shell).out
    for verb in VERBS:
        assert verb in out
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(out)
        subprocess.run([shell, "-n", str(script)], check=True)
