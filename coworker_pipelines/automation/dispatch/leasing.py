"""Taking actions: by one who does them, for a while, within the limits."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow, SentRow
from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.outbox.limits import RuleVersion, rooms
from coworker_pipelines.automation.outbox.states import ActionState, Outcome
from coworker_pipelines.automation.outbox.stopping import stops_of

LEASE: Final = timedelta(minutes=5)
"""Longer than a whole batch takes at its slowest, so none is taken away from who is alive."""
BATCH: Final = 10
A_MINUTE_TO_ONE_PLACE: Final = 60
MINUTE: Final = timedelta(minutes=1)
TENANTS_MAX: Final = 1_000
UNCLEAR: Final = (
    "Whoever sent it died before its end was noted, and it is not done twice: look whether it "
    "arrived, and settle it."
)
_DUE: Final = (ActionState.READY, ActionState.LEASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """An action in somebody's hands; ``attempt`` is the number of the lease."""

    tenant: str
    key: str
    message: str
    connection: str
    stream: str
    rule: str
    action: str
    place: str | None
    attempt: int
    made_at: datetime
    payload: Mapping[str, Any] = field(repr=False)
    subject_keys: Sequence[str] = field(repr=False)


def due_tenants(session: Session, *, now: datetime, actions: Sequence[str]) -> list[str]:
    """Tenants with an action that can be taken, if nothing holds it."""
    statement = (
        select(OutboxRow.tenant_id)
        .where(*_due(now, actions))
        .distinct()
        .order_by(OutboxRow.tenant_id)
        .limit(TENANTS_MAX)
    )
    return list(session.scalars(statement))


