"""Looking after actions: seeing them, and deciding on those that need a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow, SentRow, TaskRow
from coworker_pipelines.automation.outbox.states import (
    ENDED,
    NEEDS_A_PERSON,
    ActionState,
    Outcome,
)
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError

KEY_CHARACTERS_MIN: Final = 8
"""So much of a key is enough where it is one action's alone."""


def latest_actions(
    session: Session,
    tenant: str,
    *,
    limit: int,
    states: Sequence[ActionState] = (),
    rule: str | None = None,
) -> Sequence[OutboxRow]:
    """The latest first; without states, in any."""
    statement = _of(tenant).order_by(OutboxRow.made_at.desc(), OutboxRow.ordinal).limit(limit)
    if states:
        statement = statement.where(OutboxRow.state.in_(states))
    if rule is not None:
        statement = statement.where(OutboxRow.rule == rule)
    return session.scalars(statement).all()


def find_action(session: Session, tenant: str, key: str, *, lock: bool = False) -> OutboxRow:
    """The action of that key, or of the one key that begins so.

    Raises:
        TenantActionError: there is none, or more than one.
    """
    if len(key) < KEY_CHARACTERS_MIN or not key.isalnum():
        raise TenantActionError(f"A key has {KEY_CHARACTERS_MIN} characters at least.")
    statement = _of(tenant).where(OutboxRow.key.startswith(key, autoescape=True)).limit(2)
    found = session.scalars(statement.with_for_update() if lock else statement).all()
    if len(found) != 1:
        what = "more than one action whose key begins" if found else "no action whose key begins"
        raise TenantActionError(f"There is {what} with {key[:40]!r}; see `coworker outbox list`.")
    return found[0]


def attempts_of(session: Session, action: OutboxRow) -> Sequence[SentRow]:
    """What was sent for it, in order."""
    return session.scalars(
        select(SentRow)
        .where(SentRow.tenant_id == action.tenant_id, SentRow.key == action.key)
        .order_by(SentRow.attempt)
    ).all()


def latest_tasks(
    session: Session, tenant: str, *, limit: int, list_name: str | None = None
) -> Sequence[TaskRow]:
    """What rules have made for people, the latest first."""
    statement = select(TaskRow).where(TaskRow.tenant_id == tenant)
    if list_name is not None:
        statement = statement.where(TaskRow.list_name == list_name)
    return session.scalars(statement.order_by(TaskRow.made_at.desc()).limit(limit)).all()


def retry(session: Session, tenant: str, key: str, *, by: str, now: datetime) -> OutboxRow:
    """After this it is tried again, with the same key.

    Raises:
        RefusedError: it is over, or somebody is about it; or what it was about was erased.
    """
    action = _deciding(session, tenant, key)
    if action.payload is None:
        raise RefusedError("What it was about was erased: there is nothing left to do.")
    action.state, action.next_at = ActionState.READY, now
    action.detail = f"{by} has it tried again."
    session.flush()
    return action


def discard(session: Session, tenant: str, key: str, *, by: str, now: datetime) -> OutboxRow:
    """After this it is not done any more.

    Raises:
        RefusedError: it is over, or somebody is about it.
    """
    action = find_action(session, tenant, key, lock=True)
    _require(action, NEEDS_A_PERSON | {ActionState.READY})
    action.state, action.outcome, action.done_at = ActionState.STOPPED, Outcome.DISCARDED, now
    action.detail = f"{by} decided that it is not to be done."
    session.flush()
    return action


def settle(session: Session, tenant: str, key: str, *, by: str, now: datetime) -> OutboxRow:
    """After this it counts as done: a person has looked, and it had arrived.

    Raises:
        RefusedError: it does not wait for a person.
    """
    action = _deciding(session, tenant, key)
    action.state, action.outcome, action.done_at = ActionState.DONE, Outcome.DONE, now
    action.detail = f"{by} has seen that it arrived."
    session.flush()
    return action


def _deciding(session: Session, tenant: str, key: str) -> OutboxRow:
    action = find_action(session, tenant, key, lock=True)
    _require(action, NEEDS_A_PERSON)
    return action


def _require(action: OutboxRow, states: frozenset[ActionState]) -> None:
    if action.state in states:
        return
    if action.state in ENDED:
        raise RefusedError(f"It is {action.state} already, and stays so.")
    raise RefusedError(f"It is {action.state}: it is tried without anybody's doing.")


def _of(tenant: str) -> Select[OutboxRow]:
    return select(OutboxRow).where(OutboxRow.tenant_id == tenant)
