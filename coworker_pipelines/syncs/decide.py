"""Phase 4: from activity messages to decisions, with what they have done."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Final

from coworker_pipelines.activities.store import Made
from coworker_pipelines.automation.decisions.admission import Admission, Event
from coworker_pipelines.automation.decisions.deciding import DecidedCounts, decide_messages
from coworker_pipelines.automation.rules.standing import standing_rules
from coworker_pipelines.connections.naming import name_in
from coworker_pipelines.connections.rounds import (
    RoundReason,
    RoundResult,
    close_round,
    is_first_round,
    waiting_rounds,
)
from coworker_pipelines.connections.suppression import refuse_under_deletion
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.stream import Stream
from coworker_pipelines.syncs.context import LOCK_WAIT_S, Step, SyncContext
from coworker_pipelines.syncs.result import PhaseResult, nothing_to_do, per_second

_WHY: Final[Mapping[RoundReason, str]] = {
    RoundReason.NO_RULE: "no active rule looks at the stream",
    RoundReason.HISTORY: "they happened before a rule that looks at the stream was active",
}


def decide(context: SyncContext, stream_name: str, window: Window) -> PhaseResult:
    """Decide on all messages that wait for it; after this none waits.

    A message is decided once. What happened before any rule that looks at its stream was active
    is history: it is counted, and nothing is decided on it.
    """
    stream = context.catalog.stream(stream_name)
    with context.database.connection_lock(context.scope.connection, wait_s=LOCK_WAIT_S):
        with context.database.tenant(context.scope.tenant) as session:
            refuse_under_deletion(session, context.scope, stream.name)
            waiting = [
                (one.sync_id, one.made_at)
                for one in waiting_rounds(session, context.scope, stream.name, window)
            ]
        started = monotonic()
        results = [
            _decide_round(context, stream, window, sync, made_at) for sync, made_at in waiting
        ]
        seconds = monotonic() - started
    if not results:
        return nothing_to_do(stream.name, window, "no activities wait for their decisions")
    return _result(context, stream, window, results, seconds)


def _decide_round(
    context: SyncContext, stream: Stream, window: Window, sync: str, made_at: datetime
) -> tuple[RoundResult, DecidedCounts]:
    with context.database.tenant(context.scope.tenant) as session:
        standing = standing_rules(session, context.scope.tenant)
        is_first = is_first_round(session, context.scope, stream.name, sync)
    made = Made(stream=stream.name, window=window, sync=sync)
    messages = context.activities.count_made(made)
    new_since = standing.new_since(context.kind, stream.name)
    counts = _decide_made(context, made, made_at, new_since, is_first=is_first)
    looked_at = counts.decided + counts.before
    result = RoundResult(
        rule_set=standing.rules.digest,
        messages=messages,
        passed_over=messages - looked_at,
        reason=_reason(new_since, passed_over=messages - looked_at),
        decided=counts.decided,
        actions=counts.actions,
    )
    with context.database.tenant(context.scope.tenant) as session:
        close_round(
            session,
            context.scope,
            stream=stream.name,
            window=window,
            written_sync=sync,
            run_sync=context.sync,
            result=result,
            now=context.clock.now(),
        )
    return result, counts


def _decide_made(
    context: SyncContext,
    made: Made,
    made_at: datetime,
    new_since: datetime | None,
    *,
    is_first: bool,
) -> DecidedCounts:
    if new_since is None:
        return DecidedCounts()
    # What a stream without times shows at first was there before; later, what is new is new.
    timeless = not is_first and made_at >= new_since
    pages = context.activities.scan_made(made, since=new_since, timeless=timeless)
    return decide_messages(
        context.database,
        context.scope.tenant,
        _told(context, made, pages),
        connection=name_in(context.handle),
        now=context.clock.now(),
        made_at=made_at,
        admit=Admission(scope=context.scope, suppressions=context.suppressions),
    )


def _told(context: SyncContext, made: Made, pages: Iterator[Sequence[Event]]) -> Iterator[Event]:
    """The events one by one; after each page it is told how many they were so far."""
    count = 0
    for page in pages:
        yield from page
        count += len(page)
        context.progress(
            Step(phase="decide", stream=made.stream, window=made.window, records=count)
        )


def _reason(new_since: datetime | None, *, passed_over: int) -> RoundReason | None:
    if not passed_over:
        return None
    return RoundReason.NO_RULE if new_since is None else RoundReason.HISTORY


def _result(
    context: SyncContext,
    stream: Stream,
    window: Window,
    results: Sequence[tuple[RoundResult, DecidedCounts]],
    seconds: float,
) -> PhaseResult:
    counts = sum((counts for _, counts in results), DecidedCounts())
    reasons = sorted({_WHY[result.reason] for result, _ in results if result.reason})
    return PhaseResult(
        stream=stream.name,
        window=window,
        metadata={
            "activities": sum(result.messages for result, _ in results),
            "decisions": counts.decided,
            "decided before": counts.before,
            "passed over": sum(result.passed_over for result, _ in results),
            **({"passed over because": "; ".join(reasons)} if reasons else {}),
            "actions": counts.actions,
            "rules that failed": counts.failed,
            "seconds": round(seconds, 3),
            "decisions per second": per_second(counts.decided, seconds),
            "rule set": results[-1][0].rule_set,
            "sync": context.sync,
        },
    )