def lease(
    session: Session,
    tenant: str,
    *,
    now: datetime,
    actions: Sequence[str],
    promises: Mapping[str, Delivery],
) -> list[Leased]:
    """Up to ``BATCH`` actions of the tenant, which are nobody else's until the lease is over.

    None of what is stopped, and no more than the limits of rules and places leave room for; the
    room is exact, because one leases for a tenant at a time. What was with somebody who has died
    is taken again, unless it may have taken place and may not do so twice: that waits for a person.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _lock(tenant)}):
        return []
    _set_unclear_aside(session, tenant, now, actions, promises)
    takeable = _takeable(session, tenant, now, actions)
    if takeable is None:
        return []
    where, held = takeable
    statement = (
        select(OutboxRow)
        .where(*where)
        .order_by(OutboxRow.next_at, OutboxRow.decision_id, OutboxRow.ordinal)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return [_taken(row, now) for row in session.scalars(statement).all() if held.lets(row)]


def anything_due(session: Session, *, now: datetime, actions: Sequence[str]) -> bool:
    """Whether a turn would find something to do."""
    for tenant in due_tenants(session, now=now, actions=actions):
        takeable = _takeable(session, tenant, now, actions)
        if takeable is None:
            continue
        where, _ = takeable
        if session.scalar(select(OutboxRow.key).where(*where).limit(1)) is not None:
            return True
    return False


def _takeable(
    session: Session, tenant: str, now: datetime, actions: Sequence[str]
) -> "tuple[Sequence[ColumnElement[bool]], _Held] | None":
    """Which rows of a tenant can be taken, and what room is left; ``None``: all is stopped."""
    stops = stops_of(session, tenant)
    if stops.everything:
        return None
    due = [OutboxRow.tenant_id == tenant, *_due(now, actions)]
    if stops.rules:
        due.append(OutboxRow.rule.not_in(stops.rules))
    held = _Held.of(session, tenant, due, now)
    return [*due, *held.open()], held


def _due(now: datetime, actions: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        OutboxRow.state.in_(_DUE),
        OutboxRow.next_at <= now,
        OutboxRow.action.in_(actions),
    )


def _set_unclear_aside(
    session: Session,
    tenant: str,
    now: datetime,
    actions: Sequence[str],
    promises: Mapping[str, Delivery],
) -> None:
    once = [name for name in actions if promises[name] is Delivery.AT_MOST_ONCE]
    if not once:
        return
    begun = select(SentRow.key).where(
        SentRow.tenant_id == OutboxRow.tenant_id,
        SentRow.key == OutboxRow.key,
        SentRow.attempt == OutboxRow.attempts,
    )
    session.execute(
        update(OutboxRow)
        .where(
            OutboxRow.tenant_id == tenant,
            OutboxRow.state == ActionState.LEASED,
            OutboxRow.next_at <= now,
            OutboxRow.action.in_(once),
            begun.exists(),
        )
        .values(state=ActionState.WAITING_FOR_PERSON, outcome=Outcome.UNKNOWN, detail=UNCLEAR),
        execution_options={"synchronize_session": False},
    )


@dataclass(slots=True)
class _Held:
    """What room is left, and what has none. A second try takes none of a rule's room."""

    rules: dict[RuleVersion, int]
    places: dict[str, int]

    @classmethod
    def of(
        cls, session: Session, tenant: str, due: Sequence[ColumnElement[bool]], now: datetime
    ) -> "_Held":
        columns = (OutboxRow.rule, OutboxRow.rule_version, OutboxRow.place)
        found = session.execute(select(*columns).where(*due).distinct()).all()
        versions = sorted({RuleVersion(rule, version) for rule, version, _ in found})
        room = rooms(session, tenant, versions, now=now)
        places = sorted({place for _, _, place in found if place is not None})
        return cls(
            {one: room[one].actions for one in versions},
            {place: _room_at(session, tenant, place, now) for place in places},
        )

    def open(self) -> Iterator[ColumnElement[bool]]:
        """What the database need not even look at, or it would find nothing else in a batch."""
        for one, room in self.rules.items():
            if room <= 0:
                yield (
                    (OutboxRow.rule != one.rule)
                    | (OutboxRow.rule_version != one.version)
                    | OutboxRow.acted_at.is_not(None)
                )
        full = [place for place, room in self.places.items() if room <= 0]
        if full:
            yield OutboxRow.place.is_(None) | OutboxRow.place.not_in(full)

    def lets(self, row: OutboxRow) -> bool:
        """Whether there is room for it, which it then takes."""
        one = RuleVersion(row.rule, row.rule_version)
        is_first = row.acted_at is None
        if (is_first and self.rules[one] <= 0) or self.places.get(row.place or "", 1) <= 0:
            return False
        self.rules[one] -= is_first
        if row.place is not None:
            self.places[row.place] -= 1
        return True


def _room_at(session: Session, tenant: str, place: str, now: datetime) -> int:
    """Of what was taken a moment ago, and is not noted as sent yet, nothing is known: it counts."""
    sent = select(func.count()).where(
        SentRow.tenant_id == tenant, SentRow.place == place, SentRow.began_at > now - MINUTE
    )
    taken = select(func.count()).where(
        OutboxRow.tenant_id == tenant,
        OutboxRow.place == place,
        OutboxRow.state == ActionState.LEASED,
        OutboxRow.next_at > now,
    )
    counted = (session.scalar(sent) or 0) + (session.scalar(taken) or 0)
    return A_MINUTE_TO_ONE_PLACE - counted


def _taken(row: OutboxRow, now: datetime) -> Leased:
    row.state, row.attempts, row.next_at = ActionState.LEASED, row.attempts + 1, now + LEASE
    row.acted_at = row.acted_at or now
    return Leased(
        tenant=row.tenant_id,
        key=row.key,
        message=row.message_id,
        connection=row.connection_id,
        stream=row.stream,
        rule=row.rule,
        action=row.action,
        place=row.place,
        attempt=row.attempts,
        made_at=row.made_at,
        payload=row.payload or {},
        subject_keys=tuple(row.subject_keys),
    )


def _lock(tenant: str) -> int:
    digest = hashlib.blake2b(f"dispatch/{tenant}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
