"""A sweep: what is spent by its policy goes from every store of a connection, hold by hold.

Syncs run meanwhile. A document is removed in exactly the revision that was judged, so one that a
sync has written since then stays, and no lock stands between the two. A derivation and a sweep
take turns, for the time of a bulk: no activity is made from a document that is just going.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from coworker_pipelines.connections.derivations import derivation_lock
from coworker_pipelines.connections.holds import (
    Hold,
    keep_holds_still,
    standing_holds,
    standing_over,
)
from coworker_pipelines.connections.kept_out import add_marks, mark_of
from coworker_pipelines.connections.retention import (
    Basis,
    Policy,
    nearest,
    standing_policies,
)
from coworker_pipelines.documents import names
from coworker_pipelines.documents.aging import Mark, delete_seen, held, marks, older_than
from coworker_pipelines.documents.indices import create_documents_index
from coworker_pipelines.documents.reader import Query, count, excluding, refresh
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.retention.judgement import Fate, Times, judge
from coworker_pipelines.privacy.retention.leftovers import (
    discard_spent_segments,
    remove_spent_rejected,
)
from coworker_pipelines.privacy.retention.policies import stored_streams
from coworker_pipelines.privacy.retention.whole import remove_whole

log = get_logger(__name__)

BULK: Final = 2_000
"""Documents that one lock is held for: a hold waits for so many at the most."""
PASSES_MAX: Final = 3
LOCK_WAIT_S: Final = 60.0
ONE_BY_ONE: Final = "deleted in the revision that was judged"
WHOLE: Final = "their index deleted whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSweep:
    """What a sweep did to one stream. ``held`` are spent documents that holds kept.

    ``left`` were spent when the stream was counted again.
    """

    stream: str
    policy: Policy
    spent_before: datetime
    matched: int = 0
    deleted: int = 0
    held: int = 0
    left: int = 0
    activities: int = 0
    rejected: int = 0
    segments: int = 0
    holds: tuple[Hold, ...] = ()
    is_whole: bool = False
    began_at: datetime
    ended_at: datetime

    @property
    def removed(self) -> int:
        """All that went, of whatever it was."""
        return self.deleted + self.activities + self.rejected + self.segments

    def outcomes(self) -> list[TargetOutcome]:
        """For the receipt: one for each store from which something went."""
        how = WHOLE if self.is_whole else ONE_BY_ONE
        removed = (
            ("documents", how, self.matched, self.deleted, self.left),
            ("activities", "deleted", self.activities, self.activities, 0),
            ("rejected records", "deleted", self.rejected, self.rejected, 0),
            ("segments", "deleted", self.segments, self.segments, 0),
        )  # fmt: skip
        return [
            TargetOutcome(
                target=f"{target} of {self.stream}",
                method=method,
                matched=matched,
                deleted=deleted,
                masked=0,
                left_first=left,
                left_second=left,
                began_at=self.began_at,
                ended_at=self.ended_at,
            )
            for target, method, matched, deleted, left in removed
            if matched
        ]


def sweep_connection(holdings: Holdings, *, clock: Clock) -> list[StreamSweep]:
    """After this nothing of the connection is spent, but for what holds keep.

    Doing it again removes nothing; after a crash the next sweep goes on.

    Raises:
        RetryLaterError: a derivation or a hold took too long, or what is spent keeps coming.
    """
    with holdings.database.privacy() as session:
        streams = stored_streams(session, holdings.scope.connection)
    swept = (sweep_stream(holdings, stream, clock=clock) for stream in streams)
    return [one for one in swept if one is not None]


def sweep_stream(holdings: Holdings, stream: str, *, clock: Clock) -> StreamSweep | None:
    """The same for one stream; ``None`` where it has no policy."""
    now = clock.now()
    with holdings.database.privacy() as session:
        policy, holds = standing_over(session, holdings.scope, stream)
    if policy is None:
        return None
    create_documents_index(holdings.admin, holdings.scope, stream, replicas=holdings.replicas)
    sweep = StreamSweep(
        stream=stream,
        policy=policy,
        spent_before=policy.spent_before(now),
        holds=tuple(holds),
        began_at=now,
        ended_at=now,
    )
    alias = names.documents_alias(holdings.scope, stream)
    refresh(holdings.admin, alias)
    spent = older_than(policy.basis, sweep.spent_before)
    found = count(holdings.admin, alias, spent)
    going = excluding(spent, held(holds))
    sweep = replace(sweep, matched=count(holdings.admin, alias, going))
    sweep = _remove_documents(holdings, sweep, going, now)
    sweep = replace(
        sweep,
        held=found - sweep.matched,
        segments=discard_spent_segments(holdings, stream, now=now),
        rejected=remove_spent_rejected(holdings, stream, now=now),
        ended_at=clock.now(),
    )
    log.info(
        "stream_swept",
        connection=holdings.scope.connection,
        stream=stream,
        documents=sweep.deleted,
        activities=sweep.activities,
        held=sweep.held,
    )
    return sweep


def _remove_documents(
    holdings: Holdings, sweep: StreamSweep, going: Query, now: datetime
) -> StreamSweep:
    alias = names.documents_alias(holdings.scope, sweep.stream)
    documents, activities = remove_whole(holdings, sweep.stream, now=now)
    sweep = replace(sweep, deleted=documents, activities=activities, is_whole=documents > 0)
    for _ in range(PASSES_MAX):
        for page in marks(holdings.admin, alias, going, size=BULK):
            sweep = _remove_page(holdings, sweep, page, now)
        refresh(holdings.admin, alias)
        left = count(holdings.admin, alias, going)
        sweep = replace(sweep, left=left, matched=max(sweep.matched, sweep.deleted + left))
        if not left or _has_changed(holdings, sweep):
            return replace(sweep, left=0, matched=sweep.deleted)
    raise RetryLaterError(f"Spent documents of {sweep.stream} keep coming; try again later.")


def _remove_page(
    holdings: Holdings, sweep: StreamSweep, page: Sequence[Mark], now: datetime
) -> StreamSweep:
    """Judge each document anew, behind the lock, and remove those that are spent."""
    scope, stream = holdings.scope, sweep.stream
    with (
        holdings.database.connection_lock(derivation_lock(scope.connection), wait_s=LOCK_WAIT_S),
        holdings.database.privacy() as session,
    ):
        keep_holds_still(session, scope.tenant)
        policies = standing_policies(session, scope.tenant)
        holds = standing_holds(session, scope.tenant)
        spent = [
            mark
            for mark in page
            if judge(_times(mark, scope, stream), policies, holds, now=now).fate is Fate.SWEPT
        ]
        if not spent:
            return sweep
        _remember(holdings, stream, spent, nearest(policies, scope.connection, stream))
        # First what was made from them: after a crash in between they are still there to find it.
        activities = _remove_activities(holdings, stream, [mark.key for mark in spent])
        writer = holdings.writer(names.documents_alias(scope, stream))
        return replace(
            sweep,
            deleted=sweep.deleted + delete_seen(writer, spent),
            activities=sweep.activities + activities,
        )


def _times(mark: Mark, scope: Scope, stream: str) -> Times:
    return Times(
        connection=scope.connection,
        stream=stream,
        occurred_at=mark.occurred_at,
        extracted_at=mark.extracted_at,
    )


def _remember(
    holdings: Holdings, stream: str, spent: Sequence[Mark], policy: Policy | None
) -> None:
    """What a record's own time would not keep out again is kept out by its mark."""
    assert policy is not None, "nothing is spent without a policy"
    found = [
        mark_of(holdings.subject_key, stream, mark.key, mark.content)
        for mark in spent
        if mark.occurred_at is None or policy.basis is Basis.INGESTION
    ]
    # In a transaction of its own: it is known before the first of them goes.
    with holdings.database.privacy() as session:
        add_marks(session, holdings.scope, stream, found)


def _remove_activities(holdings: Holdings, stream: str, keys: Sequence[str]) -> int:
    """After this no message of the documents is there; how many there were.

    Raises:
        RetryLaterError: some are there when they are counted again; their documents stay too.
    """
    removed = holdings.activities.delete_documents(stream, keys)
    if removed and holdings.activities.count_documents(stream, keys):
        raise RetryLaterError(f"Activities of {stream} are being written; try again later.")
    return removed


def _has_changed(holdings: Holdings, sweep: StreamSweep) -> bool:
    """Whether a hold or a policy that came meanwhile keeps what is left."""
    with holdings.database.privacy() as session:
        policy, holds = standing_over(session, holdings.scope, sweep.stream)
    return (policy, tuple(holds)) != (sweep.policy, sweep.holds)
