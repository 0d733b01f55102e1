"""What comes of an action after an attempt: pure judgement, and its record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow, SentRow
from coworker_pipelines.automation.actions.types import Delivery
from coworker_pipelines.automation.dispatch.leasing import Leased
from coworker_pipelines.automation.dispatch.patience import wait_before_next
from coworker_pipelines.automation.egress.sending import Arrival, Report
from coworker_pipelines.automation.outbox.states import ActionState, Outcome

TRIED_ENOUGH: Final = "It was tried as often as it may. The last time: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """``wait`` is set where it is tried again."""

    state: ActionState
    outcome: Outcome
    detail: str | None
    wait: timedelta | None = None


DONE: Final = Ending(state=ActionState.DONE, outcome=Outcome.DONE, detail=None)


def ending_of(
    report: Report, *, promise: Delivery, attempts: int, dice: Callable[[], float]
) -> Ending:
    """What a report means for an action that was tried so often."""
    match report.arrival:
        case Arrival.ARRIVED:
            return Ending(state=ActionState.DONE, outcome=Outcome.DONE, detail=report.detail)
        case Arrival.REFUSED:
            return refused(report.detail)
        case Arrival.UNKNOWN if promise is Delivery.AT_MOST_ONCE:
            return Ending(
                state=ActionState.WAITING_FOR_PERSON,
                outcome=Outcome.UNKNOWN,
                detail=report.detail,
            )
        case Arrival.UNKNOWN | Arrival.NOT_SENT | Arrival.TURNED_AWAY:
            is_unknown = report.arrival is Arrival.UNKNOWN
            outcome = Outcome.UNKNOWN if is_unknown else Outcome.FAILED
            wait = wait_before_next(attempts, asked_s=report.retry_after_s, dice=dice)
            if wait is None:
                return Ending(
                    state=ActionState.DEAD, outcome=outcome, detail=TRIED_ENOUGH + report.detail
                )
            return Ending(state=ActionState.READY, outcome=outcome, detail=report.detail, wait=wait)
        case unknown:
            assert_never(unknown)


def refused(detail: str) -> Ending:
    """It can never succeed as things are."""
    return Ending(state=ActionState.DEAD, outcome=Outcome.REFUSED, detail=detail)


def given_back() -> Ending:
    """What is stopped stays as it was before it was taken."""
    return Ending(
        state=ActionState.READY, outcome=Outcome.KILL_SWITCH, detail=None, wait=timedelta()
    )


def still_held(session: Session, action: Leased) -> bool:
    """Whether the lease is ours still; if so, nobody can take it before this transaction ends."""
    found = session.scalar(
        select(OutboxRow.attempts)
        .where(
            OutboxRow.tenant_id == action.tenant,
            OutboxRow.key == action.key,
            OutboxRow.state == ActionState.LEASED,
        )
        .with_for_update()
    )
    return found == action.attempt


def end(session: Session, action: Leased, ending: Ending, *, now: datetime) -> bool:
    """After this transaction the action is where its ending says; not if the lease was lost."""
    ended = session.execute(
        update(OutboxRow)
        .where(
            OutboxRow.tenant_id == action.tenant,
            OutboxRow.key == action.key,
            OutboxRow.state == ActionState.LEASED,
            OutboxRow.attempts == action.attempt,
        )
        .values(
            state=ending.state,
            outcome=ending.outcome,
            detail=ending.detail,
            next_at=now + (ending.wait or timedelta()),
            done_at=now if ending.state is ActionState.DONE else None,
        )
        .returning(OutboxRow.key),
        execution_options={"synchronize_session": False},
    ).all()
    return bool(ended)


def note_end(session: Session, action: Leased, ending: Ending, *, now: datetime) -> None:
    """What came of a sending, also where the lease was lost meanwhile."""
    session.execute(
        update(SentRow)
        .where(
            SentRow.tenant_id == action.tenant,
            SentRow.key == action.key,
            SentRow.attempt == action.attempt,
        )
        .values(outcome=ending.outcome, detail=ending.detail, ended_at=now),
        execution_options={"synchronize_session": False},
    )
