"""How actions come in: with the decisions that chose them."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow
from coworker_pipelines.automation.decisions.decision import Decision
from coworker_pipelines.automation.outbox.sendable import sendable_values
from coworker_pipelines.automation.outbox.states import ActionState

KEY_BYTES: Final = 16
_PLACE: Final = {"notify": "channel", "webhook": "destination"}


def enqueue(session: Session, tenant: str, decisions: Iterable[Decision]) -> int:
    """After this transaction each action of these decisions is to be done; how many there are.

    The decisions are new: it is for the caller to append them in the same transaction, so that
    there is neither an action without its decision nor a decision whose actions are lost.
    """
    rows = [row for decision in decisions for row in _rows(tenant, decision)]
    if rows:
        session.execute(insert(OutboxRow), rows)
    return len(rows)


def idempotency_key(decision: str, ordinal: int) -> str:
    """The same for ever, and for every attempt: by it a receiver knows what it has done."""
    hashed = f"{decision}/{ordinal}".encode()
    return hashlib.blake2b(hashed, digest_size=KEY_BYTES).hexdigest()


def _rows(tenant: str, decision: Decision) -> Iterator[dict[str, Any]]:
    if not decision.actions:
        return
    opened, personal = decision.open_content(), decision.personal_content()
    versions = {told["id"]: told["version"] for told in opened["rules"]}
    made_at = datetime.fromisoformat(decision.decided_at)
    for ordinal, (action, parameters) in enumerate(
        zip(opened["actions"], personal["parameters"], strict=True)
    ):
        yield {
            "tenant_id": tenant,
            "decision_id": decision.id,
            "ordinal": ordinal,
            "key": idempotency_key(decision.id, ordinal),
            "message_id": decision.message,
            "connection_id": decision.connection,
            "stream": decision.stream,
            "rule": action["rule"],
            "rule_version": versions[action["rule"]],
            "action": action["type"],
            "place": parameters.get(_PLACE.get(action["type"], "")),
            "state": ActionState.READY,
            "attempts": 0,
            "made_at": made_at,
            "next_at": made_at,
            "payload": _payload(personal["event"], opened["facts"], parameters),
            "subject_keys": list(decision.subject_keys),
        }


def _payload(
    event: Mapping[str, Any], facts: Mapping[str, str], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """All that is needed to do it: who dispatches reads neither decisions nor messages."""
    payload: dict[str, Any] = {"parameters": parameters}
    if "fields" in parameters:
        payload["values"] = sendable_values(event, facts, parameters["fields"])
    return payload
