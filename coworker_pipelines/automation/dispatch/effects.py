"""Effects of our own: rows, made in the transaction in which their action ends."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import TagRow, TaskRow
from coworker_pipelines.automation.dispatch.leasing import Leased

Effect = Callable[[Session, Leased, datetime], None]


def tag(session: Session, action: Leased, now: datetime) -> None:
    """After this transaction the word is on the message, whoever put it there first."""
    session.execute(
        insert(TagRow)
        .values(
            tenant_id=action.tenant,
            message_id=action.message,
            tag=action.payload["parameters"]["name"],
            key=action.key,
            connection_id=action.connection,
            stream=action.stream,
            rule=action.rule,
            made_at=now,
            subject_keys=list(action.subject_keys),
        )
        .on_conflict_do_nothing()
    )


def create_task(session: Session, action: Leased, now: datetime) -> None:
    """After this transaction there is the task, once for its key."""
    parameters = action.payload["parameters"]
    session.execute(
        insert(TaskRow)
        .values(
            tenant_id=action.tenant,
            key=action.key,
            list_name=parameters["list"],
            title=parameters["title"],
            note=parameters.get("note"),
            message_id=action.message,
            connection_id=action.connection,
            stream=action.stream,
            rule=action.rule,
            made_at=now,
            subject_keys=list(action.subject_keys),
        )
        .on_conflict_do_nothing()
    )


EFFECTS: Final[Mapping[str, Effect]] = {"tag": tag, "create_task": create_task}
SENDING: Final = ("notify", "webhook")
"""Actions that lead to a destination. ``ledger.post`` is neither: the ledger fetches it."""
DISPATCHED: Final = (*EFFECTS, *SENDING)
