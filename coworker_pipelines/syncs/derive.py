"""Phase 3: from documents to activity messages."""

from time import monotonic

from coworker_pipelines.activities.derivation import DerivationCounts, derive_pending
from coworker_pipelines.connections.derivations import (
    derivation_lock,
    finish_derivation,
    pending_derivations,
)
from coworker_pipelines.connections.holds import standing_over
from coworker_pipelines.connections.message_numbers import last_published, publish
from coworker_pipelines.connections.suppression import refuse_under_deletion
from coworker_pipelines.documents import names
from coworker_pipelines.documents.aging import held, out_of_use
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.stream import Stream
from coworker_pipelines.syncs.context import LOCK_WAIT_S, SyncContext
from coworker_pipelines.syncs.result import PhaseResult, nothing_to_do, per_second


def derive(context: SyncContext, stream_name: str, window: Window) -> PhaseResult:
    """Make the activities of all documents that wait for theirs; after this none waits."""
    stream = context.catalog.stream(stream_name)
    with context.database.connection_lock(context.scope.connection, wait_s=LOCK_WAIT_S):
        with context.database.tenant(context.scope.tenant) as session:
            refuse_under_deletion(session, context.scope, stream.name)
        started = monotonic()
        counts = derive_waiting(context, stream, window)
        seconds = monotonic() - started
    if counts is None:
        return nothing_to_do(stream.name, window, "no documents wait for their activities")
    return PhaseResult(
        stream=stream.name,
        window=window,
        metadata={
            "documents": counts.documents,
            "activities": counts.created,
            "already there": counts.existing,
            "unmapped": counts.unmapped,
            "seconds": round(seconds, 3),
            "activities per second": per_second(counts.created + counts.existing, seconds),
            "index": names.activities_index(context.scope),
            "sync": context.sync,
        },
    )


def derive_waiting(
    context: SyncContext, stream: Stream, window: Window, *, except_sync: str | None = None
) -> DerivationCounts | None:
    """Derive for every sync whose documents wait, but one; ``None`` if there was none."""
    with context.database.tenant(context.scope.tenant) as session:
        waiting = [
            pending.sync_id
            for pending in pending_derivations(session, context.scope, stream.name, window)
            if pending.sync_id != except_sync
        ]
    total: DerivationCounts | None = None
    for sync in waiting:
        counts = _derive_one(context, stream, window, sync)
        total = counts if total is None else total + counts
    return total


def _derive_one(
    context: SyncContext, stream: Stream, window: Window, sync: str
) -> DerivationCounts:
    with context.database.connection_lock(
        derivation_lock(context.scope.connection), wait_s=LOCK_WAIT_S
    ):
        with context.database.tenant(context.scope.tenant) as session:
            policy, holds = standing_over(session, context.scope, stream.name)
            after = last_published(session, context.scope)
        counts = derive_pending(
            connector_class=context.connector_class,
            stream=stream,
            window=window,
            sync=sync,
            scope=context.scope,
            kind=context.kind,
            subject_key=context.subject_key,
            reader=context.reader,
            store=context.activities,
            without=out_of_use(policy, holds, context.clock.now()),
            after=after,
        )
        with context.database.tenant(context.scope.tenant) as session:
            # Under the lock: whoever numbers next has to begin behind these.
            publish(session, context.scope, counts.last_sequence)
        # What a hold keeps from being worked on has its turn when the hold is released.
        some_wait = bool(holds) and context.reader.count(
            stream.name, sync=sync, window=window, within=held(holds)
        )
    with context.database.tenant(context.scope.tenant) as session:
        finish_derivation(
            session,
            scope=context.scope,
            stream=stream.name,
            window=window,
            written_sync=sync,
            run_sync=context.sync,
            activities=counts.created,
            already_there=counts.existing,
            now=context.clock.now(),
            some_wait=bool(some_wait),
        )
    return counts
