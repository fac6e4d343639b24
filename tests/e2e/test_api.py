# SPDX-License-Identifier: Apache-2.0
"""The agent's API as a stranger, a guest with a token and a person on the host meet it: over its
socket, and through the proxy at the admin host."""

import base64
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess

import apps
import pytest
import rig

ADMIN = "berth.localhost"


class Api:
    """The API through the proxy, with or without a token."""

    def __init__(self, agent, token=None):
        self.agent, self.token = agent, token

    def __call__(self, method, path, body=None, headers=None):
        context = ssl.create_default_context(cafile=self.agent.ca)
        connection = rig.LocalTls(ADMIN, self.agent.https_port, timeout=20, context=context)
        fields = dict(headers or {})
        if self.token:
            fields.setdefault("Authorization", "Bearer " + self.token)
        if body is not None:
            fields.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        with contextlib.closing(connection):
            connection.request(method, path, body, fields)
            r = connection.getresponse()
            return rig.Response(r.status, r.headers, r.read())


def make_token(agent, scope="*", **more):
    answer = agent.api("POST", "/v1/tokens", {"name": "test", "scope": scope, **more})
    assert answer.status == 201, answer
    return answer.json


def error_of(answer, status):
    assert answer.status == status, answer
    error = answer.json["error"]
    assert set(error) <= {"code", "message", "hint", "exit"} and error["message"], answer
    return error


