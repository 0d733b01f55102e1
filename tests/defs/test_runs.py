"""Runs in this process, over a platform in memory."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    TableMetadataValue,
    materialize,
)
from dagster._core.execution.plan.objects import StepFailureData

from coworker_pipelines.defs.assets import kind_assets
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Kind, Phase
from coworker_pipelines.defs.partitions import Span, partition_key
from coworker_pipelines.defs.verdicts import verdict_of
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.syncs.context import Bounds
from tests.fakes.platform import GIT, NOW, SQL, Call, FakeCheck, FakePlatform, resource_for

JANUARY = Window(2026, 1)
YEAR = Span(connection="acme.code", windows=tuple(Window(2025, 3).until(Window(2026, 2))))


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform({"acme.code": "git", "acme-corp.code": "git", "acme.shop": "sql"})


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        opened.add_dynamic_partitions(
            "git_connections", ["acme.code", "acme-corp.code", "acme.deleted"]
        )
        opened.add_dynamic_partitions("sql_connections", ["acme.shop"])
        yield opened


def definitions(platform: FakePlatform) -> Definitions:
    return build_definitions([GIT, SQL], resource_for(platform))


def run(
    platform: FakePlatform, instance: DagsterInstance, kind: Kind = GIT, **how: Any
) -> ExecuteInProcessResult:
    job = definitions(platform).resolve_job_def(kind.job_name)
    return job.execute_in_process(instance=instance, raise_on_error=False, **how)


def materialised(result: ExecuteInProcessResult) -> list[AssetMaterialization]:
    return [event.materialization for event in result.get_asset_materialization_events()]


def failure(result: ExecuteInProcessResult) -> StepFailureData:
    (event,) = (event for event in result.all_events if event.is_step_failure)
    return event.step_failure_data


def test_one_partition_goes_through_four_phases_in_their_order(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = run(platform, instance, partition_key=partition_key("acme.code", JANUARY))
    assert result.success
    assert platform.calls == [
        Call(phase, "acme.code", stream, JANUARY.key)
        for phase in ("extract", "store", "derive", "decide")
        for stream in ("commits", "branches")
    ]
    assert {(one.asset_key, one.partition) for one in materialised(result)} == {
        (GIT.key(phase, stream), "acme.code|2026-01-01")
        for phase in Phase
        for stream in GIT.streams
    }


def test_twelve_months_are_one_materialisation_for_each_asset_and_window(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = run(platform, instance, tags=YEAR.partition_tags)
    assert result.success
    found = Counter((one.asset_key, one.partition) for one in materialised(result))
    assert len(found) == len(Phase) * len(GIT.streams) * len(YEAR.windows)
    assert set(found.values()) == {1}


def test_each_window_keeps_its_own_numbers(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = run(platform, instance, tags=YEAR.partition_tags)
    for one in materialised(result):
        assert one.partition is not None
        assert one.metadata["read"].value == Window.parse(one.partition.split("|")[1]).month
        assert (one.tags or {})["dagster/partition/connection"] == "acme.code"


def test_events_grow_with_windows_and_not_with_pages(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    month = run(platform, instance, partition_key=partition_key("acme.code", JANUARY))
    year = run(platform, instance, tags=YEAR.partition_tags)
    more = len(instance.all_logs(year.run_id)) - len(instance.all_logs(month.run_id))
    # each materialisation once; Dagster plans a range in one event for each asset and window
    assert more <= 2 * len(Phase) * len(GIT.streams) * (len(YEAR.windows) - 1)


def test_a_single_stream_can_be_asked_for(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = run(
        platform,
        instance,
        partition_key=partition_key("acme.code", JANUARY),
        asset_selection=[AssetKey(["git", "commits_segments"])],
    )
    assert result.success
    assert platform.calls == [Call("extract", "acme.code", "commits", JANUARY.key)]


def test_a_kind_whose_streams_each_connection_has_adds_them_up(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.streams = ("public.orders", "public.users")
    key = partition_key("acme.shop", Window(2026, 3))
    result = run(platform, instance, SQL, partition_key=key)
    assert result.success
    documents = next(
        one for one in materialised(result) if one.asset_key == AssetKey(["sql", "documents"])
    )
    assert documents.metadata["streams"].value == 2
    assert documents.metadata["read"].value == 6
    assert "records per second" not in documents.metadata
    table = documents.metadata["by stream"]
    assert isinstance(table, TableMetadataValue)
    assert [row.data["stream"] for row in table.records] == ["public.orders", "public.users"]


def test_a_connection_without_a_selected_stream_is_synced_in_an_instant(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.streams = ()
    result = run(platform, instance, SQL, partition_key=partition_key("acme.shop", JANUARY))
    assert result.success
    assert not platform.calls


def test_the_configuration_narrows_a_window(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = run(
        platform,
        instance,
        partition_key=partition_key("acme.code", JANUARY),
        run_config={"ops": {"git_segments": {"config": {"since": "2026-01-15"}}}},
    )
    assert result.success
    (bounds,) = set(platform.bounds)
    assert bounds == Bounds(since=NOW.replace(month=1, hour=0), until=None)


def test_a_moment_that_is_none_is_answered_by_a_sentence(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    result = run(
        platform,
        instance,
        partition_key=partition_key("acme.code", JANUARY),
        run_config={"ops": {"git_segments": {"config": {"until": "soon"}}}},
    )
    described = failure(result).user_failure_data
    assert described is not None
    assert described.description == "'soon' is no moment: write 2026-01-15 or RFC 3339."


def test_checks_are_answered_in_the_step_that_stores(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.balance = FakeCheck(passed=False, summary="Two records are missing.")
    result = run(platform, instance, partition_key=partition_key("acme.code", JANUARY))
    answers = result.get_asset_check_evaluations()
    assert {(one.check_name, one.passed) for one in answers} == {
        ("balance_holds", False),
        ("index_has_one_tenant", True),
        ("nothing_outlives_its_policy", True),
    }
    assert len(answers) == 3 * len(GIT.streams)
    assert all(one.metadata["connection"].value == "acme.code" for one in answers)


def test_a_stream_that_is_not_selected_is_not_checked(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.streams = ("commits",)
    platform.owner = FakeCheck(passed=False, summary="There is no such index.")
    result = run(platform, instance, partition_key=partition_key("acme.code", JANUARY))
    answers = {
        one.asset_key.path[-1]: one.passed
        for one in result.get_asset_check_evaluations()
        if one.check_name == "index_has_one_tenant"
    }
    assert answers == {"commits_documents": False, "branches_documents": True}


def test_a_check_on_its_own_says_where_it_is_answered(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    documents = GIT.key(Phase.DOCUMENTS, GIT.streams[0])
    (assets,) = (one for one in kind_assets(GIT) if documents in one.keys_by_output_name.values())
    result = materialize(
        [assets],
        instance=instance,
        selection=AssetSelection.checks(AssetCheckKey(documents, "balance_holds")),
        resources={"platform": resource_for(platform)},
        raise_on_error=False,
    )
    told = failure(result).user_failure_data
    assert told is not None
    assert str(told.description).startswith("These checks are answered for one connection")


def test_freshness_is_asked_once_for_a_kind_and_shown_on_all_its_documents(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    platform.fresh = FakeCheck(passed=False, summary="acme.code is 3 hours late.")
    job = definitions(platform).resolve_job_def("check_git")
    result = job.execute_in_process(instance=instance)
    answers = result.get_asset_check_evaluations()
    assert [one.description for one in answers] == ["acme.code is 3 hours late."] * 2
    assert not any(one.passed for one in answers)


@pytest.mark.parametrize(
    ("job", "asked"),
    (("check_actions", ["dead letters", "outbox"]), ("check_decisions", ["chains", "replay"])),
)
def test_what_is_true_of_all_decisions_is_asked_apart_from_syncs(
    platform: FakePlatform, instance: DagsterInstance, job: str, asked: list[str]
) -> None:
    platform.decided_alike = FakeCheck(passed=False, summary="One came out otherwise.")
    result = definitions(platform).resolve_job_def(job).execute_in_process(instance=instance)
    assert sorted(platform.asked) == asked
    answers = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert len(answers) == len(asked)
    assert answers.get("decisions_are_made_again_alike", False) is False


def test_a_stream_that_was_finished_before_a_failure_stays_visible(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    def fail(call: Call) -> None:
        if call.stream == "branches":
            raise TenantActionError("The repository is gone.")

    platform.fail = fail
    result = run(platform, instance, partition_key=partition_key("acme.code", JANUARY))
    assert not result.success
    assert [one.asset_key for one in materialised(result)] == [
        AssetKey(["git", "commits_segments"])
    ]
    assert platform.ended == ["The repository is gone."]


def test_the_sentence_is_kept_where_foreign_errors_are_masked(
    platform: FakePlatform, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_REDACT_USER_CODE_ERRORS", "1")
    error: Exception = TenantActionError("The token has expired.")

    def fail(_: Call) -> None:
        raise error

    platform.fail = fail
    key = partition_key("acme.code", JANUARY)
    told = failure(run(platform, instance, partition_key=key))
    assert told.user_failure_data is not None
    assert told.user_failure_data.description == "The token has expired."
    assert verdict_of(told.user_failure_data) is TenantActionError

    error = ValueError("a client's data")
    result = run(platform, instance, partition_key=key)
    assert failure(result).user_failure_data is None
    assert not any("client's data" in str(log) for log in instance.all_logs(result.run_id))


def test_an_overloaded_world_is_waited_for_inside_the_step(
    platform: FakePlatform, instance: DagsterInstance
) -> None:
    left = [RetryLaterError("Too busy.", retry_after_s=7.0)] * 2

    def fail(_: Call) -> None:
        if left:
            raise left.pop()

    platform.fail = fail
    result = run(platform, instance, partition_key=partition_key("acme.code", JANUARY))
    assert result.success
    assert platform.sleeps == [7.0, 8.0]
    assert len(materialised(result)) == len(Phase) * len(GIT.streams)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    (
        (Span(connection="acme.code", windows=(Window(2031, 1),)).partition_tags, "has not begun"),
        (
            Span(connection="acme.deleted", windows=(JANUARY,)).partition_tags,
            "There is no connection",
        ),
        (
            YEAR.partition_tags
            | {
                "dagster/partition/connection": "acme-corp.code",
                "dagster/partition/window": "2026-01-01",
            },
            "one connection",
        ),
    ),
)
def test_a_run_outside_of_its_place_says_so_and_touches_nothing(
    platform: FakePlatform, instance: DagsterInstance, tags: dict[str, str], sentence: str
) -> None:
    result = run(platform, instance, tags=tags)
    assert not result.success
    told = failure(result).user_failure_data
    assert told is not None
    assert sentence in str(told.description)
    assert not platform.calls
