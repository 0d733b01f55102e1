"""What can be launched by name, and on a schedule."""

from dagster import (
    AssetCheckKey,
    AssetSelection,
    DefaultScheduleStatus,
    ScheduleDefinition,
    define_asset_job,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from coworker_pipelines.defs.checks import FRESH
from coworker_pipelines.defs.kinds import Kind, Phase

FRESHNESS_CRON = "7 * * * *"
"""Hourly, beside the full hour: most connections are due on it."""


def sync_job(kind: Kind) -> UnresolvedAssetJobDefinition:
    """The three phases over every stream, with the checks that the phases answer themselves."""
    assets = AssetSelection.groups(kind.name)
    return define_asset_job(
        name=kind.job_name,
        selection=assets - _freshness(kind),
        description=f"Sync one connection of kind {kind.name} over one or several months.",
    )


def freshness_schedule(kind: Kind) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=f"{kind.name}_{FRESH}",
        cron_schedule=FRESHNESS_CRON,
        job=define_asset_job(
            name=f"check_{kind.name}",
            selection=_freshness(kind),
            description=f"Ask whether a connection of kind {kind.name} is overdue.",
        ),
        default_status=DefaultScheduleStatus.RUNNING,
    )


def _freshness(kind: Kind) -> AssetSelection:
    keys = [kind.key(Phase.DOCUMENTS, stream) for stream in kind.targets()]
    return AssetSelection.checks(*(AssetCheckKey(key, FRESH) for key in keys))
