# SPDX-License-Identifier: Apache-2.0
"""The packages on a host with a real systemd: deploys, faults, and what an app must not reach."""
import json
import subprocess
import threading

import pytest

from site_host import APPS, HOST_APPS

SECRET = "correct-horse-battery-staple"


def deploy(h, app, *args):
    return h.berth("deploy", *args, app=app)


def test_the_package_serves(berth_host):
    checks = berth_host.berth("doctor", "--json", check=False).stdout
    assert "systemd" in berth_host.berth("doctor").stdout, checks
    users = berth_host.host.sh(
        "for u in berth-agent berth-proxy berth-hostd; do "
        "ps -o user:20= -p $(systemctl show -P MainPID $u); done").stdout.split()
    assert users == ["berth", "berth-proxy", "root"]
    for unit in ("berth-agent", "berth-proxy"):
        status = berth_host.host.sh(f"cat /proc/$(systemctl show -P MainPID {unit})/status").stdout
        caps = [line.split()[1] for line in status.splitlines() if line.startswith("Cap")]
        assert set(caps) == {"0" * 16}, unit


def test_a_static_site(berth_host):
    berth_host.put("pages", APPS / "static")
    deploy(berth_host, "pages")
    status, _ = berth_host.get("pages")
    assert status == 200
    assert berth_host.units("berth-app-pages.*") == []


def test_an_executable(berth_host, tmp_path):
    folder = tmp_path / "compiled"
    folder.mkdir()
    subprocess.run(["cc", "-O1", "-static", "-DVERSION=\"one\"", "-o", folder / "server",
                    APPS / "compiled/server.c"], check=True)
    berth_host.put("compiled", folder)
    deploy(berth_host, "compiled")
    assert berth_host.get("compiled", "/version") == (200, "one")


def test_a_python_app_and_its_releases(berth_host):
    berth_host.put("plain", APPS / "plain", version__txt="one\n")
    deploy(berth_host, "plain")
    assert berth_host.get("plain") == (200, "one")
    berth_host.put("plain", APPS / "plain", version__txt="two\n")
    deploy(berth_host, "plain")
    assert berth_host.get("plain") == (200, "two")
    berth_host.berth("rollback", app="plain")
    assert berth_host.get("plain") == (200, "one")
    berth_host.wait(lambda: len(berth_host.units("berth-app-plain.*.service")) == 1, "one instance")
    (process,) = berth_host.processes("plain")
    assert process["state"] == "running"
    assert "listens on port" in berth_host.berth("logs", app="plain").stdout


def test_a_go_app(berth_host):
    if berth_host.host.run("bash", "-lc", "command -v go", check=False).returncode != 0:
        pytest.skip("go is not installed")
    berth_host.put("gopher", APPS / "go", version__txt="one\n")
    deploy(berth_host, "gopher")
    assert berth_host.get("gopher", "/version")[1].strip() == "one"


@pytest.fixture(scope="module")
def victim(berth_host):
    berth_host.put("victim", HOST_APPS / "victim")
    deploy(berth_host, "victim")
    berth_host.berth("env", "set", f"SECRET={SECRET}", app="victim")
    berth_host.wait_for("victim", "victim")
    return berth_host


def test_a_volume_outlives_releases(victim):
    before = int(victim.get("victim", "/count")[1])
    deploy(victim, "victim")
    assert int(victim.get("victim", "/count")[1]) == before + 1


def test_a_hostile_app_finds_nothing(victim):
    h = victim
    h.wait(lambda: len(h.units("berth-app-victim.*.service")) == 1, "one instance")
    unit = h.units("berth-app-victim.*.service")[0]
    sockets = h.host.sh("ls -d /run/berth/apps/victim.*/app.sock").stdout.split()
    assert sockets and h.get("victim")[0] == 200
    # What it looks for is really there.
    assert SECRET in h.host.sh("cat /var/lib/berth/apps/victim/releases/*/env").stdout
    assert SECRET in h.host.sh("cat /var/lib/private/berth/apps/victim/volumes/media/note").stdout
    h.put("hostile", HOST_APPS / "hostile")
    deploy(h, "hostile")
    query = f"/probe?secret={SECRET}&pid={h.host.pid_of(unit)}&socket={sockets[0]}"
    status, body = h.get("hostile", query, seconds=60)
    assert status == 200
    assert json.loads(body) == []


def test_no_secret_is_public(victim):
    shown = victim.host.sh(
        "cat /etc/systemd/system/berth-app-victim* ; systemctl show 'berth-app-victim.*'; "
        "ps axww -o args; journalctl -o cat --no-pager").stdout
    assert SECRET not in shown
    readable = victim.host.sh(
        f"setpriv --reuid 65534 --regid 65534 --clear-groups grep -rlF {SECRET} /var/lib/berth "
        "/var/lib/berth-hostd /run/berth /run/berth-hostd /var/lib/private /etc/systemd 2>/dev/null",
        check=False)
    assert readable.stdout == ""


