"""What of automation tells of people, and what is left of it when they are erased."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import case

from coworker_pipelines.automation.action_rows import OutboxRow, SentRow, TagRow, TaskRow
from coworker_pipelines.automation.outbox.states import ENDED, ActionState, Outcome
from coworker_pipelines.automation.rows import DecisionRecord
from coworker_pipelines.automation.subject_rows import SubjectRows


def _decision(now: datetime) -> Mapping[str, Any]:
    """Its chain still verifies: what is hashed in the clear names nobody."""
    return {"personal": None, "salt": None, "subject_keys": [], "erased_at": now}


def _action(now: datetime) -> Mapping[str, Any]:
    """What was not done yet is not done any more, for there is nothing left to do it with."""
    is_over = OutboxRow.state.in_(ENDED)
    return {
        "payload": None,
        "subject_keys": [],
        "erased_at": now,
        "state": case((is_over, OutboxRow.state), else_=ActionState.STOPPED.value),
        "outcome": case((is_over, OutboxRow.outcome), else_=Outcome.ERASED.value),
        "done_at": case((is_over, OutboxRow.done_at), else_=now),
    }


def _sent(now: datetime) -> Mapping[str, Any]:
    """A hash of what may be guessed tells what it was, so it goes; that something left stays."""
    return {"digest": None, "subject_keys": [], "erased_at": now}


DECISIONS: Final = (SubjectRows(DecisionRecord, DecisionRecord.personal, _decision),)
OUTBOX: Final = (
    SubjectRows(OutboxRow, OutboxRow.payload, _action),
    SubjectRows(SentRow, SentRow.digest, _sent),
)
EFFECTS: Final = (SubjectRows(TagRow), SubjectRows(TaskRow))
