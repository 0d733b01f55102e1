"""Sensors: the same due connections, the same requests; nothing twice, nothing lost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SensorResult,
    build_sensor_context,
)
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG, span_of
from coworker_pipelines.defs.sensors import (
    CHANGES_SENSOR,
    DUE_SENSOR,
    plan_partitions,
    plan_tick,
    run_keys,
)
from coworker_pipelines.kernel.window import Window
from tests.defs.origins import add_run
from tests.fakes.platform import GIT, NOW, SQL, FakePlatform, resource_for

JOBS = {"git": "sync_git", "sql": "sync_sql"}
KEY = f"acme.code@{NOW.isoformat()}"
MARCH = Window(2026, 3)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform({"acme.code": "git", "acme-corp.code": "git", "acme.shop": "sql"})


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        yield opened


def tick(platform: FakePlatform, instance: DagsterInstance, name: str) -> SensorResult:
    """A tick of a sensor that was loaded for it, as after a restart."""
    definitions = build_definitions([GIT, SQL], resource_for(platform))
    context = build_sensor_context(
        instance=instance,
        resources={"platform": resource_for(platform)},
        definitions=definitions,
    )
    result = definitions.resolve_sensor_def(name)(context)
    assert isinstance(result, SensorResult)
    return result


def requests(result: SensorResult) -> list[RunRequest]:
    return list(result.run_requests or [])


def make_run(
    instance: DagsterInstance,
    request: RunRequest,
    status: DagsterRunStatus = DagsterRunStatus.SUCCESS,
) -> None:
    assert request.run_key
    tags = {**request.tags, RUN_KEY_TAG: request.run_key, SENSOR_NAME_TAG: DUE_SENSOR}
    add_run(instance, job_name="sync_git", tags=tags, status=status)


def test_a_due_connection_is_asked_for_with_its_partition_and_tags(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.add_due("acme.code")
    (request,) = requests(tick(platform, instance, DUE_SENSOR))
    assert request.run_key == KEY
    assert request.job_name == "sync_git"
    assert request.partition_key == "acme.code|2026-03-01"
    assert request.tags == {TENANT_TAG: "acme", CONNECTION_TAG: "acme.code"}


def test_a_month_that_is_not_complete_is_read_in_the_same_run(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.add_due("acme.code", Window(2026, 2), MARCH)
    (request,) = requests(tick(platform, instance, DUE_SENSOR))
    span = span_of(request.tags)
    assert request.partition_key is None
    assert span is not None
    assert span.windows == (Window(2026, 2), MARCH)


def test_windows_with_a_gap_are_runs_of_their_own(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.add_due("acme.code", Window(2025, 11), Window(2025, 12), MARCH)
    made = requests(tick(platform, instance, DUE_SENSOR))
    assert [request.run_key for request in made] == [f"{KEY}#2025-11-01", KEY]


def test_two_sensors_and_a_restart_ask_under_the_same_keys(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.add_due("acme.code")
    platform.add_due("acme.shop")
    first = [request.run_key for request in requests(tick(platform, instance, DUE_SENSOR))]
    second = [request.run_key for request in requests(tick(platform, instance, DUE_SENSOR))]
    assert first == second
    assert not platform.started


def test_a_connection_moves_on_when_its_run_is_found(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    due = platform.add_due("acme.code")
    make_run(instance, requests(tick(platform, instance, DUE_SENSOR))[0])
    assert not requests(tick(platform, instance, DUE_SENSOR))
    assert platform.started == [due]
    assert tick(platform, instance, DUE_SENSOR).skip_reason is not None


def test_a_turn_of_two_runs_moves_on_when_both_are_found(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.add_due("acme.code", Window(2025, 12), MARCH)
    first, second = requests(tick(platform, instance, DUE_SENSOR))
    make_run(instance, first, DagsterRunStatus.QUEUED)
    assert requests(tick(platform, instance, DUE_SENSOR)) == [second]
    assert not platform.started
    make_run(instance, second)
    assert not requests(tick(platform, instance, DUE_SENSOR))
    assert len(platform.started) == 1


def test_a_run_that_waits_in_the_queue_is_enough(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    earlier = platform.add_due("acme.code", at=NOW - timedelta(hours=1))
    make_run(
        instance,
        requests(tick(platform, instance, DUE_SENSOR))[0],
        DagsterRunStatus.QUEUED,
    )
    platform.due_now.remove(earlier)
    platform.add_due("acme.code")
    assert not requests(tick(platform, instance, DUE_SENSOR))
    assert len(platform.started) == 1


def test_a_connection_that_no_tick_has_seen_gets_its_partition_first(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    instance.add_dynamic_partitions("git_connections", ["acme.code"])
    platform.add_due("acme.code")
    platform.add_due("acme-corp.code")
    platform.add_due("acme.shop")
    made = tick(platform, instance, DUE_SENSOR).dynamic_partitions_requests or []
    assert {request.partitions_def_name: request.partition_keys for request in made} == {
        "git_connections": ["acme-corp.code"],
        "sql_connections": ["acme.shop"],
    }


def test_a_kind_that_is_not_here_is_left_to_whom_it_belongs(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.add_due("acme.mail", kind="mail")
    assert not requests(tick(platform, instance, DUE_SENSOR))
    assert not platform.started


def test_a_tick_without_work_says_so(platform: FakePlatform, instance: DagsterInstance) -> None:
    assert tick(platform, instance, DUE_SENSOR).skip_reason is not None


def test_partitions_follow_the_connections(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    instance.add_dynamic_partitions("git_connections", ["acme.code", "acme.gone"])
    made = tick(platform, instance, CHANGES_SENSOR).dynamic_partitions_requests or []
    assert [(type(one).__name__, one.partition_keys) for one in made] == [
        ("AddDynamicPartitionsRequest", ["acme-corp.code"]),
        ("DeleteDynamicPartitionsRequest", ["acme.gone"]),
        ("AddDynamicPartitionsRequest", ["acme.shop"]),
    ]


handles = st.sets(st.from_regex(r"[a-z]{1,3}\.[a-z]{1,3}", fullmatch=True), max_size=8)


@given(handles, handles)
def test_a_planned_change_makes_the_partitions_equal(there: set[str], known: set[str]) -> None:
    result = set(known)
    for request in plan_partitions(GIT, there, known):
        keys = set(request.partition_keys)
        result = result | keys if "Add" in type(request).__name__ else result - keys
    assert result == there


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.data())
def test_a_due_connection_is_asked_for_or_moves_on(kept: list[bool], data: st.DataObject) -> None:
    platform = FakePlatform({"acme.code": "git"})
    windows = [MARCH.plus(-2 * position) for position, keep in enumerate(kept) if keep]
    due = platform.add_due("acme.code", *windows)
    keys = sorted(run_keys(due))
    made = data.draw(st.sets(st.sampled_from(keys)))
    waiting = data.draw(st.sampled_from([set[str](), {"acme.code"}]))
    planned = plan_tick([due], jobs=JOBS, made=made, waiting=waiting)
    again = plan_tick([due], jobs=JOBS, made=made, waiting=waiting)
    assert planned == again
    assert bool(planned.requests) != bool(planned.started)
    assert not {request.run_key for request in planned.requests} & made
