"""How the ledger fetches what is to be booked: in the transaction in which it books it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.outbox.limits import RuleVersion, rooms
from coworker_pipelines.automation.outbox.states import ActionState, Outcome
from coworker_pipelines.automation.outbox.stopping import stops_of

POSTINGS_MAX: Final = 500
LEDGER_POST: Final = "ledger.post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """``account`` is a person's key; ``key`` is what makes a booking one."""

    key: str
    account: str
    amount: int
    reason: str
    rule: str
    made_at: datetime


def collect_postings(
    session: Session, tenant: str, *, now: datetime, limit: int = POSTINGS_MAX
) -> Sequence[Posting]:
    """Postings that are done when the caller's transaction is: at most once, and not lost.

    What is stopped or beyond its rule's limits stays. Empty: there is nothing to fetch now.
    """
    stops = stops_of(session, tenant)
    if stops.everything:
        return []
    statement = (
        select(OutboxRow)
        .where(
            OutboxRow.tenant_id == tenant,
            OutboxRow.state == ActionState.READY,
            OutboxRow.action == LEDGER_POST,
            OutboxRow.rule.not_in(stops.rules),
        )
        .order_by(OutboxRow.made_at, OutboxRow.decision_id, OutboxRow.ordinal)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.scalars(statement).all()
    versions = sorted({RuleVersion(row.rule, row.rule_version) for row in rows})
    room = {one: found.actions for one, found in rooms(session, tenant, versions, now=now).items()}
    collected = []
    for row in rows:
        one = RuleVersion(row.rule, row.rule_version)
        if room[one] > 0:
            room[one] -= 1
            collected.append(_collected(row, now))
    return collected


def _collected(row: OutboxRow, now: datetime) -> Posting:
    assert row.payload is not None, "what is ready was not erased"
    row.state, row.outcome = ActionState.DONE, Outcome.DONE
    row.attempts, row.acted_at, row.done_at = row.attempts + 1, now, now
    parameters = row.payload["parameters"]
    return Posting(
        key=row.key,
        account=parameters["account"],
        amount=parameters["amount"],
        reason=parameters["reason"],
        rule=row.rule,
        made_at=row.made_at,
    )