def raw(agent, data, seconds=20, stop_writing=False):
    """Bytes to the socket as they are; what comes back until the agent closes."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.settimeout(seconds)
        s.connect(agent.socket)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(data)
            if stop_writing:
                s.shutdown(socket.SHUT_WR)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := s.recv(65536):
                got += piece
        return got


@pytest.fixture
def site(agent):
    path = agent.repository("site", {"index.html": "hello\n"})
    agent.berth("deploy", cwd=path)
    return path


# -- who may

def test_strangers_learn_nothing(agent):
    for path in ["/", "/v1/version", "/v1/apps", "/v1/apps/site", "/v1/nothing",
                 "/git/site.git/info/refs?service=git-receive-pack"]:
        answer = Api(agent)("GET", path)
        error = error_of(answer, 401)
        assert error["code"] == "unauthorized" and error["exit"] == 4
        wanted = "Basic" if path.startswith("/git/") else "Bearer"
        assert answer.headers["WWW-Authenticate"].startswith(wanted)
    assert Api(agent, "nonsense")("GET", "/v1/version").status == 401


def test_a_token_is_shown_once_and_opens(agent):
    made = make_token(agent)
    assert Api(agent, made["token"])("GET", "/v1/version").json["mode"] == "standalone"
    listed = agent.api("GET", "/v1/tokens")
    assert made["token"] not in listed.text and made["token"][6:] not in listed.text
    assert [t["id"] for t in listed.json["tokens"]] == [made["id"]]
    with open(os.path.join(agent.dir, "store.db"), "rb") as f:
        assert made["token"].encode() not in f.read()
    assert made["token"] not in agent.log()


def test_basic_credentials_are_what_git_sends(agent):
    token = make_token(agent)["token"]
    value = "Basic " + base64.b64encode(f"anyone:{token}".encode()).decode()
    assert Api(agent)("GET", "/v1/version", headers={"Authorization": value}).status == 200


def test_a_removed_token_opens_nothing_at_once(agent):
    made = make_token(agent)
    assert Api(agent, made["token"])("GET", "/v1/version").status == 200
    assert agent.api("DELETE", "/v1/tokens/" + made["id"]).status == 200
    assert Api(agent, made["token"])("GET", "/v1/version").status == 401
    assert error_of(agent.api("DELETE", "/v1/tokens/" + made["id"]), 404)["exit"] == 5


def test_a_token_expires(agent):
    made = make_token(agent, expires_seconds=1)
    api = Api(agent, made["token"])
    rig.wait_for(lambda: api("GET", "/v1/version").status == 401, "the token's end")
    assert Api(agent, make_token(agent, expires_seconds=600)["token"])("GET", "/v1/apps").status == 200


def test_a_token_of_one_app_is_for_that_app(agent, site):
    agent.api("POST", "/v1/apps", {"name": "other"})
    api = Api(agent, make_token(agent, scope="site")["token"])
    assert api("GET", "/v1/apps/site").status == 200
    assert [a["name"] for a in api("GET", "/v1/apps").json["apps"]] == ["site"]
    # The same words for an app that there is and one that there is not.
    answers = {api("GET", "/v1/apps/" + name).text for name in ("other", "absent")}
    assert len(answers) == 1
    for method, path, body in [
            ("GET", "/v1/apps/other/env", None), ("DELETE", "/v1/apps/other", None),
            ("GET", "/v1/apps/other/logs", None), ("POST", "/v1/apps", {"name": "fresh"}),
            ("POST", "/v1/apps/other/rollback", {}), ("GET", "/v1/tokens", None),
            ("POST", "/v1/tokens", {"name": "x"}), ("GET", "/v1/doctor", None),
            ("GET", "/git/other.git/info/refs?service=git-receive-pack", None)]:
        assert error_of(api(method, path, body), 403)["exit"] == 4, path
    assert agent.api("GET", "/v1/apps/other").status == 200


def test_guessing_is_slowed_and_does_not_lock_out(agent):
    good = Api(agent, make_token(agent)["token"])
    assert good("GET", "/v1/version").status == 200
    answers = [Api(agent, "berth_" + f"{n}".rjust(43, "A"))("GET", "/v1/version")
               for n in range(9)]
    assert answers[0].status == 401
    slowed = [a for a in answers if a.status == 429]
    assert slowed and int(slowed[0].headers["Retry-After"]) >= 1, answers
    assert good("GET", "/v1/version").status == 200


def test_the_address_that_counts_is_not_the_clients_to_choose(agent):
    statuses = []
    for n in range(9):
        wrong = "berth_" + f"{n}".rjust(43, "B")
        headers = {"X-Forwarded-For": f"192.0.2.{n}"}
        statuses.append(Api(agent, wrong)("GET", "/v1/version", headers=headers).status)
    assert 429 in statuses, statuses


def test_sockets_are_closed_to_others(agent):
    for name in ("agent.sock", "api.sock"):
        assert os.stat(os.path.join(agent.dir, "run", name)).st_mode & 0o007 == 0
    assert os.stat(agent.dir).st_mode & 0o077 == 0
    assert os.stat(os.path.join(agent.dir, "ca/ca.key")).st_mode & 0o077 == 0


def test_the_proxys_socket_asks_for_a_token_whatever_is_claimed(agent):
    with contextlib.closing(rig.UnixConnection(os.path.join(agent.dir, "run/api.sock"))) as c:
        c.request("GET", "/v1/apps", headers={"X-Forwarded-For": "127.0.0.1"})
        assert c.getresponse().status == 401


# -- strict in what it takes

@pytest.mark.parametrize("path", [
    "/v1/apps/..", "/v1/apps/%2e%2e", "/v1/apps/a%2fb", "/v1/apps/a%00", "/v1/apps/-rf",
    "/v1/apps/Shop", "/v1/apps/" + "a" * 41, "/v1/apps/a%zz", "/v1/apps/site/deploys/0",
    "/v1/apps/site/deploys/x", "/v1/apps?x=1", "/v1/apps/site/releases?limit=-1",
    "/v1/apps/site/releases?limit=1&limit=2", "/v1/apps/site/logs?lines=1000000",
    "/v1/apps/site/logs?process=../x"])
def test_bad_targets(agent, site, path):
    assert error_of(agent.api("GET", path), 400)["exit"] == 2


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/apps/", "//v1/apps", "/v1/apps/site/", "/V1/apps",
                                  "/v1/apps/absent", "/v1/apps/site/deploys/999999"])
def test_targets_that_are_not_there(agent, site, path):
    assert error_of(agent.api("GET", path), 404)["exit"] == 5


def test_methods(agent):
    assert error_of(agent.api("PUT", "/v1/apps", {}), 405)
    assert error_of(agent.api("GET", "/v1/apps/site/rollback"), 405)
    error_of(agent.api("GET", "/v1/version", {}), 400)


@pytest.mark.parametrize("method,path,body,words", [
    ("POST", "/v1/apps", {}, "name"),
    ("POST", "/v1/apps", {"name": "a", "nmae": "b"}, "nmae"),
    ("POST", "/v1/apps", {"name": 5}, "name"),
    ("POST", "/v1/apps", {"name": "Not Valid"}, "lower case"),
    ("POST", "/v1/apps", {"name": "a\x00b"}, "NUL"),
    ("POST", "/v1/apps", [], "object"),
    ("POST", "/v1/apps/site/deploys", {"commit": "HEAD"}, "40 hexadecimal"),
    ("POST", "/v1/apps/site/deploys", {"commit": "0" * 40, "source": {"evil": 1}}, "evil"),
    ("POST", "/v1/apps/site/rollback", {"release": 0}, "release"),
    ("PATCH", "/v1/apps/site/env", {"set": {"1A": "x"}}, "1A"),
    ("PATCH", "/v1/apps/site/env", {"set": {"A": 1}}, "set.A"),
    ("PATCH", "/v1/apps/site/env", {"set": {"A": "x" * 102401}}, "102400"),
    ("PATCH", "/v1/apps/site/env", {"set": {"A": "x"}, "unset": ["A"]}, "'set' and in 'unset'"),
    ("PATCH", "/v1/apps/site/env", {"set": {"PORT": "1"}}, "PORT"),
    ("PATCH", "/v1/apps/site/env", {"set": {"BERTH_APP": "1"}}, "BERTH_"),
    ("PATCH", "/v1/apps/site/env", {"unset": [1]}, "unset[0]"),
    ("POST", "/v1/apps/site/domains", {"domain": "1.2.3.4"}, "address"),
    ("POST", "/v1/apps/site/domains", {"domain": "a b"}, "a b"),
    ("POST", "/v1/tokens", {"name": "x", "expires_seconds": 0}, "expires_seconds"),
    ("POST", "/v1/tokens", {"name": "x", "expires_seconds": "1h"}, "expires_seconds"),
])
def test_bad_bodies_are_refused_by_name(agent, site, method, path, body, words):
    error = error_of(agent.api(method, path, body), 400)
    assert words in error["message"], error
    assert agent.api("GET", "/v1/apps/site/env").json == {"env": {}}


@pytest.mark.parametrize("text", [
    "", "{", '{"name":"a","name":"b"}', '{"name":"a"} x', "null", '"a"', "[" * 10000,
    '{"name":1e400}', '{"name":"\\ud800"}', '{"name":"\xff"}'])
def test_bad_json(agent, text):
    data = text.encode("latin-1")
    answer = raw(agent, b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                 b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert agent.api("GET", "/v1/apps").json == {"apps": []}


def test_only_json_is_json(agent):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        body = b'{"name":"a"}'
        answer = raw(agent, b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
                     + kind.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 415 "), answer
    assert agent.api("GET", "/v1/apps").json == {"apps": []}


def test_a_body_at_its_limit_and_past_it(agent):
    def post(size, chunked):
        body = b'{"name":"' + b"a" * (size - 11) + b'"}'
        assert len(body) == size
        head = (b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                b"Content-Type: application/json\r\n")
        if chunked:
            framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size + body + b"\r\n0\r\n\r\n"
        else:
            framed = b"Content-Length: %d\r\n\r\n" % size + body
        return raw(agent, head + framed)[:13]
    for chunked in (False, True):
        assert post(1 << 20, chunked) == b"HTTP/1.1 400 "  # read whole: the name is too long
        assert post((1 << 20) + 1, chunked) == b"HTTP/1.1 413 "


@pytest.mark.parametrize("head,status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    (b"POST /v1/apps HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    (b"POST /v1/apps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n", 431),
    (b"POST /v1/apps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
])
def test_bad_requests(agent, head, status):
    answer = raw(agent, head)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b'"error"' in answer
    assert agent.api("GET", "/v1/version").status == 200


def test_pipelined_requests_are_answered_in_order(agent):
    one = b"GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n"
    other = b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /v1/apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = raw(agent, (one + other) * 20 + last)
    statuses = re.findall(rb"HTTP/1.1 (\d+) ", got)
    assert statuses == [b"200", b"404"] * 20 + [b"200"]


def test_expect_continue(agent):
    got = raw(agent, b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              b"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n"
              b'{"name":"a"}')
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 "), got


# -- many and slow

def test_more_connections_than_there_are_places(agent):
    """Those that are too many wait their turn; nobody is hurt."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(300):
            s = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect(agent.socket)
                held.append(s)
        # The other socket has its own places.
        token = "berth_" + "A" * 43
        assert Api(agent, token)("GET", "/v1/version").status == 401
    assert rig.wait_for(lambda: agent.api("GET", "/v1/version").status == 200, "a free place")


