"""What may be decided at this moment: a deletion or an erasure may have come since it was read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from coworker_pipelines.connections.stream_states import fence
from coworker_pipelines.connections.suppression import SuppressionLists
from coworker_pipelines.kernel.scope import Scope

Event = Mapping[str, Any]
"""A CloudEvent, as it was written."""
Admit = Callable[[Session, Sequence[Event]], Sequence[Event]]
"""Which of the events may be decided in this transaction."""


def everything(_: Session, events: Sequence[Event]) -> Sequence[Event]:
    return events


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Of one connection, as it is in the transaction that decides.

    Raises (when called): ``RefusedError`` where the connection was deleted or started anew, or one
    of its streams is being deleted.
    """

    scope: Scope
    suppressions: SuppressionLists = field(default_factory=SuppressionLists)

    def __call__(self, session: Session, events: Sequence[Event]) -> Sequence[Event]:
        """All but those whose actor was erased meanwhile."""
        fence(session, self.scope)
        streams = {event["data"]["object"]["stream"] for event in events}
        lists = {
            stream: self.suppressions.current(session, self.scope, stream) for stream in streams
        }
        return [
            event
            for event in events
            if (actor := event["data"]["actor"]) is None
            or not lists[event["data"]["object"]["stream"]].names_any((actor,))
        ]
