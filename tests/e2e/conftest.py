# SPDX-License-Identifier: Apache-2.0
"""Fixtures: an agent for each test, a time limit for each test, and nothing left behind."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rig  # noqa: E402

LIMIT_SECONDS = 300


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): ends the test after that time")
    config.addinivalue_line("markers", "agent_env(NAME=VALUE): environment of the agent")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_SECONDS

    def on_alarm(*_):
        raise TimeoutError(f"the test took more than {seconds} s")

    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture
def agent(request):
    marker = request.node.get_closest_marker("agent_env")
    a = rig.Agent(**(marker.kwargs if marker else {}))
    try:
        yield a.start()
    finally:
        log = a.log()
        problems = a.close()
        if problems or getattr(request.node, "failed", False):
            print("--- agent's log\n" + log[-6000:])
        assert not problems, "; ".join(problems)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True
