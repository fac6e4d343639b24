# SPDX-License-Identifier: Apache-2.0
"""Length of files and functions, and how many parameters a function has."""

import json
import os
import shutil
import subprocess

from tree import ROOT, c_files, read

SOURCE_MAX, HEADER_MAX = 800, 150
FUNCTION_MAX, FUNCTION_WANTED = 80, 40
PARAMETERS_MAX, PARAMETERS_WANTED = 6, 5


def check_files():
    problems = []
    for path in c_files():
        lines = read(path).count("\n")
        limit = HEADER_MAX if path.endswith(".h") else SOURCE_MAX
        if lines > limit:
            problems.append(f"{path}: {lines} lines, {limit} is the most")
    return problems


def functions():
    """(path, line, name, lines, parameters) of every function, as universal-ctags sees them."""
    ctags = shutil.which("ctags-universal") or shutil.which("ctags")
    if not ctags:
        return None
    out = subprocess.run(
        [ctags, "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+neS",
         "--output-format=json", "-o", "-", "-L", "-"],
        input="\n".join(c_files()), cwd=ROOT, capture_output=True, text=True, check=True)
    found = []
    for line in out.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("_type") == "tag" and "end" in tag:
            found.append((tag["path"], tag["line"], tag["name"], tag["end"] - tag["line"] + 1,
                          count_parameters(tag.get("signature", ""))))
    return found


def count_parameters(signature):
    inner = signature.strip()[1:-1].strip()
    if inner in ("", "void"):
        return 0
    depth, count = 0, 1
    for c in inner:
        depth += c in "([{"
        depth -= c in ")]}"
        count += c == "," and depth == 0
    return count


def check_functions():
    found = functions()
    if found is None:
        return None
    problems, long, wide = [], 0, 0
    for path, line, name, lines, parameters in found:
        if lines > FUNCTION_MAX:
            problems.append(f"{path}:{line}: {name} has {lines} lines, {FUNCTION_MAX} is the most")
        if parameters > PARAMETERS_MAX:
            problems.append(
                f"{path}:{line}: {name} has {parameters} parameters, {PARAMETERS_MAX} is the most")
        if not path.startswith("tests/"):
            long += lines > FUNCTION_WANTED
            wide += parameters > PARAMETERS_WANTED
    if os.environ.get("BERTH_LINT_NOTES"):
        for path, line, name, lines, parameters in sorted(found, key=lambda f: -f[3]):
            if lines > FUNCTION_WANTED or parameters > PARAMETERS_WANTED:
                print(f"     {path}:{line}: {name}: {lines} lines, {parameters} parameters")
    print(f"     {len(found)} functions, {long} over {FUNCTION_WANTED} lines, "
          f"{wide} with more than {PARAMETERS_WANTED} parameters")
    return problems
