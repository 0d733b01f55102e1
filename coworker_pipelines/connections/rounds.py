"""Rounds of decisions: which messages wait for theirs, and which had none and why.

A round is what one sync brought of a stream and window. It is noted in the transaction that ends
the derivation, so that no message is forgotten, whenever a run dies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import DecisionRound
from coworker_pipelines.connections.stream_states import as_date, fence, sync_stream
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window


class RoundReason(StrEnum):
    """Why messages of a round were passed over: there is no decision on them."""

    NO_RULE = "no_rule"
    """No active rule looks at the stream."""
    HISTORY = "history"
    """They happened before the first rule that looks at the stream became active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """``messages`` are all of the round; ``decided`` and ``actions`` are this run's part."""

    rule_set: str
    messages: int
    passed_over: int
    reason: RoundReason | None
    decided: int = 0
    actions: int = 0


def await_decisions(
    session: Session, scope: Scope, stream: str, window: Window, sync: str, *, now: datetime
) -> None:
    """Note that the messages wait; a round that had its decisions is open again.

    That costs a look and adds nothing: what was decided stays as it was decided.
    """
    statement = insert(DecisionRound).values(
        tenant_id=scope.tenant,
        connection_id=scope.connection,
        stream=stream,
        window=as_date(window),
        sync_id=sync,
        made_at=now,
        messages=0,
        passed_over=0,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["connection_id", "stream", "window", "sync_id"],
            set_={"decided_at": None},
        )
    )


def waiting_rounds(
    session: Session, scope: Scope, stream: str, window: Window
) -> Sequence[DecisionRound]:
    """Those whose messages wait, the oldest first."""
    return session.scalars(
        select(DecisionRound)
        .where(
            DecisionRound.connection_id == scope.connection,
            DecisionRound.stream == stream,
            DecisionRound.window == as_date(window),
            DecisionRound.decided_at.is_(None),
        )
        .order_by(DecisionRound.made_at, DecisionRound.sync_id)
    ).all()


def is_first_round(session: Session, scope: Scope, stream: str, sync: str) -> bool:
    """Whether nothing of the stream was ever decided but in this sync: it shows what there was."""
    others = exists().where(
        DecisionRound.connection_id == scope.connection,
        DecisionRound.stream == stream,
        DecisionRound.sync_id != sync,
        DecisionRound.decided_at.is_not(None),
    )
    return not session.scalar(select(others))


def close_round(
    session: Session,
    scope: Scope,
    *,
    stream: str,
    window: Window,
    written_sync: str,
    run_sync: str,
    result: RoundResult,
    now: datetime,
) -> None:
    """After this no message of the round waits; ``run_sync`` saw to it.

    Raises:
        RefusedError: the connection's epoch was raised.
    """
    fence(session, scope)
    key = (scope.connection, stream, as_date(window), written_sync)
    found = session.get(DecisionRound, key)
    assert found is not None, "a round stays as long as its connection does"
    found.decided_at = now
    found.rule_set = result.rule_set
    found.reason = result.reason
    found.messages, found.passed_over = result.messages, result.passed_over
    part = sync_stream(session, scope, run_sync, stream, window)
    part.decisions += result.decided
    part.actions += result.actions


def require_none_waiting(session: Session, connection: str) -> None:
    """Return if all messages of the connection had their turn.

    Raises:
        TenantActionError: some wait for their decisions.
    """
    found = session.scalar(
        select(DecisionRound)
        .where(DecisionRound.connection_id == connection, DecisionRound.decided_at.is_(None))
        .limit(1)
    )
    if found is not None:
        raise TenantActionError(
            f"Activities of {found.stream} wait for their decisions: sync the connection in the "
            f"window {found.window.isoformat()} first."
        )


def find_round(
    session: Session, connection: str, stream: str, window: Window, sync: str
) -> DecisionRound | None:
    return session.get(DecisionRound, (connection, stream, as_date(window), sync))