def test_hostd_talks_to_the_agent_only(berth_host):
    script = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
              "s.connect('/run/berth/hostd.sock'); s.send(b'x' * 900); print(s.recv(10))")
    nobody = berth_host.host.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                                 "python3", "-c", script, check=False)
    assert nobody.returncode != 0 and "Permission" in nobody.stderr
    # root may connect, but not with nonsense: the connection ends, hostd does not.
    pid = berth_host.host.pid_of("berth-hostd")
    assert berth_host.host.run("python3", "-c", script).stdout.strip() == "b''"
    assert berth_host.host.pid_of("berth-hostd") == pid


def test_a_build_that_eats_memory(berth_host):
    berth_host.put("eater", APPS / "eats-memory")
    result = berth_host.berth("deploy", app="eater", check=False)
    assert result.returncode == 8, result.stderr
    assert "ran out of memory (limit 128 MB)" in result.stderr
    assert berth_host.units("berth-task-*") == []


def test_an_app_that_exits_says_why(berth_host):
    berth_host.put("exits", APPS / "exits")
    result = berth_host.berth("deploy", app="exits", check=False)
    assert result.returncode == 1, result.stderr
    assert "exited with status 3" in result.stderr
    assert "cannot open the database: no such file" in result.stderr + result.stdout
    berth_host.wait(lambda: not berth_host.units("berth-app-exits.*.service"), "its end")


def test_a_release_command_that_fails(berth_host):
    berth_host.put("badrelease", APPS / "bad-release")
    result = berth_host.berth("deploy", app="badrelease", check=False)
    assert result.returncode == 9, result.stderr


def test_logs_are_followed(berth_host):
    berth_host.put("talker", APPS / "plain", version__txt="one\n")
    deploy(berth_host, "talker")
    berth_host.host.run("systemd-run", "--unit=follow", "-E", "HOME=/srv", "bash", "-c",
                        "berth logs -a talker --follow >/srv/follow.log")
    berth_host.wait(lambda: "version one" in berth_host.host.sh("cat /srv/follow.log", check=False).stdout,
                    "what was logged")
    berth_host.put("talker", APPS / "plain", version__txt="two\n")
    deploy(berth_host, "talker")
    berth_host.wait(lambda: "version two" in berth_host.host.sh("cat /srv/follow.log").stdout,
                    "what is logged")
    berth_host.host.run("systemctl", "stop", "follow")
    berth_host.wait(lambda: berth_host.host.run("pgrep", "berth-logs", check=False).returncode == 1,
                    "the end of the reader")


def test_an_app_that_eats_memory_is_restarted(berth_host):
    app = APPS / "plain/app"
    hungry = app.read_text().replace(
        'elif url.path == "/exit":', 'elif url.path == "/eat":\n            self.answer(str(len(b"x" * (256 << 20))))\n'
        '        elif url.path == "/exit":')
    berth_host.put("hungry", APPS / "plain", version__txt="fed\n", app=hungry,
                   berth__yaml="processes: {web: {command: ./app, memory: 64M}}\n")
    berth_host.host.run("chmod", "755", "/srv/sites/hungry/app")
    deploy(berth_host, "hungry")
    berth_host.wait(lambda: berth_host.ended("hungry"), "the end of the deploy")
    assert berth_host.get("hungry", "/eat")[0] in (0, 502, 503, 504)
    berth_host.wait_for("hungry", "fed")
    (process,) = berth_host.processes("hungry")
    assert process["restarts"] >= 1, process
    assert "ran out of memory" in berth_host.host.sh("cat /run/berth-hostd/ended/hungry.*").stdout


def test_a_crash_is_restarted_with_pauses(berth_host):
    berth_host.put("plain", APPS / "plain", version__txt="crash\n")
    deploy(berth_host, "plain")
    # Within the guard the deploy would be taken back instead.
    berth_host.wait(lambda: len(berth_host.units("berth-app-plain.*.service")) == 1, "one instance")
    berth_host.get("plain", "/exit?status=3")
    berth_host.wait_for("plain", "crash", seconds=10)


def test_killed_programs_come_back(berth_host):
    h = berth_host
    h.put("plain", APPS / "plain", version__txt="kill\n")
    deploy(h, "plain")
    for unit in ("berth-agent", "berth-hostd", "berth-proxy"):
        before = h.host.pid_of(unit)
        h.kill(unit)
        assert h.get("plain") == (200, "kill"), unit
        h.wait(lambda u=unit, b=before: h.host.pid_of(u) not in (0, b), unit)
    h.wait_for_agent()
    h.put("plain", APPS / "plain", version__txt="after\n")
    deploy(h, "plain")
    assert h.get("plain") == (200, "after")
    h.wait(lambda: len(h.units("berth-app-plain.*.service")) == 1, "one instance")


