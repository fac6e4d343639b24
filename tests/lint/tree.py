# SPDX-License-Identifier: Apache-2.0
"""The files that the checks look at: what git tracks, or would if it were added."""

import functools
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.lru_cache(maxsize=None)
def files():
    git = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False)
    if git.returncode == 0:
        names = git.stdout.decode().split("\0")
        return sorted(n for n in set(names) if n and os.path.isfile(os.path.join(ROOT, n)))
    # An unpacked archive has no git: everything but what a build makes.
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted(found)


@functools.lru_cache(maxsize=None)
def read(path):
    with open(os.path.join(ROOT, path), "rb") as f:
        return f.read().decode("utf-8", "replace")


def c_files():
    return [f for f in files() if f.endswith((".c", ".h")) and not is_sample(f)]


def is_sample(path):
    """Apps that tests and users deploy follow their own customs."""
    return path.startswith(("tests/apps/", "examples/"))


def shell_scripts():
    return [f for f in files() if not is_sample(f)
            and (f.endswith(".sh") or read(f)[:40].startswith(("#!/bin/sh", "#!/bin/bash",
                                                                "#!/usr/bin/env bash")))]
