# SPDX-License-Identifier: Apache-2.0
"""Checks that other programs make. Versions are pinned: another one has other opinions."""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess

from tree import ROOT, c_files, read, shell_scripts

LLVM = "14"


class Skip(Exception):
    """The program is not here; the words say which."""


def llvm_tool(name):
    pinned = shutil.which(f"{name}-{LLVM}")
    if pinned:
        return pinned
    plain = shutil.which(name)
    if plain:
        version = subprocess.run([plain, "--version"], capture_output=True, text=True, check=False)
        if re.search(rf"version {LLVM}\.", version.stdout):
            return plain
    raise Skip(f"{name} {LLVM} is not installed")


def run(argv):
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).strip().splitlines()


def check_format():
    tool = llvm_tool("clang-format")
    lines = run([tool, "--dry-run", "-Werror", *c_files()])
    return [line for line in lines if ": error:" in line] or lines[:5]


def check_shell():
    tool = shutil.which("shellcheck")
    if not tool:
        raise Skip("shellcheck is not installed")
    scripts = shell_scripts()
    return run([tool, "--external-sources", "--format=gcc", *scripts]) if scripts else []


def tidy_one(tool, database, path):
    lines = run([tool, "-p", database, "--quiet", path])
    return [line for line in lines if re.search(r": (error|warning):", line)] or lines[:5]


def check_tidy():
    """Over the clang build's commands; a source whose text and headers are unchanged since it last
    passed is not looked at again."""
    tool = llvm_tool("clang-tidy")
    database = os.path.join(ROOT, "build/clang")
    if not os.path.exists(os.path.join(database, "compile_commands.json")):
        raise Skip("build/clang has no compile_commands.json; run: cmake --preset clang")
    with open(os.path.join(database, "compile_commands.json"), encoding="utf-8") as f:
        built = {os.path.relpath(c["file"], ROOT) for c in json.load(f)}
    cache = os.path.join(ROOT, "build/tidy-passed")
    os.makedirs(cache, exist_ok=True)
    base = hashlib.sha256(read(".clang-tidy").encode())
    for path in c_files():
        if path.endswith(".h"):
            base.update(read(path).encode())

    def examine(path):
        key = base.copy()
        key.update(path.encode() + b"\0" + read(path).encode())
        mark = os.path.join(cache, key.hexdigest())
        if os.path.exists(mark):
            return []
        problems = tidy_one(tool, database, path)
        if not problems:
            with open(mark, "w", encoding="utf-8"):
                pass
        return problems

    sources = [f for f in c_files() if f in built and not f.startswith("tests/")]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return [line for lines in pool.map(examine, sources) for line in lines]
