"""How Dagster's instance is judged, and that a real one can be asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from coworker_pipelines.defs.instance_state import instance_state
from coworker_pipelines.doctor.check import Outcome
from coworker_pipelines.doctor.dagster import (
    HEARTBEAT_S_MAX,
    REDACTION,
    REQUIRED_DAEMONS,
    DagsterState,
    dagster_checks,
)
from tests.defs.servers import write_home
from tests.doctor.asking import FAILED, OK, answer

GOOD = DagsterState(
    storage="PostgresRunStorage",
    heartbeats=dict.fromkeys(REQUIRED_DAEMONS, 12.0),
    coordinator="TenantRunCoordinator",
    launcher="DefaultRunLauncher",
    runs_max=4,
    limits={"coworker/connection": 1, "coworker/tenant": 2},
)
DAEMON, QUEUE = "daemon is alive", "queue has its limits"
LAUNCHER, REDACTED = (
    "runs are launched as they should",
    "foreign errors are kept out of its events",
)
NAMES = ("instance connects", DAEMON, QUEUE, LAUNCHER, REDACTED)
SET: Mapping[str, Mapping[str, str]] = {"daemon": {REDACTION: "1"}, "webserver": {REDACTION: "1"}}


def _asked(
    state: DagsterState, name: str, environments: Mapping[str, Mapping[str, str]] = SET
) -> Outcome:
    checks = dagster_checks(lambda: state, lambda: environments, launcher="DefaultRunLauncher")
    return answer(checks, name)


@pytest.mark.parametrize("name", NAMES)
def test_an_instance_as_it_should_be_is_well(name: str) -> None:
    assert _asked(GOOD, name).verdict is OK


@pytest.mark.parametrize(
    ("name", "change", "seen"),
    (
        ("instance connects", {"storage": "SqliteRunStorage"}, "SqliteRunStorage"),
        (DAEMON, {"heartbeats": {}}, "never: SENSOR"),
        (
            DAEMON,
            {"heartbeats": {**GOOD.heartbeats, "SENSOR": HEARTBEAT_S_MAX + 1}},
            "last: SENSOR 121 s ago",
        ),
        (QUEUE, {"coordinator": "DefaultRunCoordinator"}, "DefaultRunCoordinator"),
        (QUEUE, {"limits": {"coworker/tenant": 2}}, "coworker/tenant: 2"),
        (QUEUE, {"limits": {}}, "no limit of a tag"),
        (QUEUE, {"limits": {**GOOD.limits, "coworker/connection": 2}}, "connection: 2"),
        (QUEUE, {"runs_max": 0}, "0 runs"),
        (LAUNCHER, {"launcher": "K8sRunLauncher"}, "K8sRunLauncher"),
    ),
)
def test_a_fault_is_found(name: str, change: dict[str, Any], seen: str) -> None:
    found = _asked(replace(GOOD, **change), name)
    assert found.verdict is FAILED
    assert seen in found.seen


@pytest.mark.parametrize("values", ({}, {REDACTION: "0"}))
def test_a_process_that_does_not_redact_is_found(values: dict[str, str]) -> None:
    found = _asked(GOOD, REDACTED, {**SET, "webserver": values})
    assert (found.verdict, found.seen) == (FAILED, "not in webserver")
    assert _asked(GOOD, REDACTED, {}).verdict is FAILED


def test_a_real_instance_says_how_it_is_set_up(tmp_path: Path) -> None:
    write_home(tmp_path)
    now = datetime.now(UTC)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        state = instance_state(instance, now)
    assert state == replace(GOOD, storage="SqliteRunStorage", heartbeats={})
