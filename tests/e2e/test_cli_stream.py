# SPDX-License-Identifier: Apache-2.0
"""What the CLI makes of a deploy's events, in every kind of output, and of an agent that misbehaves."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest

import rig
from scripted_agent import ScriptedAgent, error

DEPLOY = {"id": 7, "app": "shop", "kind": "rollback", "state": "queued"}
START = [
    {"seq": 1, "time": "2026-01-01T00:00:00.000Z", "type": "state", "state": "checkout"},
    {"seq": 2, "time": "2026-01-01T00:00:00.020Z", "type": "state", "state": "building"},
    {"seq": 3, "type": "reason", "text": "python: requirements.txt"},
    {"seq": 4, "type": "step", "name": "install dependencies", "status": "started"},
    {"seq": 5, "type": "log", "source": "build", "line": "Collecting django"},
]
FINISH = [
    {"seq": 6, "type": "step", "name": "install dependencies", "status": "done", "ms": 4200},
    {"seq": 7, "time": "2026-01-01T00:00:05.000Z", "type": "state", "state": "checking"},
    {"seq": 8, "time": "2026-01-01T00:00:05.300Z", "type": "end", "state": "live", "exit": 0, "release": 3,
     "url": "https://shop.localhost:8443", "ms": 5300},
]
FAILED = {"seq": 6, "type": "end", "state": "failed", "exit": 8, "reason": "pip install exited with status 1",
          "hint": "see requirements.txt:3"}
CANCELLED = {"seq": 6, "type": "end", "state": "cancelled", "exit": 130, "reason": "asked to"}


@pytest.fixture
def agent(tmp_path):
    a = ScriptedAgent(tmp_path)
    a.routes["POST /v1/apps/shop/rollback"] = (202, DEPLOY)
    a.routes["DELETE /v1/apps/shop/deploys/7"] = (200, {})
    yield a
    a.close()


def environment(agent, **more):
    keep = {k: v for k, v in os.environ.items()
            if not k.startswith(("BERTH_", "XDG_", "CI", "LC_", "LANG", "NO_COLOR"))}
    keep.update(BERTH_HOST=agent.socket, HOME=os.path.dirname(agent.socket), TERM="xterm", LC_ALL="C.UTF-8",
                LSAN_OPTIONS=f"suppressions={rig.ROOT}/tests/lsan.supp:print_suppressions=0")
    keep.update(more)
    return keep


def start(agent, *arguments, **env):
    return subprocess.Popen([rig.program("berth"), "-a", "shop", *arguments], env=environment(agent, **env),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=os.path.dirname(agent.socket))


def run(agent, *arguments, **env):
    p = start(agent, *arguments, **env)
    out, err = p.communicate(timeout=60)
    return rig.Result(["berth", *arguments], p.returncode, out, err, 0)


def run_on_terminal(agent, *arguments, on_output=None, **env):
    """The program with stdin, stdout and stderr on one terminal; (exit status, everything it wrote)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(os.path.dirname(agent.socket))
        os.execve(rig.program("berth"), ["berth", "-a", "shop", *arguments], environment(agent, **env))
    seen = b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
        if on_output:
            on_output(seen, terminal)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), seen.decode("utf-8", "replace")


def test_plain_output(agent):
    agent.streams = [START + FINISH]
    r = run(agent, "rollback")
    assert r.code == 0, r
    assert r.out == "https://shop.localhost:8443\n"
    lines = r.err.splitlines()
    assert lines[:8] == [
        "==> check out",
        "✓ check out                 20ms",
        "    python: requirements.txt",
        "==> install dependencies",
        "    Collecting django",
        "✓ install dependencies      4.2s",
        "==> health check",
        "✓ health check              300ms",
    ]
    assert re.fullmatch(r"shop v3 is live after \d+ms", lines[8])
    assert agent.connections == 1, "one connection serves all requests"


def test_without_unicode(agent):
    agent.streams = [START + FINISH]
    r = run(agent, "rollback", LC_ALL="C")
    assert r.code == 0
    assert "ok install dependencies" in r.err
    assert r.err.isascii()


def test_failure(agent):
    agent.streams = [START + [FAILED]]
    r = run(agent, "rollback", "v2")
    assert r.code == 8
    assert r.out == ""
    assert "✗ install dependencies" in r.err
    assert r.err.endswith("error: the deploy failed: pip install exited with status 1\n"
                          "hint: see requirements.txt:3\n")
    assert agent.requests[0] == ("POST /v1/apps/shop/rollback", {"release": 2})


def test_an_end_that_is_no_success_is_none(agent):
    agent.streams = [[{"seq": 1, "type": "end", "state": "failed", "exit": 0}]]
    assert run(agent, "rollback").code == 3
    agent.streams = [[{"seq": 1, "type": "end", "state": "live"}]]
    assert run(agent, "rollback").code == 3


