# SPDX-License-Identifier: Apache-2.0
"""Deploys under constant load: no request fails, and each response is whole and of one version."""

import os

import apps
import pytest
import rig

DEPLOYS = 200 if os.environ.get("BERTH_SOAK") else 50


def check_report(report, versions):
    assert report["requests"] > 1000, report
    assert report["failed"] == 0, report
    assert report["backwards"] == 0, report
    assert set(report["versions"]) == {f"v{v}" for v in versions}, report


@pytest.mark.limit(900)
def test_static_site(agent):
    path = agent.repository("site", apps.site(1))
    agent.berth("deploy", cwd=path)
    with agent.load("site", "--connections", 32, "--new", 4) as load:
        for version in range(2, DEPLOYS + 2):
            agent.folder("site", apps.site(version))
            agent.commit(path)
            agent.berth("deploy", cwd=path)
            # From the moment the command says so.
            assert agent.get("site").text == rig.body(version)
        report = load.stop()
    print(report)
    check_report(report, range(1, DEPLOYS + 2))


@pytest.mark.limit(900)
def test_app_with_a_process(agent):
    deploys = DEPLOYS // 5
    path = agent.repository("shop", apps.server(1))
    agent.berth("deploy", cwd=path)
    with agent.load("shop", "--connections", 32, "--new", 4) as load:
        for version in range(2, deploys + 2):
            agent.folder("shop", apps.server(version))
            agent.commit(path)
            agent.berth("deploy", cwd=path)
            assert agent.get("shop").text == rig.body(version)
        report = load.stop()
    print(report)
    check_report(report, range(1, deploys + 2))


@pytest.mark.limit(300)
def test_rollbacks(agent):
    path = agent.repository("site", apps.site(1))
    agent.berth("deploy", cwd=path)
    agent.folder("site", apps.site(2))
    agent.commit(path)
    agent.berth("deploy", cwd=path)
    with agent.load("site", "--connections", 8, "--new", 1) as load:
        for turn in range(20):
            agent.berth("rollback", str(1 + turn % 2), cwd=path)
            assert agent.get("site").text == rig.body(1 + turn % 2)
        report = load.stop()
    assert report["failed"] == 0, report
    assert set(report["versions"]) == {"v1", "v2"}


@pytest.mark.limit(300)
def test_other_sites_deploy_meanwhile(agent):
    agent.berth("deploy", cwd=agent.repository("quiet", apps.site(1)))
    path = agent.repository("busy", apps.site(1))
    with agent.load("quiet", "--connections", 16, "--new", 2) as load:
        for version in range(2, 12):
            agent.folder("busy", apps.site(version))
            agent.commit(path)
            agent.berth("deploy", cwd=path)
        report = load.stop()
    check_report(report, [1])
