"""Where a run works follows from its partition, or from its job, and from nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from dagster import DagsterRun
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.cluster.names import PRIVACY_WORKER
from coworker_pipelines.connections.locating import Located
from coworker_pipelines.connectors.registry import kinds
from coworker_pipelines.defs.coordinator import UNQUEUED
from coworker_pipelines.defs.deletions import DELETE
from coworker_pipelines.defs.erasures import ERASE
from coworker_pipelines.defs.graph import build_definitions
from coworker_pipelines.defs.partitions import CONNECTION_TAG, TENANT_TAG
from coworker_pipelines.defs.placement import COMPONENTS, MountedSecret, Placement, placement_of
from coworker_pipelines.defs.retention import SWEEP
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.scope import Scope
from tests.fakes.platform import GIT, SQL, FakePlatform, resource_for

ACME = Scope(tenant="t0000000000acme0", connection="c0000000000acme0", epoch=1)
OTHER = Scope(tenant="t00000000r1va100", connection="c00000000r1va100", epoch=1)
BY_HANDLE = {
    "acme.code": Located(scope=ACME, kind="git"),
    "other.code": Located(scope=OTHER, kind="git"),
}
JANUARY = "acme.code|2026-01-01"


def locate(handle: str, known: Mapping[str, Located] = BY_HANDLE) -> Located:
    try:
        return known[handle]
    except KeyError:
        raise TenantActionError(f"There is no connection {handle!r}.") from None


def place(tags: dict[str, str], **parts: Any) -> Placement:
    return placement_of(
        DagsterRun(job_name=parts.pop("job", "sync_git"), tags=tags, **parts), locate
    )


@pytest.mark.parametrize(
    "tags",
    (
        {PARTITION_NAME_TAG: JANUARY},
        {
            ASSET_PARTITION_RANGE_START_TAG: JANUARY,
            ASSET_PARTITION_RANGE_END_TAG: "acme.code|2026-03-01",
        },
    ),
)
def test_a_partition_leads_to_its_tenants_namespace_and_its_connections_secrets(
    tags: dict[str, str],
) -> None:
    found = place(tags)
    assert found.namespace == f"cw-{ACME.tenant}"
    assert found.service_account == "run"
    assert not found.api_token
    assert found.secrets == (
        MountedSecret(name=f"{ACME.connection}-source", folder="source"),
        MountedSecret(name=f"{ACME.connection}-access", folder="access"),
        MountedSecret(name=f"{ACME.connection}-token", folder="token", optional=True),
    )
    assert found.labels["coworker.io/connection"] == ACME.connection


ASKED_FOR = {
    "container_config": {
        "image": "evil",
        "env_from": [{"secret_ref": {"name": f"{OTHER.connection}-source"}}],
    },
    "pod_spec_config": {"service_account_name": "control-plane"},
}
TEMPTING = st.sampled_from(
    ["other", "other.code", OTHER.tenant, OTHER.connection, json.dumps(ASKED_FOR), "control-plane"]
)
DOORS = st.sampled_from(
    [
        "dagster-k8s/config",
        "dagster-k8s/resource_requirements",
        TENANT_TAG,
        CONNECTION_TAG,
        "dagster/image",
        "docker/image",
        "coworker/namespace",
        "coworker.io/tenant",
    ]
)


@given(tags=st.dictionaries(DOORS | st.text(max_size=20), TEMPTING | st.text(max_size=20)))
def test_nothing_that_somebody_wrote_into_other_tags_moves_a_run(tags: dict[str, str]) -> None:
    tags = {key: value for key, value in tags.items() if "partition" not in key}
    config = {"ops": {"extract": {"config": ASKED_FOR}}, "execution": {"config": ASKED_FOR}}
    bare = place({PARTITION_NAME_TAG: JANUARY})
    assert place({**tags, PARTITION_NAME_TAG: JANUARY}, run_config=config) == bare


def test_a_run_that_names_two_connections_has_no_place() -> None:
    both = {
        PARTITION_NAME_TAG: JANUARY,
        ASSET_PARTITION_RANGE_START_TAG: "other.code|2026-01-01",
        ASSET_PARTITION_RANGE_END_TAG: "other.code|2026-01-01",
    }
    with pytest.raises(RefusedError, match="one connection"):
        place(both)


def test_a_connection_that_is_not_there_has_no_place() -> None:
    with pytest.raises(TenantActionError, match=r"no connection 'acme\.gone'"):
        place({PARTITION_NAME_TAG: "acme.gone|2026-01-01"})


def test_without_a_partition_the_jobs_name_decides_and_no_tenants_secret_is_given() -> None:
    found = place({TENANT_TAG: "acme", CONNECTION_TAG: "acme.code"}, job="check_git")
    assert (found.namespace, found.service_account) == ("coworker", "code-location")
    assert found.secrets == (MountedSecret(name="code-location", folder="component"),)
    assert found.environment["COWORKER_DATABASE_URL_FILE"] == (
        "/var/run/coworker/component/database_url"
    )
    assert not found.api_token


@pytest.mark.parametrize("job", (DELETE, ERASE, SWEEP))
def test_what_removes_works_as_the_privacy_worker_and_never_waits_in_the_queue(job: str) -> None:
    found = place({}, job=job)
    assert found.service_account == PRIVACY_WORKER
    assert [secret.name for secret in found.secrets] == [PRIVACY_WORKER]
    assert found.environment["COWORKER_ELASTICSEARCH_USER"] == "coworker-privacy"
    for key in ("master", "journal", "signing"):
        path = found.environment[f"COWORKER_{key.upper()}_KEY_FILE"]
        assert path == f"/var/run/coworker/component/{key}_key"
    assert job in UNQUEUED


@pytest.mark.parametrize("job", ("sync_git", "__ASSET_JOB", "made_up"))
def test_any_other_job_needs_a_partition(job: str) -> None:
    with pytest.raises(RefusedError, match="choose a connection"):
        place({}, job=job)


def test_every_job_that_has_no_partition_stands_in_the_table() -> None:
    definitions = build_definitions([GIT, SQL], resource_for(FakePlatform({})))
    names = {job.name for job in definitions.resolve_all_job_defs()}
    expected = {name for name in names if not name.startswith(("sync_", "__"))}
    assert expected <= COMPONENTS.keys()
    assert {f"check_{kind}" for kind in kinds()} <= COMPONENTS.keys()
