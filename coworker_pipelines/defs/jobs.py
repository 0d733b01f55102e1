"""What can be launched by name, and on a schedule."""

from dagster import (
    AssetCheckKey,
    AssetSelection,
    DefaultScheduleStatus,
    OpExecutionContext,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
    job,
    op,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from coworker_pipelines.defs.checks import FRESH
from coworker_pipelines.defs.kinds import Kind, Phase
from coworker_pipelines.defs.platform import PlatformParameter
from coworker_pipelines.defs.verdicts import told_to_dagster

FRESHNESS_CRON = "7 * * * *"
"""Hourly, beside the full hour: most connections are due on it."""
ROTATION_CRON = "23 3 * * *"
KEYS_AT_ONCE = 1_000
"""More than a day brings with 10,000 connections; what is left over has its turn tomorrow."""


def sync_job(kind: Kind) -> UnresolvedAssetJobDefinition:
    """The four phases over every stream, with the checks that the phases answer themselves."""
    assets = AssetSelection.groups(kind.name)
    return define_asset_job(
        name=kind.job_name,
        selection=assets - _freshness(kind),
        description=f"Sync one connection of kind {kind.name} over one or several months.",
    )


def freshness_schedule(kind: Kind) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=f"{kind.name}_{FRESH}",
        description=f"Asks whether a connection of kind {kind.name} is overdue.",
        cron_schedule=FRESHNESS_CRON,
        job=define_asset_job(
            name=f"check_{kind.name}",
            selection=_freshness(kind),
            description=f"Ask whether a connection of kind {kind.name} is overdue.",
        ),
        default_status=DefaultScheduleStatus.RUNNING,
    )


@op(description="Replace the keys to Elasticsearch whose life is half over.")
def replace_expiring_keys(context: OpExecutionContext, platform: PlatformParameter) -> None:
    with told_to_dagster(), platform.open_control() as opened:
        handles = opened.rotate_expiring_keys(KEYS_AT_ONCE)
    context.add_output_metadata({"keys": len(handles), "connections": handles})


@job(
    name="rotate_keys",
    description="Give each connection a new key to Elasticsearch before its own expires.",
    executor_def=in_process_executor,
)
def rotate_keys_job() -> None:
    replace_expiring_keys()


def rotation_schedule() -> ScheduleDefinition:
    return ScheduleDefinition(
        name="rotate_keys",
        description="Replaces the connections' keys to Elasticsearch before they expire.",
        cron_schedule=ROTATION_CRON,
        job=rotate_keys_job,
        default_status=DefaultScheduleStatus.RUNNING,
    )


def _freshness(kind: Kind) -> AssetSelection:
    keys = [kind.key(Phase.DOCUMENTS, stream) for stream in kind.targets()]
    return AssetSelection.checks(*(AssetCheckKey(key, FRESH) for key in keys))