def test_json(agent):
    agent.streams = [START + FINISH]
    r = run(agent, "rollback", "--json")
    assert r.code == 0
    assert [json.loads(line) for line in r.out.splitlines()] == START + FINISH
    assert r.err == ""
    agent.streams = [[FAILED]]
    r = run(agent, "rollback", "--json")
    assert r.code == 8
    assert json.loads(r.out) == FAILED
    assert r.err == ""


def test_quiet(agent):
    agent.streams = [START + FINISH]
    r = run(agent, "rollback", "-q")
    assert (r.code, r.out, r.err) == (0, "https://shop.localhost:8443\n", "")


def test_no_wait(agent):
    r = run(agent, "rollback", "--no-wait")
    assert r.code == 0
    assert "deploy 7" in r.err
    r = run(agent, "rollback", "--no-wait", "--json")
    assert r.json == DEPLOY


def test_a_lost_connection_is_taken_up_again(agent):
    agent.streams = [START[:4] + ["cut"], START[:5] + ["cut"], START + FINISH]
    r = run(agent, "rollback", "--json")
    assert r.code == 0, r
    assert [json.loads(line)["seq"] for line in r.out.splitlines()] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len([q for q, _ in agent.requests if q.endswith("/events")]) == 3


def test_a_stream_that_ends_without_an_end(agent):
    agent.streams = [START, [b"nonsense\n", b'{"no":"type"}\n'] + START + FINISH]
    r = run(agent, "rollback")
    assert r.code == 0
    assert r.err.count("Collecting django") == 1


def test_a_line_that_is_too_long_is_left_out(agent):
    agent.streams = [START + [b"x" * (5 << 20) + b"\n"] + FINISH]
    r = run(agent, "rollback", "--json")
    assert r.code == 0, r
    assert [json.loads(line) for line in r.out.splitlines()] == START + FINISH


def test_the_state_is_asked_for_when_the_events_are_gone(agent):
    agent.streams = [START + ["cut"]]
    agent.routes["GET /v1/apps/shop/deploys/7"] = (
        200, dict(DEPLOY, state="failed", ended="2026-01-01T00:00:09Z", exit=10, reason="not healthy"))
    r = run(agent, "rollback")
    assert r.code == 10, r
    assert "error: the deploy failed: not healthy" in r.err


def wait_for_request(agent, text):
    rig.wait_for(lambda: any(text in q for q, _ in agent.requests), text)


def test_interrupt_cancels(agent):
    agent.streams = [START + [agent.cancelled.wait, CANCELLED]]
    p = start(agent, "rollback")
    rig.wait_for(lambda: not agent.streams, "the stream")
    p.stderr.readline()
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=20)
    assert p.returncode == 130
    assert ("DELETE /v1/apps/shop/deploys/7", None) in agent.requests
    assert "error: the deploy was cancelled: asked to" in err


def test_a_second_interrupt_leaves_it(agent):
    done = threading.Event()
    agent.streams = [START + [lambda: done.wait(20), CANCELLED]]
    p = start(agent, "rollback")
    p.stderr.readline()
    p.send_signal(signal.SIGINT)
    wait_for_request(agent, "DELETE")
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=20)
    done.set()
    assert p.returncode == 130
    assert "berth deploy --attach" in err


