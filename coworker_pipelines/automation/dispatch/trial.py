"""A letter that says nothing, sent because a person asks whether it arrives; noted like others."""

from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import SentRow
from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.dispatch.ending import ending_of
from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.automation.egress.sending import Report
from coworker_pipelines.automation.outbox.states import Outcome

_ONLY: Final = 1
_NOWHERE: Final = ""
"""It comes from no connection."""


def begin_trial(session: Session, letter: Letter, place: str, *, now: datetime) -> None:
    session.add(
        SentRow(
            tenant_id=letter.tenant,
            key=letter.key,
            attempt=_ONLY,
            connection_id=_NOWHERE,
            stream=_NOWHERE,
            destination_id=letter.destination,
            place=place,
            body_bytes=len(letter.body),
            digest=letter.digest,
            fields=list(letter.fields),
            began_at=now,
            outcome=Outcome.BEGUN,
            subject_keys=[],
        )
    )
    session.flush()


def end_trial(session: Session, letter: Letter, report: Report, *, now: datetime) -> None:
    ending = ending_of(report, promise=Delivery.AT_MOST_ONCE, attempts=_ONLY, dice=lambda: 0.0)
    session.execute(
        update(SentRow)
        .where(SentRow.tenant_id == letter.tenant, SentRow.key == letter.key)
        .values(outcome=ending.outcome, detail=ending.detail, ended_at=now),
        execution_options={"synchronize_session": False},
    )
