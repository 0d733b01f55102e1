"""What a sweep would remove now, stream by stream; nothing is changed by asking."""

from dataclasses import dataclass
from datetime import datetime

from coworker_pipelines.connections.holds import standing_over
from coworker_pipelines.connections.retention import Policy
from coworker_pipelines.documents import names
from coworker_pipelines.documents.aging import ages, held, older_than
from coworker_pipelines.documents.reader import EVERYTHING, count, excluding, refresh
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.retention.leftovers import spent_manifests, spent_rejected
from coworker_pipelines.privacy.retention.policies import stored_streams


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPreview:
    """``going`` would go with their activities; ``held`` would, were it not for a hold.

    ``due`` are out of use and within the grace. ``undated`` of all documents have no time of
    their own: their age is counted from when they were taken in, whatever the basis.
    """

    stream: str
    policy: Policy | None
    documents: int
    going: int = 0
    held: int = 0
    due: int = 0
    undated: int = 0
    rejected: int = 0
    segments: int = 0
    oldest_at: datetime | None = None


def preview_connection(holdings: Holdings, *, now: datetime) -> list[StreamPreview]:
    with holdings.database.control() as session:
        streams = stored_streams(session, holdings.scope.connection)
    return [preview_stream(holdings, stream, now=now) for stream in streams]


def preview_stream(holdings: Holdings, stream: str, *, now: datetime) -> StreamPreview:
    with holdings.database.control() as session:
        policy, holds = standing_over(session, holdings.scope, stream)
    alias = names.documents_alias(holdings.scope, stream)
    refresh(holdings.admin, alias)
    found = ages(holdings.admin, alias, EVERYTHING)
    if policy is None:
        return StreamPreview(stream=stream, policy=None, documents=found.documents)
    spent = older_than(policy.basis, policy.spent_before(now))
    due = excluding(older_than(policy.basis, policy.due_before(now)), spent)
    all_spent = count(holdings.admin, alias, spent)
    going = count(holdings.admin, alias, excluding(spent, held(holds)))
    return StreamPreview(
        stream=stream,
        policy=policy,
        documents=found.documents,
        going=going,
        held=all_spent - going,
        due=count(holdings.admin, alias, excluding(due, held(holds))),
        undated=found.undated,
        rejected=_rejected(holdings, stream, now),
        segments=_segments(holdings, stream, now),
        oldest_at=found.oldest(policy.basis),
    )


def _rejected(holdings: Holdings, stream: str, now: datetime) -> int:
    total, after = 0, ""
    with holdings.database.control() as session:
        while True:
            going, _, last = spent_rejected(session, holdings, stream, now=now, after=after)
            total += len(going)
            if last is None:
                return total
            after = last


def _segments(holdings: Holdings, stream: str, now: datetime) -> int:
    with holdings.database.control() as session:
        spent = spent_manifests(session, holdings, stream, now=now)
    return sum(len(manifest.segments) for manifest in spent)
