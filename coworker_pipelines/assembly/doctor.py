"""All checks of this deployment: which subject is asked through what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from coworker_pipelines.assembly.access import OpenCluster, own_cluster, run_login
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.assembly.stores import open_segments
from coworker_pipelines.cluster.rights import excess_rights, missing_rights
from coworker_pipelines.cluster.version import server_version
from coworker_pipelines.connections.connections import list_connections
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.tenants import list_tenants
from coworker_pipelines.database.migrations import pending
from coworker_pipelines.doctor.check import Check
from coworker_pipelines.doctor.clocks import clock_checks, database_times, elasticsearch_times
from coworker_pipelines.doctor.connections import attention_checks
from coworker_pipelines.doctor.dagster import DagsterState, dagster_checks
from coworker_pipelines.doctor.database import database_checks
from coworker_pipelines.doctor.elasticsearch import elasticsearch_checks
from coworker_pipelines.doctor.examination import Once
from coworker_pipelines.doctor.keys import key_checks
from coworker_pipelines.doctor.room import room_checks
from coworker_pipelines.doctor.secrets import (
    cluster_store_checks,
    file_store_checks,
    master_key_check,
)
from coworker_pipelines.doctor.versions import version_checks
from coworker_pipelines.kernel.clock import SystemClock
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.secrets.references import access_reference, source_reference
from coworker_pipelines.segments.store import SegmentStore
from coworker_pipelines.settings import SecretsIn, Settings

LAUNCHERS: Final = {
    SecretsIn.FILE: "DefaultRunLauncher",
    SecretsIn.KUBERNETES: "TenantRunLauncher",
}
"""The class that starts runs, by where the secrets of connections rest."""
_NOBODY: Final = Scope(tenant="doctor", connection="doctor", epoch=1)
"""Segments are tried below a prefix of nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterQuestions:
    """What only a shell can ask: the instance, and the environments of its processes by name."""

    state: Callable[[], DagsterState]
    environments: Callable[[], Mapping[str, Mapping[str, str]]]


def deployment_checks(
    platform: Platform,
    settings: Settings,
    dagster: DagsterQuestions,
) -> list[Check]:
    """Nothing is opened before its check asks."""
    clock = SystemClock()
    cluster = own_cluster(platform, settings)
    scopes = Once(lambda: _scopes(platform))

    return [
        *database_checks(
            lambda: platform.database,
            lambda: pending(settings.database_url or platform.local.database_url()),
            is_local=settings.database_url is None,
            run_login=run_login(settings),
        ),
        *elasticsearch_checks(
            lambda: platform.admin,
            lambda: settings.elasticsearch or platform.local.elasticsearch_address(),
            lambda: _count(platform),
            is_local=settings.elasticsearch is None,
        ),
        *key_checks(
            lambda: platform.admin, scopes, None if cluster else platform.own_address, clock.now
        ),
        *clock_checks(
            {
                "the database": lambda: database_times(platform.database),
                "Elasticsearch": lambda: elasticsearch_times(platform.admin),
            },
            clock.now,
        ),
        *_store_checks(platform, settings, cluster),
        master_key_check(lambda: platform.database, lambda: platform.master),
        *dagster_checks(
            Once(dagster.state), Once(dagster.environments), launcher=LAUNCHERS[settings.secrets]
        ),
        *version_checks(
            lambda: platform.database,
            lambda: platform.admin,
            None if cluster is None else lambda: server_version(cluster()),
        ),
        *room_checks(_places(settings), lambda: _segments(settings)),
        *attention_checks(
            lambda: platform.database,
            clock.now,
            review_interval=timedelta(days=settings.access_review_days),
        ),
    ]


def _store_checks(
    platform: Platform, settings: Settings, cluster: OpenCluster | None
) -> list[Check]:
    if cluster is None:
        return file_store_checks(
            lambda: platform.file_secrets, settings.state, lambda: _references(platform)
        )
    return cluster_store_checks(
        lambda rights: missing_rights(cluster(), rights),
        lambda rights: excess_rights(cluster(), rights),
        lambda: _tenants(platform),
    )


def _tenants(platform: Platform) -> list[str]:
    with platform.database.control() as session:
        return [tenant.id for tenant in list_tenants(session)]


def _scopes(platform: Platform) -> Mapping[str, Scope]:
    with platform.database.control() as session:
        return {connection.handle: connection.scope for connection in list_connections(session)}


def _count(platform: Platform) -> int:
    with platform.database.control() as session:
        return session.scalar(select(func.count()).select_from(Connection)) or 0


def _references(platform: Platform) -> Mapping[str, str]:
    """What the secret store must hold, by whose it is."""
    return {
        f"{handle}, {part}": reference(scope)
        for handle, scope in _scopes(platform).items()
        for part, reference in (("source", source_reference), ("access", access_reference))
    }


def _places(settings: Settings) -> Mapping[str, Path]:
    return {"state": settings.state, "segments": settings.segments_folder}


def _segments(settings: Settings) -> SegmentStore:
    return open_segments(settings.segments, _NOBODY)
