#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The results of all parts of a test run, in one file of "pass|fail|skip<TAB>name<TAB>reason" lines.

    results.py add FILE OUTCOME NAME [REASON]
    results.py junit FILE XML [PREFIX]   adds the cases of a JUnit report (ctest, pytest)
    results.py summary FILE              names what failed and was skipped, then the one line
"""

import sys
import xml.etree.ElementTree as ElementTree


def add(path, outcome, name, reason=""):
    with open(path, "a", encoding="utf-8") as f:
        f.write(f"{outcome}\t{name}\t{' '.join(reason.split())}\n")


def outcome_of(case):
    for tag, outcome in (("failure", "fail"), ("error", "fail"), ("skipped", "skip")):
        element = case.find(tag)
        if element is not None:
            return outcome, element.get("message") or (element.text or "")[:200]
    if case.get("status") in ("fail", "notrun", "disabled"):
        return "fail", case.get("status")
    return "pass", ""


def junit(path, xml, prefix=""):
    try:
        root = ElementTree.parse(xml).getroot()
    except (OSError, ElementTree.ParseError) as e:
        add(path, "fail", prefix + "report", f"no report: {e}")
        return
    for case in root.iter("testcase"):
        module = (case.get("classname") or "").rsplit(".", 1)[-1]
        name = case.get("name") or "?"
        outcome, reason = outcome_of(case)
        add(path, outcome, prefix + (f"{module}.{name}" if prefix and module else name), reason)


def summary(path):
    try:
        with open(path, encoding="utf-8") as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
    except OSError:
        rows = []
    count = {"pass": 0, "fail": 0, "skip": 0}
    for outcome, name, reason in rows:
        count[outcome] += 1
        if outcome != "pass":
            print(f"{'FAILED' if outcome == 'fail' else 'skipped'}: {name}"
                  f"{': ' + reason if reason else ''}")
    print(f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped")
    return 1 if count["fail"] or not rows else 0


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:] or ["help"]
    verbs = {"add": add, "junit": junit, "summary": summary}
    if verb not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[verb](*arguments))