def test_interrupt_while_pushing(agent, tmp_path):
    """The agent hangs: the client does not."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "index.html").write_text("hello")
    done = threading.Event()
    agent.streams = [[lambda: done.wait(20)]]
    p = start(agent, "deploy", "-C", str(app))
    wait_for_request(agent, "info/refs")
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=10)
    done.set()
    assert p.returncode == 130, err
    assert out == ""
    assert "interrupted; nothing was deployed" in err


def test_interrupt_on_a_terminal(agent):
    agent.streams = [START + [agent.cancelled.wait, CANCELLED]]
    sent = []

    def on_output(seen, terminal):
        if b"Collecting" in seen and not sent:
            sent.append(os.write(terminal, b"\x03"))

    code, text = run_on_terminal(agent, "rollback", on_output=on_output)
    assert code == 130, text
    assert ("DELETE /v1/apps/shop/deploys/7", None) in agent.requests
    assert re.search(r"\r\x1b\[Kcancelling; Ctrl-C again leaves it to the agent\r\n", text), text
    assert "error:\x1b[0m the deploy was cancelled: asked to\r\n" in text


def test_live_display(agent):
    step = threading.Event()
    agent.streams = [START + [lambda: step.wait(10)] + FINISH]

    def on_output(seen, _):
        if seen.count(b"install dependencies") > 4:
            step.set()

    code, text = run_on_terminal(agent, "rollback", on_output=on_output)
    assert code == 0, text
    # the running step is redrawn in place, with the last line of its output
    assert re.search(r"\r[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] install dependencies  \d+\.\ds\x1b\[2m  Collecting django\x1b\[0m\x1b\[K", text)
    assert re.search(r"\x1b\[K\x1b\[32m✓\x1b\[0m install dependencies      4\.2s\r\n", text)
    assert "    Collecting" not in text
    assert text.rstrip().endswith("https://shop.localhost:8443")


def test_live_display_of_a_failure(agent):
    agent.streams = [START + [FAILED]]
    code, text = run_on_terminal(agent, "rollback", "--no-color")
    assert code == 8
    assert "\x1b[3" not in text and "\x1b[2m" not in text
    assert "✗ install dependencies" in text
    assert "    Collecting django\r\n" in text, "a failure shows the last lines"


def test_verbose_shows_output_as_it_comes(agent):
    agent.streams = [START + FINISH]
    code, text = run_on_terminal(agent, "rollback", "-v")
    assert code == 0
    assert "    \x1b[2mCollecting django\x1b[0m\r\n" in text


def test_no_live_display_in_ci(agent):
    agent.streams = [START + FINISH]
    _, text = run_on_terminal(agent, "rollback", CI="true")
    assert "==> install dependencies" in text
    assert "\x1b[K" not in text


HOSTILE = "x\x1b]0;owned\x07\x1b[2J\x9b31m\nfake\u202e"


def harmless(text, may_have_lines=False):
    ours = re.compile(r"\x1b\[(K|0m|2m|1m|32m|1;31m|3[2-6]m)")
    rest = ours.sub("", text).replace("\r", "").replace("\n", "")
    return not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", rest) and (may_have_lines or "\nfake" not in text)


def test_hostile_text_does_not_reach_the_terminal(agent):
    agent.streams = [[
        {"seq": 1, "type": "step", "name": "s" + HOSTILE, "status": "started"},
        {"seq": 2, "type": "log", "source": "app", "process": HOSTILE, "line": HOSTILE},
        {"seq": 3, "type": "notice", "text": HOSTILE}, {"seq": 4, "type": "reason", "text": HOSTILE},
        {"seq": 5, "type": "state", "state": HOSTILE},
        {"seq": 6, "type": "end", "state": "failed", "exit": 8, "reason": HOSTILE, "hint": HOSTILE}]] * 3
    for arguments in ([], ["-v"], ["--json"]):
        code, text = run_on_terminal(agent, "rollback", *arguments)
        assert code == 8
        assert harmless(text), repr(text)


def test_hostile_answers_do_not_reach_the_terminal(agent):
    release = {"number": 1, "state": HOSTILE, "commit": HOSTILE, "source": {"message": HOSTILE}}
    app = {"name": HOSTILE, "url": HOSTILE, "urls": [HOSTILE], "live": release,
           "deploying": {"state": HOSTILE}}
    agent.routes.update({
        "GET /v1/apps": (200, {"apps": [app]}),
        "GET /v1/apps/shop": (200, app),
        "GET /v1/apps/shop/releases": (200, {"releases": [release]}),
        "GET /v1/apps/shop/ps": (200, {"processes": [{"name": HOSTILE, "reason": HOSTILE}]}),
        "GET /v1/apps/shop/env": (200, {"env": {"A": HOSTILE}}),
        "GET /v1/apps/shop/domains": (200, {"domains": [{"domain": HOSTILE, "source": HOSTILE}]}),
        "GET /v1/tokens": (200, {"tokens": [{"id": HOSTILE, "name": HOSTILE, "expires": HOSTILE}]}),
        "GET /v1/version": (200, {"version": HOSTILE, "mode": HOSTILE}),
        "GET /v1/doctor": (200, {"checks": [{"name": HOSTILE, "ok": False, "message": HOSTILE, "fix": HOSTILE}]}),
    })
    for words in ("apps", "status", "releases", "ps", "env", "env get A", "domains", "tokens", "version -v", "open",
                  "doctor"):
        for more in ([], ["--json"]):
            agent.streams = []
            code, text = run_on_terminal(agent, *words.split(), *more)
            assert code == (1 if words == "doctor" else 0), text
            # the value of a variable may have lines; nothing stands beside it that they could forge
            assert harmless(text, words == "env get A"), (words, more, text)
    agent.streams = [[{"time": HOSTILE, "process": HOSTILE, "index": 1, "line": HOSTILE}]]
    _, text = run_on_terminal(agent, "logs")
    assert harmless(text), text
    agent.routes["GET /v1/apps/shop"] = (400, error(HOSTILE, HOSTILE, 2, HOSTILE))
    code, text = run_on_terminal(agent, "status")
    assert code == 2
    assert harmless(text), text


@pytest.mark.parametrize("status,body,code", [
    (404, error("not_found", "there is no app shop", 5), 5),
    (401, error("not_allowed", "the token is void", 4), 4),
    (409, error("conflict", "it has no earlier release", 7, "deploy first"), 7),
    (500, b"<html>", 3),
    (503, b"", 6),
    (404, b"not json", 5),
    (202, b"not json", 6),
])
def test_errors_of_the_agent(agent, status, body, code):
    agent.routes["POST /v1/apps/shop/rollback"] = (status, body)
    r = run(agent, "rollback")
    assert r.code == code
    assert r.err.startswith("error: ")
    assert r.out == ""
    r = run(agent, "rollback", "--json")
    assert r.code == code
    assert r.json["error"]["exit"] == code
    assert r.err == ""


def test_no_agent(agent):
    r = run(agent, "rollback", "-H", "/nonexistent.sock")
    assert r.code == 6
    assert "no agent answers on /nonexistent.sock: no such socket" in r.err
    r = run(agent, "ps", "-H", "unix:/" + "long/" * 30 + "agent.sock")
    assert r.code == 6
    assert "too long" in r.err
    r = run(agent, "ps", "-H", "https://127.0.0.1:1")
    assert r.code == 6
    r = run(agent, "ps", "-H", "http://example.com")
    assert r.code == 2
    assert "clear text" in r.err


LOG = [{"time": f"2026-01-01T00:00:0{i}.000Z", "process": "web", "index": 1, "release": 3, "line": f"line {i}"}
       for i in range(6)]


def test_logs(agent):
    agent.streams = [LOG[:2]]
    r = run(agent, "logs", "-n", "2", "-p", "web")
    assert r.out == ("2026-01-01T00:00:00.000Z web.1  line 0\n"
                     "2026-01-01T00:00:01.000Z web.1  line 1\n")
    assert agent.requests[0][0] == "GET /v1/apps/shop/logs?lines=2&follow=0&process=web"


def test_logs_go_on_after_a_break_and_end_with_an_interrupt(agent):
    same = dict(LOG[1], line="at the same time")
    done = threading.Event()
    agent.streams = [LOG[:2] + ["cut"], LOG[:2] + [same] + LOG[2:] + [lambda: done.wait(20)]]
    p = start(agent, "logs", "-f", "--json")
    lines = [json.loads(p.stdout.readline())["line"] for _ in range(7)]
    assert lines == ["line 0", "line 1", "at the same time", "line 2", "line 3", "line 4", "line 5"]
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=20)
    done.set()
    assert p.returncode == 0


def test_logs_since(agent):
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    agent.streams = [LOG[:1] + [dict(LOG[0], time=now, line="recent")]]
    r = run(agent, "logs", "--since", "10m")
    assert r.out == f"{now} web.1  recent\n"


def test_env_values_stay_out_of_arguments(agent):
    agent.routes["PATCH /v1/apps/shop/env"] = (200, {})
    p = subprocess.run([rig.program("berth"), "-a", "shop", "env", "set", "SECRET"], env=environment(agent),
                       input="s3cret\n", capture_output=True, text=True, timeout=20, check=False,
                       cwd=os.path.dirname(agent.socket))
    assert p.returncode == 0, p.stderr
    assert agent.requests[-1][1] == {"set": {"SECRET": "s3cret"}, "unset": [], "deploy": True}
    assert "s3cret" not in p.stdout + p.stderr


def test_a_secret_is_asked_for_without_echo(agent):
    agent.routes["PATCH /v1/apps/shop/env"] = (200, {})
    sent = []

    def on_output(seen, terminal):
        if b"SECRET:" in seen and not sent:
            sent.append(os.write(terminal, b"s3cret\n"))

    code, text = run_on_terminal(agent, "env", "set", "SECRET", on_output=on_output)
    assert code == 0, text
    assert "s3cret" not in text
    assert agent.requests[-1][1]["set"] == {"SECRET": "s3cret"}


def test_destroy_asks_for_the_name(agent):
    agent.routes["DELETE /v1/apps/shop"] = (200, {})
    r = run(agent, "apps", "destroy")
    assert r.code == 2
    assert "-y" in r.err
    assert not agent.requests

    def answer(word):
        sent = []

        def on_output(seen, terminal):
            if b"Type its name" in seen and not sent:
                sent.append(os.write(terminal, word + b"\n"))
        return on_output

    code, _ = run_on_terminal(agent, "apps", "destroy", on_output=answer(b"shopp"))
    assert code == 2
    assert not agent.requests
    code, text = run_on_terminal(agent, "apps", "destroy", on_output=answer(b"shop"))
    assert code == 0, text
    assert agent.requests == [("DELETE /v1/apps/shop", None)]
