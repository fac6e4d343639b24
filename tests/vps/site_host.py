# SPDX-License-Identifier: Apache-2.0
"""A throwaway host on which Berth is installed, as its user sees it: the CLI on the host, and curl."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

APPS = pathlib.Path(__file__).resolve().parent.parent / "apps"
HOST_APPS = pathlib.Path(__file__).resolve().parent / "apps"
SITES = "/srv/sites"
BUILD_VARIABLES = ("PIP_", "npm_config_", "GO", "http_proxy", "https_proxy", "SSL_CERT", "NODE_EXTRA")


class SiteHost:
    def __init__(self, host):
        self.host = host

    def install(self, packages):
        self.host.up()
        for package in packages:
            self.host.copy_in(package, "/srv/packages")
        self.host.sh("mkdir -p /etc/berth")
        # A port range of its own: online, the machine's other ports are this host's as well.
        lines = ["port_min: 30000", "port_max: 30999", "guard: 2s", "drain: 2s"]
        env = {k: v for k, v in os.environ.items() if self.host.online and k.startswith(BUILD_VARIABLES)}
        if env:
            lines += ["build_env:"] + [f"  {k}: '{v}'" for k, v in env.items()]
        self.host.sh("cat >/etc/berth/agent.yaml", input="\n".join(lines) + "\n")
        self.host.sh("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
                     "-o Dpkg::Options::=--force-confold -o Acquire::Retries=0 /srv/packages/*.deb")
        self.wait_for_agent()

    def wait_for_agent(self):
        self.wait(lambda: self.host.run("berth", "apps", check=False).returncode == 0, "the agent")

    @staticmethod
    def wait(condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
            time.sleep(0.05)

    def put(self, name, source, **texts):
        """An app's folder on the host: a copy of a sample app, with some files changed."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / name
            subprocess.run(["cp", "-r", source, copy], check=True)
            for file, text in texts.items():
                (copy / file.replace("__", ".")).write_text(text)
            self.host.sh(f"rm -rf {SITES}/{name}")
            self.host.copy_in(copy, SITES)

    def berth(self, *args, app=None, check=True, timeout=120):
        where = f"{SITES}/{app}" if app else "/srv"
        return self.host.run("env", "-C", where, "berth", *args, check=check, timeout=timeout)

    def get(self, app, path="/", seconds=10):
        """(status, body without space around it) over HTTPS, with the certificate checked against the host's own CA."""
        name = f"{app}.localhost"
        result = self.host.run(
            "curl", "-sS", "--max-time", seconds, "--cacert", "/var/lib/berth/ca/ca.pem", "--resolve",
            f"{name}:443:127.0.0.1", "-w", "\n%{http_code}", f"https://{name}{path}", check=False)
        body, _, status = result.stdout.rpartition("\n")
        return (int(status or 0), body.strip()) if result.returncode == 0 else (0, result.stderr)

    def wait_for(self, app, body, path="/", seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            answer = self.get(app, path)
            if answer[0] == 200 and body in answer[1]:
                return
            assert time.monotonic() < deadline, f"{app}{path}: {answer}"
            time.sleep(0.05)

    def processes(self, app):
        return json.loads(self.berth("ps", "--json", app=app).stdout)["processes"]

    def ended(self, app):
        """No deploy of the app is under way."""
        state = self.berth("status", "--json", app=app).stdout
        return json.loads(state).get("deploying") is None

    def units(self, pattern):
        """Units that run or have failed."""
        out = self.host.run("systemctl", "list-units", "--plain", "--no-legend", pattern).stdout
        return [line.split()[0] for line in out.splitlines() if line.strip()]

    def kill(self, unit):
        self.host.run("kill", "-KILL", self.host.pid_of(unit))
