"""Beginning an action: asked once more whether it may be, and noted before anything goes out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import DestinationRow, SentRow
from coworker_pipelines.automation.dispatch.ending import (
    Ending,
    end,
    given_back,
    refused,
    still_held,
)
from coworker_pipelines.automation.dispatch.leasing import Leased
from coworker_pipelines.automation.egress.letters import Letter, compose
from coworker_pipelines.automation.outbox.states import Outcome
from coworker_pipelines.automation.outbox.stopping import stops_of
from coworker_pipelines.kernel.errors import RefusedError

NOT_AUTHORISED: Final = (
    "The tenant has authorised no destination of this name, and nothing was sent: authorise it, "
    "or correct the rule."
)
LOST: Final = "lost"
"""Somebody else has taken the action meanwhile, or it is gone."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing goes out; ``outcome`` is why."""

    outcome: str


def begin_effect(session: Session, action: Leased, *, now: datetime) -> Ended | None:
    """``None``: it may be done in this transaction, in which nobody can stop or take it."""
    if not still_held(session, action):
        return Ended(LOST)
    if stops_of(session, action.tenant).reach(action.rule):
        return _ended(session, action, given_back(), now)
    return None


def begin_sending(session: Session, action: Leased, *, now: datetime) -> Ended | Letter:
    """What is to go out when this transaction is over, by which it is noted as begun."""
    ended = begin_effect(session, action, now=now)
    if ended is not None:
        return ended
    destination = _destination(session, action)
    if destination is None:
        return _ended(session, action, refused(NOT_AUTHORISED), now)
    try:
        letter = compose(
            destination,
            key=action.key,
            action=action.action,
            payload=action.payload,
            made_at=action.made_at,
        )
    except RefusedError as error:
        return _ended(session, action, refused(str(error)), now)
    session.add(_noted(action, letter, now))
    return letter


def _destination(session: Session, action: Leased) -> DestinationRow | None:
    return session.scalar(
        select(DestinationRow).where(
            DestinationRow.tenant_id == action.tenant,
            DestinationRow.name == action.place,
            DestinationRow.withdrawn_at.is_(None),
        )
    )


def _ended(session: Session, action: Leased, ending: Ending, now: datetime) -> Ended:
    end(session, action, ending, now=now)
    return Ended(ending.outcome)


def _noted(action: Leased, letter: Letter, now: datetime) -> SentRow:
    assert action.place is not None, "what is sent names where to"
    return SentRow(
        tenant_id=action.tenant,
        key=action.key,
        attempt=action.attempt,
        connection_id=action.connection,
        stream=action.stream,
        destination_id=letter.destination,
        place=action.place,
        body_bytes=len(letter.body),
        digest=letter.digest,
        fields=list(letter.fields),
        began_at=now,
        outcome=Outcome.BEGUN,
        subject_keys=list(action.subject_keys),
    )