def test_a_head_that_does_not_come_to_its_end(agent):
    got = raw(agent, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", seconds=60)
    assert got.startswith(b"HTTP/1.1 408 "), got


@pytest.fixture
def long_build(agent):
    """An app whose build said 5 MB."""
    manifest = ("build: {command: \"head -c 5000000 /dev/zero | tr '\\\\0' x | fold -w 200\"}\n")
    path = agent.repository("noisy", apps.server(1, manifest=manifest))
    agent.berth("deploy", cwd=path, timeout=120)
    return "/v1/apps/noisy/deploys/1/events"


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def test_a_stream_waits_for_its_reader_in_bounded_memory(agent, long_build):
    before = memory_kb(agent.process.pid)
    with contextlib.closing(rig.UnixConnection(agent.socket)) as c:
        c.request("GET", long_build)
        answer = c.getresponse()
        first = answer.read(100)
        # Reads no more for a while: others are answered, and memory stays.
        for _ in range(50):
            assert agent.api("GET", "/v1/version").status == 200
        assert memory_kb(agent.process.pid) - before < 8 * 1024
        # And then gets all of it.
        lines = (first + answer.read()).splitlines()
    assert sum(b"x" * 150 in line for line in lines) == 25000
    assert json.loads(lines[-1])["type"] == "end"
    numbers = [json.loads(line)["seq"] for line in lines]
    assert numbers == sorted(set(numbers))


def test_logs_follow_and_end_with_their_reader(agent):
    path = agent.repository("app", apps.server(1))
    agent.berth("deploy", cwd=path)
    connection = rig.UnixConnection(agent.socket)
    with contextlib.closing(connection):
        connection.request("GET", "/v1/apps/app/logs?follow=1&lines=10")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        readers = [p for p in rig.processes_of(agent.dir) if "berth-logs" in p[1]]
        assert readers
    rig.wait_for(lambda: not [p for p in rig.processes_of(agent.dir) if "berth-logs" in p[1]],
                 "the log reader's end")


# -- what belongs together

def test_names_that_are_taken(agent, site):
    assert error_of(agent.api("POST", "/v1/apps", {"name": "site"}), 409)["code"] == "conflict"
    assert error_of(agent.api("POST", "/v1/apps", {"name": "berth"}), 409)  # the admin host
    agent.api("POST", "/v1/apps", {"name": "other"})
    add = "/v1/apps/site/domains"
    for domain in ("berth.localhost", "site.localhost", "other.localhost"):
        assert error_of(agent.api("POST", add, {"domain": domain}), 409)
    assert agent.api("POST", add, {"domain": "WWW.Example.com."}).json["domain"] == "www.example.com"
    error = error_of(agent.api("POST", "/v1/apps/other/domains", {"domain": "www.example.com"}), 409)
    assert "site" in error["message"]
    # A domain right below the base domain keeps the app of that name from being made.
    assert agent.api("POST", add, {"domain": "blog.localhost"}).status == 201
    assert error_of(agent.api("POST", "/v1/apps", {"name": "blog"}), 409)


def test_a_domain_answers_until_it_is_removed(agent, site):
    assert agent.api("POST", "/v1/apps/site/domains", {"domain": "www.example.com"}).status == 201
    context = ssl.create_default_context(cafile=agent.ca)

    def ask():
        c = rig.LocalTls("www.example.com", agent.https_port, timeout=10, context=context)
        with contextlib.closing(c), contextlib.suppress(ssl.SSLError):
            c.request("GET", "/")
            return c.getresponse().read()
        return None  # no certificate: no handshake
    assert ask() == b"hello\n"  # at once: the answer came when the proxy knew it
    listed = agent.api("GET", "/v1/apps/site/domains").json["domains"]
    assert [(d["domain"], d["default"]) for d in listed] == [
        ("site.localhost", True), ("www.example.com", False)]
    assert agent.api("DELETE", "/v1/apps/site/domains/www.example.com").status == 200
    error_of(agent.api("DELETE", "/v1/apps/site/domains/www.example.com"), 404)
    error_of(agent.api("DELETE", "/v1/apps/site/domains/site.localhost"), 404)
    assert ask() is None
    assert agent.get("site").text == "hello\n"


def test_env_changes_are_all_or_none(agent):
    agent.api("POST", "/v1/apps", {"name": "app"})
    env = "/v1/apps/app/env"
    assert agent.api("PATCH", env, {"set": {"A": "1", "B": "two\nlines \"q\""}}).status == 200
    big = {f"V{n}": "x" * 1000 for n in range(700)}
    assert error_of(agent.api("PATCH", env, {"set": big, "unset": ["A"]}), 413)
    assert agent.api("GET", env).json["env"] == {"A": "1", "B": "two\nlines \"q\""}
    assert agent.api("PATCH", env, {"unset": ["A", "ABSENT"]}).status == 200
    assert agent.api("GET", env).json["env"] == {"B": "two\nlines \"q\""}


def test_an_app_that_was_removed_is_gone_with_its_history(agent, site):
    agent.api("PATCH", "/v1/apps/site/env", {"set": {"SECRET": "x"}, "deploy": False})
    assert agent.api("DELETE", "/v1/apps/site").status == 200
    error_of(agent.api("GET", "/v1/apps/site"), 404)
    agent.berth("deploy", cwd=site)
    assert agent.get("site").text == "hello\n"
    assert agent.api("GET", "/v1/apps/site/env").json == {"env": {}}


def test_doctor_and_ca(agent):
    checks = {c["name"]: c for c in agent.api("GET", "/v1/doctor").json["checks"]}
    assert checks["proxy"]["ok"] and checks["disk"]["message"]
    for check in checks.values():
        assert check["ok"] == (check["fix"] is None)
    with open(agent.ca, encoding="ascii") as f:
        assert agent.api("GET", "/v1/ca").text == f.read()


# -- git's own paths

def test_no_clones_and_no_dumb_protocol(agent):
    error_of(agent.api("GET", "/git/site.git/info/refs?service=git-upload-pack"), 403)
    error_of(agent.api("GET", "/git/site.git/info/refs"), 400)
    error_of(agent.api("GET", "/git/site.git/HEAD"), 404)
    error_of(agent.api("GET", "/git/..%2fx.git/info/refs?service=git-receive-pack"), 400)


def test_what_is_not_a_push_is_refused(agent):
    body = b"this is not git"
    got = raw(agent, b"POST /git/site.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert got.startswith(b"HTTP/1.1 400 "), got
    assert not os.path.exists(os.path.join(agent.dir, "git/site.git/objects/pack/x"))


def test_a_push_whose_client_leaves_ends_its_child(agent):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.connect(agent.socket)
        s.sendall(b"POST /git/site.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: 1000000\r\n\r\n00")
        rig.wait_for(lambda: [p for p in rig.processes_of(agent.dir) if "berth-git" in p[1]],
                     "berth-git")
    rig.wait_for(lambda: not [p for p in rig.processes_of(agent.dir) if "berth-git" in p[1]],
                 "its end")


def remote(agent, name, files):
    """A repository that pushes through the proxy with a token."""
    path = agent.repository(name, files)
    url = f"https://x:{make_token(agent)['token']}@{ADMIN}:{agent.https_port}/git/{name}.git"
    agent.git(path, "remote", "add", "berth", url)
    agent.git(path, "config", "http.sslCAInfo", agent.ca)
    return path


def test_a_large_push_goes_through_in_bounded_memory(agent):
    """Larger than git sends in one piece: it asks with an empty push first, then sends chunks."""
    before = memory_kb(agent.process.pid)
    path = remote(agent, "big", {"index.html": "hello\n", "blob": os.urandom(30_000_000)})
    agent.run("git", "push", "berth", "main", cwd=path)
    assert agent.get("big").text == "hello\n"
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    assert peak - before < 8 * 1024, f"{before} kB, then {peak} kB"


def test_a_deploy_goes_on_without_who_pushed_it(agent, tmp_path):
    gate = tmp_path / "gate"
    manifest = ('build: {command: "while ! [ -e %s ]; do sleep 0.05; done"}\n' % gate)
    path = remote(agent, "app", apps.server(1, manifest=manifest))
    push = subprocess.Popen(["git", "push", "berth", "main"], cwd=path, env=agent.env(),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def state():
        answer = agent.api("GET", "/v1/apps/app/deploys/1")
        return answer.json["state"] if answer.status == 200 else None
    rig.wait_for(lambda: state() == "building", "the build")
    push.kill()
    push.wait()
    gate.touch()
    rig.wait_for(lambda: state() == "live", "the deploy's end")
    assert agent.get("app").text == rig.body(1)
    # The branch moved, as with a push that was watched to its end.
    commit = agent.git(path, "rev-parse", "HEAD")
    refs = os.path.join(agent.dir, "git/app.git")
    rig.wait_for(lambda: commit in agent.run(
        "git", "--git-dir", refs, "for-each-ref", "refs/heads/main").out, "the branch")


def test_four_pushes_at_once_are_the_most(agent):
    head = (b"POST /git/site.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Length: 100\r\n\r\n00")

    def children():
        return len([p for p in rig.processes_of(agent.dir) if "berth-git" in p[1]])
    with contextlib.ExitStack() as stack:
        for n in range(4):
            s = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            s.connect(agent.socket)
            s.sendall(head)
            rig.wait_for(lambda n=n: children() == n + 1, "a push")
        answer = raw(agent, head)
        assert answer.startswith(b"HTTP/1.1 503 ") and b'"busy"' in answer, answer
        assert children() == 4
        done = agent.berth("deploy", cwd=agent.folder("other", {"index.html": "x"}), check=False)
        assert done.code == 7 and "4 pushes are under way" in done.err, done
    rig.wait_for(lambda: children() == 0, "their end")
    assert agent.api("GET", "/git/site.git/info/refs?service=git-receive-pack").status == 200
