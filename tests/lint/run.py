#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the checks of the tree: run.py [NAME...]. Exit status 1 when one fails.

With BERTH_RESULTS=FILE each check appends a line "pass|fail|skip<TAB>name<TAB>reason" to it.
"""

import os
import sys

import includes
import lengths
import text
import tools

CHECKS = {
    "format": tools.check_format,
    "includes": includes.check,
    "file-length": lengths.check_files,
    "function-length": lengths.check_functions,
    "licence": text.check_licence,
    "words": text.check_words,
    "shellcheck": tools.check_shell,
    "clang-tidy": tools.check_tidy,
}


def record(outcome, name, reason=""):
    print(f"{outcome:4} lint.{name}{': ' + reason if reason else ''}", flush=True)
    path = os.environ.get("BERTH_RESULTS")
    if path:
        with open(path, "a", encoding="utf-8") as f:
            f.write(f"{outcome}\tlint.{name}\t{reason}\n")


def main(names):
    unknown = [n for n in names if n not in CHECKS]
    if unknown:
        print(f"no check is called {unknown[0]}; there are: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = False
    for name in names or CHECKS:
        try:
            problems = CHECKS[name]()
        except tools.Skip as e:
            record("skip", name, str(e))
            continue
        if problems is None:
            record("skip", name, "universal-ctags is not installed")
            continue
        for line in problems:
            print(f"     {line}")
        record("fail" if problems else "pass", name)
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
