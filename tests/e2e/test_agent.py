# SPDX-License-Identifier: Apache-2.0
"""The standalone agent's own life: its flags and files, two of them, its proxy, its end."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile

import apps
import pytest
import rig

AGENT = rig.program("berth-agent")


def run(*arguments, timeout=20):
    return subprocess.run([AGENT, *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, check=False)


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "agent.yaml"
        path.write_text(text)
        return path
    return write


def proxy_pid(agent):
    with open(os.path.join(agent.dir, "proxy/proxy.pid"), encoding="ascii") as f:
        return int(f.read().split()[0])


# -- flags and files

def test_the_configuration_is_checked_and_shown(file):
    path = file("domain: example.com\nhttps_port: 4443\nbuild_memory: 256M\n"
                "build_env: {PIP_INDEX_URL: \"https://u:secret@host/\"}\n")
    done = run("-n", "--config", path)
    assert done.returncode == 0 and done.stdout == "the configuration is valid\n", done
    shown = run("--show-config", "--config", path)
    assert "domain: example.com\n" in shown.stdout and "https_port: 4443\n" in shown.stdout
    assert "admin_host: berth.example.com\n" in shown.stdout
    assert "PIP_INDEX_URL" in shown.stdout and "secret" not in shown.stdout
    # What is shown is a file that says the same.
    again = run("--show-config", "--config", file(shown.stdout))
    assert again.stdout == shown.stdout, again


@pytest.mark.parametrize("text,words", [
    ("domian: example.com\n", [":1:", "domian", "did you mean", "domain"]),
    ("\nhttps_port: 70000\n", [":2:", "https_port", "65535"]),
    ("https_port: abc\n", [":1:", "https_port"]),
    ("build_timeout: 5x\n", [":1:", "build_timeout"]),
    ("build_memory: 1K\n", [":1:", "build_memory"]),
    ("domain: 1.2.3.4\n", [":1:", "domain"]),
    ("admin_host: \"a b\"\n", [":1:", "admin_host"]),
    ("port_min: 20000\nport_max: 20010\n", [":2:", "port_max"]),
    ("state_dir: var/lib\n", [":1:", "state_dir", "absolute"]),
    ("build_env: {A: 5}\n", [":1:", "build_env.A"]),
    ("build_env: {\"1A\": x}\n", [":1:", "1A"]),
    ("https_port: 80\n", ["http_port", "https_port"]),
    ("- a\n", ["keys and values"]),
    ("a: [\n", ["agent.yaml:"]),
    ("domain: a.com\ndomain: b.com\n", ["domain"]),
])
def test_what_is_wrong_in_the_file_is_named(file, text, words):
    done = run("-n", "--config", file(text))
    assert done.returncode == 2, done
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize("arguments,words", [
    (["--config", "/nonexistent/agent.yaml", "-n"], "/nonexistent/agent.yaml"),
    (["--standalone", "/tmp/x", "--https-port", "0"], "https-port"),
    (["--standalone", "/tmp/x", "--https-port", "70000"], "https-port"),
    (["--standalone", "/tmp/x", "--http-port", "8443"], "must differ"),
    (["--standalone", "/tmp/x", "--admin-host", "a b"], "a b"),
    (["--standalone", ""], "folder"),
    (["--standalone"], "--standalone"),
    (["--standlaone", "/tmp/x"], "did you mean --standalone"),
    (["x"], "x"),
])
def test_wrong_flags(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2, done
    assert words in done.stderr, done.stderr


def test_a_folder_whose_path_is_too_long():
    done = run("--standalone", "/tmp/" + "a" * 80)
    assert done.returncode == 1
    assert "at most" in done.stderr and "shorter" in done.stderr, done.stderr
    shutil.rmtree("/tmp/" + "a" * 80)


# -- two of them, and ports

def test_one_agent_a_folder(agent):
    done = run("--standalone", agent.dir, "--http-port", 1, "--https-port", 2)
    assert done.returncode == 1
    assert f"process {agent.process.pid}" in done.stderr and agent.dir in done.stderr, done.stderr
    assert agent.api("GET", "/v1/version").status == 200
    assert agent.proxy_is_up()


def test_a_port_that_is_taken_is_named_with_the_fix():
    folder = tempfile.mkdtemp(prefix="berth-", dir="/tmp")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--standalone", folder, "--http-port", rig.free_ports(1)[0],
                   "--https-port", port)
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr and "--https-port" in done.stderr, done.stderr
    assert not rig.processes_of(folder)
    shutil.rmtree(folder)


def test_ready_is_said_once_on_stdout():
    folder = tempfile.mkdtemp(prefix="berth-", dir="/tmp")
    http, https = rig.free_ports(2)
    with subprocess.Popen([AGENT, "--standalone", folder, "--http-port", str(http), "--https-port",
                           str(https)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as p:
        assert p.stdout.readline() == f"ready https://berth.localhost:{https} {folder}\n"
        # What is ready answers.
        with socket.create_connection(("127.0.0.1", https), 5):
            pass
        p.send_signal(signal.SIGINT)
        assert p.stdout.read() == ""
        assert p.wait(20) == 0
    assert not rig.processes_of(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_that_end_it(agent, how):
    for ignored in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
        agent.process.send_signal(ignored)
    assert agent.api("GET", "/v1/version").status == 200
    assert agent.stop(how) == 0


def test_without_standard_descriptors():
    folder = tempfile.mkdtemp(prefix="berth-", dir="/tmp")
    http, https = rig.free_ports(2)
    command = f"exec {AGENT} --standalone {folder} --http-port {http} --https-port {https}"
    with subprocess.Popen(["/bin/sh", "-c", command + " <&- >&- 2>&-"]) as p:
        def is_up():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", https), 5):
                return True
            return False
        rig.wait_for(is_up, "the proxy")
        with open(os.path.join(folder, "store.db"), "rb") as f:
            assert f.read(16) == b"SQLite format 3\0"
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 0
    assert not rig.processes_of(folder)
    shutil.rmtree(folder)


# -- its proxy

def test_the_end_takes_everything_along(agent):
    agent.berth("deploy", cwd=agent.repository("app", apps.server(1)))
    assert len(rig.processes_of(agent.dir)) > 2
    assert agent.stop(signal.SIGTERM) == 0
    assert not rig.processes_of(agent.dir)


def test_a_new_start_brings_the_sites_back(agent):
    agent.berth("deploy", cwd=agent.repository("app", apps.server(1)))
    agent.restart(signal.SIGTERM)
    rig.wait_for(lambda: agent.get("app").status == 200, "the app")
    assert agent.get("app").text == rig.body(1)


def test_a_killed_agent_leaves_its_sites_and_is_succeeded(agent):
    agent.berth("deploy", cwd=agent.repository("app", apps.server(1)))
    before = proxy_pid(agent)
    agent.stop(signal.SIGKILL)
    assert agent.get("app").text == rig.body(1)
    agent.start()
    assert proxy_pid(agent) == before, "the proxy was taken over"
    assert agent.get("app").text == rig.body(1)
    agent.folder("app", apps.server(2))
    agent.berth("deploy", cwd=os.path.join(agent.home, "app"))
    assert agent.get("app").text == rig.body(2)


def test_an_adopted_proxy_with_other_ports_is_replaced(agent):
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))
    before = proxy_pid(agent)
    agent.stop(signal.SIGKILL)
    agent.http_port, agent.https_port = rig.free_ports(2)
    agent.start()
    assert proxy_pid(agent) != before
    rig.wait_for(lambda: agent.get("app").text == "hello\n", "the site on its new port")


def test_a_proxy_that_dies_comes_back_with_the_sites(agent):
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))
    for _ in range(3):
        before = proxy_pid(agent)
        os.kill(before, signal.SIGKILL)
        rig.wait_for(lambda b=before: proxy_pid(agent) != b, "a new proxy")

        def serves():
            try:
                return agent.get("app").text == "hello\n"
            except OSError:
                return False
        rig.wait_for(serves, "the site")
    agent.folder("app", {"index.html": "hello again\n"})
    agent.berth("deploy", cwd=os.path.join(agent.home, "app"))
    assert agent.get("app").text == "hello again\n"


def test_a_pid_that_is_somebody_elses_is_left_alone(agent):
    agent.stop(signal.SIGTERM)
    with open(os.path.join(agent.dir, "proxy/proxy.pid"), "w", encoding="ascii") as f:
        f.write(f"{os.getpid()} 12345\n")
    agent.start()
    assert proxy_pid(agent) != os.getpid()


def test_a_start_that_fails_leaves_nothing_running(agent):
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))
    agent.stop()
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(agent.dir, name))
    done = run("--standalone", agent.dir, "--http-port", agent.http_port, "--https-port",
               agent.https_port)
    assert done.returncode == 1 and "the store was lost" in done.stderr, done.stderr
    assert rig.processes_of(agent.dir) == []


def test_a_proxy_without_descriptors_waits_for_some(agent):
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))
    pid = proxy_pid(agent)
    limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (60, limit[1]))

    def said():
        with open(os.path.join(agent.dir, "proxy/proxy.log"), encoding="utf-8") as f:
            return f.read().count("accept.exhausted")

    with contextlib.ExitStack() as stack:
        for _ in range(100):
            s = socket.create_connection(("127.0.0.1", agent.https_port), 20)
            stack.callback(s.close)
        rig.wait_for(said, "the proxy to be out of descriptors")
        with pytest.raises(OSError):
            agent.get("app", timeout=1)  # a time in which a loop without a pause shows
        count = said()
    rig.wait_for(lambda: answers(agent), "the site")
    assert count <= 8, f"said {count} times"


def answers(agent):
    try:
        return agent.get("app", timeout=2).text == "hello\n"
    except OSError:
        return False


def test_routes_that_cannot_be_stored(agent):
    """The deploy cannot end either way before they can: who waits is told what for."""
    path = agent.repository("app", {"index.html": "hello\n"})
    agent.berth("deploy", cwd=path)
    routes = os.path.join(agent.dir, "proxy/routes.json")
    os.rename(routes, routes + ".kept")
    os.mkdir(routes)
    agent.folder("app", {"index.html": "hello again\n"})
    with subprocess.Popen([rig.program("berth"), "deploy", "--json"], cwd=path, env=agent.env(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as deploy:
        seen = []
        for line in deploy.stdout:
            seen.append(line)
            if "until the routes can be stored" in line:
                os.rmdir(routes)
        assert deploy.wait() == 1, seen
    assert any("until the routes can be stored" in line for line in seen), seen
    assert agent.get("app").text == "hello\n"
    agent.berth("deploy", cwd=path)
    assert agent.get("app").text == "hello again\n"


def test_versions_go_on_and_a_broken_table_is_made_again(agent):
    path = os.path.join(agent.dir, "proxy/routes.json")

    def version():
        with open(path, encoding="utf-8") as f:
            return json.load(f)["version"]
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))
    before = version()
    agent.restart(signal.SIGTERM)
    assert version() > before
    agent.stop(signal.SIGTERM)
    with open(path, "w", encoding="utf-8") as f:
        f.write("{\"version\":")
    agent.start()
    rig.wait_for(lambda: agent.get("app").text == "hello\n", "the site")
    assert version() > before


def test_certificates_are_reused_and_their_keys_are_kept_close(agent):
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))

    def keys():
        found = {}
        for folder, _, names in os.walk(os.path.join(agent.dir, "certs")):
            for name in names:
                full = os.path.join(folder, name)
                if name == "key.pem":
                    assert os.stat(full).st_mode & 0o137 == 0, oct(os.stat(full).st_mode)
                with open(full, encoding="ascii") as f:
                    found[full] = f.read()
        return found
    before = keys()
    assert len(before) == 4  # the app's and the API's
    agent.restart(signal.SIGTERM)
    assert keys() == before


def test_unknown_names_get_no_certificate_and_no_app(agent):
    agent.berth("deploy", cwd=agent.repository("app", {"index.html": "hello\n"}))
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{agent.https_port}", "-servername",
         "stranger.example.com", "-CAfile", agent.ca], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20, check=False)
    assert "app.localhost" not in done.stdout and "BEGIN CERTIFICATE" not in done.stdout, done
