#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Throwaway Debian hosts with a real systemd, for tests of the packaged programs.

A host is a set of namespaces over a copy-on-write overlay of this machine's root: its own systemd,
journal, D-Bus, users, enforced control groups, and a network of its own that leads nowhere; or this
machine's network (online), which takes its ports 80 and 443. What is written in a host stays in it;
cut() pulls the plug, boot() starts it again on the same disk. Needs root.

By hand: tests/vps/host.py up NAME [--online] | exec NAME CMD... | cut NAME | boot NAME | down NAME
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
DISKS = pathlib.Path(os.environ.get("BERTH_HOSTS", "/var/tmp/berth-hosts"))
CGROUPS = pathlib.Path("/sys/fs/cgroup")
BOOT_DEADLINE = 60
# The machine's own services, which a bare Debian would not have.
MASKED = (
    "apache2 caddy docker e2scrub_reap h2o haproxy mariadb nginx podman-auto-update podman-restart "
    "postgresql redis-server".split(),
    "apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim man-db".split(),
)


def missing():
    """Why hosts cannot be made here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("unshare", "nsenter", "ip", "/lib/systemd/systemd", "dbus-daemon"):
        if not shutil.which(program):
            return f"needs {program}"
    return None


class Host:
    def __init__(self, name, online=False):
        self.name = name
        self.folder = DISKS / name
        self.cgroup = f"berth-{name}"
        self.online = online or (self.folder / "online").exists()

    # --- life ---

    def up(self):
        if self.folder.exists():
            self.down()
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        if self.online:
            (self.folder / "online").touch()
        units = self.folder / "upper/etc/systemd/system"
        units.mkdir(parents=True)
        for names, kind in zip(MASKED, ("service", "timer")):
            for name in names:
                (units / f"{name}.{kind}").symlink_to("/dev/null")
        self.boot()

    def boot(self):
        assert not self.init(), f"{self.name} is running"
        folders = self._cgroup_folders()
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        # The shell joins the host's control groups before the cgroup namespace is made.
        join = "".join(f'echo $$ >"{f}/cgroup.procs"; ' for f in folders)
        command = join + (
            "exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child "
            f"{'' if self.online else '--net '}"
            f'"{HERE}/boot.sh" "{self.folder}" "{self.name}"')
        with open(self.folder / "console.log", "wb") as console:
            outer = subprocess.Popen(["bash", "-c", command], stdin=subprocess.DEVNULL,
                                     stdout=console, stderr=console, start_new_session=True)
        self._wait_for_init(outer)
        self._wait_until_settled()

    def cut(self):
        """Every process ends at once, as when the power fails."""
        pid = self.init()
        if pid:
            os.kill(pid, signal.SIGKILL)  # the first of a pid namespace takes all others with it
            deadline = time.monotonic() + 20
            while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                if _state(pid) == "Z":
                    break
                time.sleep(0.02)
        (self.folder / "init.pid").unlink(missing_ok=True)

    def down(self):
        self.cut()
        for top in self._cgroup_folders():
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
        subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=False)

    # --- use ---

    def command(self, *command):
        """The arguments that run a command in the host, as root."""
        pid = self.init()
        assert pid, f"{self.name} is not running"
        return ["nsenter", "-t", str(pid), "-m", "-u", "-i", "-p", "-C", "-n", "--", *map(str, command)]

    def run(self, *command, check=True, timeout=120, **more):
        """Runs a command in the host as root; its CompletedProcess, with text output."""
        result = subprocess.run(
            self.command(*command), text=True, capture_output=True, timeout=timeout, check=False, **more)
        if check and result.returncode != 0:
            raise AssertionError(f"{command}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def sh(self, script, **more):
        return self.run("bash", "-c", script, **more)

    def copy_in(self, source, to):
        """A file or a folder of this machine into a folder of the host."""
        source = pathlib.Path(source)
        pid = self.init()
        pack = subprocess.Popen(["tar", "-C", source.parent, "-cf", "-", source.name],
                                stdout=subprocess.PIPE)
        subprocess.run(["nsenter", "-t", str(pid), "-m", "--", "bash", "-c",
                        f'mkdir -p "{to}" && tar -C "{to}" -xf -'], stdin=pack.stdout, check=True)
        pack.wait()

    def init(self):
        try:
            pid = int((self.folder / "init.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if _state(pid) not in ("", "Z") else None

    def pid_of(self, unit):
        return int(self.run("systemctl", "show", "-P", "MainPID", unit).stdout)

    def journal(self, lines=60):
        return self.run("journalctl", "--no-pager", "-n", lines, "-o", "short-monotonic",
                        check=False).stdout

    # --- inside ---

    def _cgroup_folders(self):
        if (CGROUPS / "cgroup.controllers").exists():
            return [CGROUPS / self.cgroup]
        names = ("memory", "cpu", "cpuacct", "pids", "freezer", "systemd", "unified")
        return [CGROUPS / n / self.cgroup for n in names if (CGROUPS / n).is_dir()]

    def _wait_for_init(self, outer):
        children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and outer.poll() is None:
            pids = children.read_text().split()
            if pids:
                (self.folder / "init.pid").write_text(pids[0])
                return
            time.sleep(0.02)
        raise AssertionError("no host: " + (self.folder / "console.log").read_text())

    def _wait_until_settled(self):
        deadline = time.monotonic() + BOOT_DEADLINE
        state = ""
        while time.monotonic() < deadline:
            assert self.init(), "the host died: " + (self.folder / "console.log").read_text()
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            if state in ("running", "degraded"):
                return
            time.sleep(0.1)
        raise AssertionError(f"the host did not settle: {state}")


def _state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return ""


def main(argv):
    if len(argv) < 2 or argv[0] not in ("up", "exec", "cut", "boot", "down"):
        print(__doc__, file=sys.stderr)
        return 2
    reason = missing()
    if reason:
        print(f"host.py: {reason}", file=sys.stderr)
        return 1
    host = Host(argv[1], online="--online" in argv[2:])
    if argv[0] == "exec":
        result = host.run(*argv[2:], check=False)
        sys.stdout.write(result.stdout)
        sys.stderr.write(result.stderr)
        return result.returncode
    getattr(host, argv[0])()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
