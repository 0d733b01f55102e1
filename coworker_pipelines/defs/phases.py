"""The body of an asset: one call for each stream and window, and what is told of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from dagster import AssetExecutionContext, AssetKey, MaterializeResult

from coworker_pipelines.defs.checks import check_documents
from coworker_pipelines.defs.kinds import Kind, Phase
from coworker_pipelines.defs.partitions import Span, partition_key, require_begun, span_of
from coworker_pipelines.defs.platform import Platform, PlatformResource, Sync
from coworker_pipelines.defs.report import metadata_of
from coworker_pipelines.defs.verdicts import Patience, told_to_dagster
from coworker_pipelines.kernel.errors import CoworkerError, TenantActionError
from coworker_pipelines.kernel.window import Window

if TYPE_CHECKING:  # its package imports every adapter
    from coworker_pipelines.syncs.result import PhaseResult

Work = Callable[[Sync, str, Window], "PhaseResult"]
Results = Iterator[MaterializeResult]  # type: ignore[type-arg]


def run_phase(
    context: AssetExecutionContext,
    resource: PlatformResource,
    kind: Kind,
    phase: Phase,
    work: Work,
) -> Results:
    """One materialisation for each selected asset and window of the run.

    A stream's materialisations are reported when all of its windows are done, so what was
    finished before a failure stays visible.
    """
    patience = Patience(sleep=resource.sleep, log=context.log)
    with told_to_dagster(), ExitStack() as stack:
        span = _span(context, kind, resource)
        platform = patience.insist(lambda: stack.enter_context(resource.open()))
        sync = patience.insist(
            lambda: stack.enter_context(
                platform.open_sync(span.connection, context.run.run_id, span.windows)
            )
        )
        for stream in kind.targets():
            key = kind.key(phase, stream)
            if key in context.selected_asset_keys:
                names = (stream.name,) if stream else sync.streams
                for window in span.windows:
                    results = [_insist(patience, work, sync, name, window) for name in names]
                    told = metadata_of(results, span.connection)
                    partition = partition_key(span.connection, window)
                    context.add_asset_metadata(told, key, partition)
                selected = tuple(name for name in names if name in sync.streams)
                yield patience.insist(
                    partial(_materialized, context, platform, span, key, selected)
                )


def extract(since: str | None, until: str | None) -> Work:
    """The first phase, narrowed where the run's configuration says so."""

    def work(sync: Sync, stream: str, window: Window) -> "PhaseResult":
        if since is None and until is None:
            return sync.extract(stream, window)
        from coworker_pipelines.syncs.context import Bounds  # noqa: PLC0415 - seconds

        return sync.extract(stream, window, Bounds(since=_moment(since), until=_moment(until)))

    return work


def store(sync: Sync, stream: str, window: Window) -> "PhaseResult":
    return sync.store(stream, window)


def derive(sync: Sync, stream: str, window: Window) -> "PhaseResult":
    return sync.derive(stream, window)


def decide(sync: Sync, stream: str, window: Window) -> "PhaseResult":
    return sync.decide(stream, window)


def _span(context: AssetExecutionContext, kind: Kind, resource: PlatformResource) -> Span:
    if not context.selected_asset_keys:
        raise TenantActionError(
            "These checks are answered for one connection, in the run that stores its documents: "
            "materialize the asset instead."
        )
    span = span_of(context.run.tags)
    if span is None:
        raise TenantActionError("This run has no partition: choose a connection and a window.")
    require_begun(span, first=kind.first_window, now=resource.clock().now())
    return span


def _insist(
    patience: Patience, work: Work, sync: Sync, stream: str, window: Window
) -> "PhaseResult":
    try:
        return patience.insist(lambda: work(sync, stream, window))
    except CoworkerError as error:
        error.add_note(f"stream {stream}, window {window.key}")
        raise


def _materialized(
    context: AssetExecutionContext,
    platform: Platform,
    span: Span,
    key: AssetKey,
    streams: tuple[str, ...],
) -> MaterializeResult:  # type: ignore[type-arg]
    wanted = [check for check in context.selected_asset_check_keys if check.asset_key == key]
    return MaterializeResult(
        asset_key=key,
        check_results=list(check_documents(platform, span.connection, streams, wanted)),
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise TenantActionError(f"{text!r} is no moment: write 2026-01-15 or RFC 3339.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
