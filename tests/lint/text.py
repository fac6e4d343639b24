# SPDX-License-Identifier: Apache-2.0
"""What every text must have, and what none may say."""

import re

from tree import c_files, files, is_sample, read, shell_scripts

LICENCE = "SPDX-License-Identifier: Apache-2.0"
# Paths of one machine, and intentions without an issue to hold them. Split, so that this file passes.
BANNED = [
    (re.compile(r"(?<![\w.$}])/(?:wo" r"rk|ro" r"ot)/\w"), "a path of somebody's machine"),
    (re.compile(r"(?<![\w.$}])/ho" r"me/(?!berth\b|user\b|me\b)\w"), "a path of somebody's machine"),
    (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\(#\d+\))(?!X)"), "an intention without its issue"),
]
TEXT = (".c", ".h", ".py", ".sh", ".md", ".cmake", ".txt", ".yaml", ".yml", ".json", ".service", ".1", ".5", ".8")


def check_licence():
    problems = []
    scripts = [f for f in files() if f.endswith(".py") and not is_sample(f)] + shell_scripts()
    for path in c_files() + scripts:
        if LICENCE not in "\n".join(read(path).splitlines()[:3]):
            problems.append(f"{path}: the first lines do not say '{LICENCE}'")
    return problems


def check_words():
    problems = []
    for path in files():
        # Throwaway hosts have a home of root like any other.
        if not path.endswith(TEXT) or path.startswith(("tests/fuzz/corpus/", "tests/vps/", "build/")):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            for pattern, what in BANNED:
                m = pattern.search(line)
                if m:
                    problems.append(f"{path}:{number}: '{m.group(0)}' is {what}")
    return problems
