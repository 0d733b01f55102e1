"""All definitions of a code location, from the kinds it serves."""

from collections.abc import Sequence
from typing import Final

from dagster import Definitions, in_process_executor

from coworker_pipelines.defs.assets import kind_assets
from coworker_pipelines.defs.automation import engine_asset, engine_checks, engine_schedules
from coworker_pipelines.defs.checks import kind_checks
from coworker_pipelines.defs.deletions import DELETIONS, deletion_job
from coworker_pipelines.defs.dispatching import actions_due, dispatch_actions_job
from coworker_pipelines.defs.erasures import ERASURES, erasure_job
from coworker_pipelines.defs.jobs import (
    freshness_schedule,
    rotate_keys_job,
    rotation_schedule,
    sync_job,
)
from coworker_pipelines.defs.kinds import Kind
from coworker_pipelines.defs.oauth import oauth_tokens_job, oauth_tokens_schedule
from coworker_pipelines.defs.platform import PlatformResource
from coworker_pipelines.defs.retention import retention_due, retention_job
from coworker_pipelines.defs.sensors import connections_changed, connections_due

_ORDERS: Final = (DELETIONS, ERASURES)


def build_definitions(kinds: Sequence[Kind], platform: PlatformResource) -> Definitions:
    """The graph depends on the kinds alone, never on connections.

    Steps run in the run's own process: a new interpreter costs two to five seconds, and what
    runs at once, runs at once inside a step.
    """
    jobs = [sync_job(kind) for kind in kinds]
    return Definitions(
        assets=[
            *(asset for kind in kinds for asset in kind_assets(kind)),
            *(orders.asset for orders in _ORDERS),
            engine_asset(),
        ],
        asset_checks=[
            *(kind_checks(kind) for kind in kinds),
            *(orders.checks() for orders in _ORDERS),
            engine_checks(),
        ],
        jobs=[
            *jobs,
            rotate_keys_job,
            oauth_tokens_job,
            deletion_job(),
            erasure_job(),
            retention_job(kinds),
            dispatch_actions_job,
        ],
        schedules=[
            *(freshness_schedule(kind) for kind in kinds),
            rotation_schedule(),
            oauth_tokens_schedule(),
            *engine_schedules(),
        ],
        sensors=[
            connections_due(kinds, jobs),
            connections_changed(kinds),
            *(orders.requests() for orders in _ORDERS),
            retention_due(),
            actions_due(),
        ],
        resources={"platform": platform},
        executor=in_process_executor,
    )
