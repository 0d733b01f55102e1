"""The door to the queue: every run passes here, whoever launched it."""

from collections.abc import Iterable
from typing import Final

from dagster import DagsterInstance, DagsterRun, QueuedRunCoordinator, RunsFilter
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.tags import MAX_RETRIES_TAG, RUN_KEY_TAG, SENSOR_NAME_TAG

from coworker_pipelines.defs.kinds import kind_in
from coworker_pipelines.defs.partitions import (
    CONNECTION_TAG,
    TENANT_TAG,
    Span,
    connections_of,
    span_of,
)
from coworker_pipelines.kernel.errors import CoworkerError, RefusedError, TenantActionError

NOBODY: Final = "none"
"""Overwrites our tags on a run that works on no connection."""
_JOB_PREFIX: Final = "sync_"
UNQUEUED: Final = frozenset({"delete", "erase", "retention", "dispatch_actions"})
"""What a sensor asks for of these begins at once: none of them waits behind syncs, nor a sync
behind one of them. Their sensors themselves limit how many there are."""


class TenantRunCoordinator(QueuedRunCoordinator):
    """Queues a run under the tags of its partition.

    What a person or a sensor wrote into those tags does not count. A run that names several
    connections, or one that is not there, fails at once and says so; it never starts.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        run = context.dagster_run
        instance = self._instance
        try:
            span = span_of(run.tags)
            if span is not None:
                _require_known(instance, run, span)
        except CoworkerError as error:
            return _refused(instance, run, str(error))
        if earlier := _earlier_run(instance, run):
            return _canceled(instance, run, f"The run {earlier} was made for the same turn.")
        instance.add_run_tags(run.run_id, _tags(run, span))
        if run.job_name in UNQUEUED and SENSOR_NAME_TAG in run.tags:
            return _launched(instance, context)
        return super().submit_run(context)


def _launched(instance: DagsterInstance, context: SubmitRunContext) -> DagsterRun:
    run_id = context.dagster_run.run_id
    instance.launch_run(run_id, context.workspace)
    return _reloaded(instance, context.dagster_run)


def _tags(run: DagsterRun, span: Span | None) -> dict[str, str]:
    if span is not None:
        return span.run_tags
    return {tag: NOBODY for tag in (TENANT_TAG, CONNECTION_TAG) if tag in run.tags}


def _require_known(instance: DagsterInstance, run: DagsterRun, span: Span) -> None:
    kinds = set(_kinds(run))
    if len(kinds) > 1:
        raise RefusedError(f"A run works on one kind; this one on {', '.join(sorted(kinds))}.")
    for kind in kinds:
        name = connections_of(kind).name
        assert name is not None
        if not instance.has_dynamic_partition(name, span.connection):
            raise TenantActionError(f"There is no connection {span.connection!r} of kind {kind}.")


def _kinds(run: DagsterRun) -> Iterable[str]:
    if run.asset_selection:
        return (kind_in(key) for key in run.asset_selection)
    return (run.job_name.removeprefix(_JOB_PREFIX),)


def _earlier_run(instance: DagsterInstance, run: DagsterRun) -> str | None:
    """The first run of the same run key, if it is another; Dagster's retries are not meant.

    Dagster itself compares the keys of one sensor only, so two code locations, or two
    daemons, could start one sync twice.
    """
    run_key = run.tags.get(RUN_KEY_TAG)
    if run_key is None or run.parent_run_id is not None:
        return None
    records = instance.get_run_records(
        RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1, ascending=True
    )
    first = records[0].dagster_run.run_id if records else run.run_id
    return None if first == run.run_id else first


def _refused(instance: DagsterInstance, run: DagsterRun, sentence: str) -> DagsterRun:
    # Dagster takes a run that failed outside of its steps for a crash, and would retry it.
    instance.add_run_tags(run.run_id, _tags(run, None) | {MAX_RETRIES_TAG: "0"})
    instance.report_run_failed(_reloaded(instance, run), sentence)
    return _reloaded(instance, run)


def _canceled(instance: DagsterInstance, run: DagsterRun, sentence: str) -> DagsterRun:
    instance.report_run_canceled(run, sentence)
    return _reloaded(instance, run)


def _reloaded(instance: DagsterInstance, run: DagsterRun) -> DagsterRun:
    reloaded = instance.get_run_by_id(run.run_id)
    assert reloaded is not None
    return reloaded