def test_hostd_killed_during_a_build(berth_host):
    h = berth_host
    h.put("slow", APPS / "plain", version__txt="slow\n",
          berth__yaml="build: {stack: executable, command: \"sleep 3; echo built\"}\n")
    h.host.run("systemd-run", "--unit=slow-deploy", "-E", "HOME=/srv", "bash", "-c",
               "cd /srv/sites/slow; berth deploy >/srv/slow.log 2>&1; echo $? >/srv/slow.status")
    h.wait(lambda: h.units("berth-task-slow.*"), "the build")
    h.kill("berth-hostd")
    h.wait(lambda: h.host.run("test", "-s", "/srv/slow.status", check=False).returncode == 0, "an end")
    assert h.host.sh("cat /srv/slow.status").stdout.strip() == "0", h.host.sh("cat /srv/slow.log").stdout
    assert h.get("slow") == (200, "slow")


def test_the_agent_killed_during_a_build(berth_host):
    h = berth_host
    h.put("slow", APPS / "plain", version__txt="never\n",
          berth__yaml="build: {stack: executable, command: \"sleep 60\"}\n")
    h.host.run("systemd-run", "--unit=lost-deploy", "-E", "HOME=/srv", "bash", "-c",
               "cd /srv/sites/slow; berth deploy")
    h.wait(lambda: h.units("berth-task-slow.*"), "the build")
    h.kill("berth-agent")
    assert h.get("slow") == (200, "slow")
    h.wait_for_agent()
    h.wait(lambda: not h.units("berth-task-*"), "the end of the former agent's build")
    h.wait(lambda: len(h.host.sh("ls /var/lib/berth/apps/slow/releases").stdout.split()) == 1,
           "the end of its files")
    assert h.get("slow") == (200, "slow")


def test_a_power_cut(berth_host):
    h = berth_host
    h.put("plain", APPS / "plain", version__txt="cut\n")
    deploy(h, "plain")
    h.berth("deploy", app="pages", check=False)
    # In the middle of a build as well.
    h.put("slow", APPS / "plain", version__txt="slower\n",
          berth__yaml="build: {stack: executable, command: \"sleep 30\"}\n")
    h.host.run("systemd-run", "--unit=cut-deploy", "-E", "HOME=/srv", "bash", "-c", "cd /srv/sites/slow; berth deploy")
    h.wait(lambda: h.units("berth-task-slow.*"), "the build")
    h.host.run("systemctl", "disable", "berth-agent.service", "berth-hostd.socket")
    h.host.sh("sync")
    h.host.cut()
    h.host.boot()
    assert h.host.run("systemctl", "is-active", "berth-agent", check=False).stdout.strip() != "active"
    h.wait_for("plain", "cut")
    h.wait_for("victim", "victim")
    assert h.get("pages")[0] == 200
    h.host.run("systemctl", "enable", "--now", "berth-hostd.socket", "berth-agent.service")
    h.wait_for_agent()
    assert h.get("slow") == (200, "slow")
    h.put("plain", APPS / "plain", version__txt="next\n")
    deploy(h, "plain")
    assert h.get("plain") == (200, "next")
    h.put("slow", APPS / "plain", version__txt="again\n")
    deploy(h, "slow")
    assert h.get("slow") == (200, "again")


def test_an_upgrade_of_the_packages(berth_host):
    h = berth_host
    h.put("plain", APPS / "plain", version__txt="next\n")
    deploy(h, "plain")
    h.wait(lambda: len(h.units("berth-app-plain.*.service")) == 1, "one instance")
    before = h.host.pid_of(h.units("berth-app-plain.*.service")[0])
    done, answers = threading.Event(), []

    def ask():
        while not done.is_set():
            answers.append(h.get("plain"))

    visitor = threading.Thread(target=ask)
    visitor.start()
    h.host.sh("DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall /srv/packages/*.deb")
    h.wait_for_agent()
    done.set()
    visitor.join()
    assert set(answers) == {(200, "next")}
    assert h.host.pid_of(h.units("berth-app-plain.*.service")[0]) == before


def test_nothing_is_left_of_a_removed_app(berth_host):
    h = berth_host
    h.berth("apps", "delete", "plain", "--yes", check=False)
    h.host.run("curl", "-sS", "--unix-socket", "/run/berth/agent.sock", "-X", "DELETE",
               "http://localhost/v1/apps/plain", check=False)
    h.wait(lambda: not h.units("berth-app-plain.*.service"), "the end of its instances")
    left = "ls -d /etc/systemd/system/berth-app-plain.* /run/berth/apps/plain.* /var/lib/berth-hostd/plain.* " \
           "/run/berth-hostd/roots/plain.* /etc/tmpfiles.d/berth-app-plain.* /var/cache/private/berth/plain 2>/dev/null"
    h.wait(lambda: h.host.sh(left, check=False).stdout == "", "the end of its files")
