"""What is sent: made of what the rule chose and the destination may have. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from coworker_pipelines.automation.action_rows import DestinationRow
from coworker_pipelines.automation.decisions.decision import canonical
from coworker_pipelines.automation.egress.kinds import WAYS, DestinationKind
from coworker_pipelines.automation.outbox.sendable import TEXT_FIELD
from coworker_pipelines.extraction.payload import time_text
from coworker_pipelines.kernel.errors import RefusedError

JSON: Final = "application/json"
MAIL: Final = "message/rfc822"
EVENT_TYPE: Final = "coworker.action"
SUBJECT: Final = "A notification from Coworker"
TRIAL_TEXT: Final = "This is a trial: what rules have to say will arrive here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The bytes that go out, the same at every attempt; ``fields`` are what is in them."""

    key: str
    tenant: str
    destination: str
    kind: DestinationKind
    body: bytes = field(repr=False)
    content_type: str
    fields: tuple[str, ...]
    sender: str | None = None
    recipients: tuple[str, ...] = field(default=(), repr=False)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def compose(
    destination: DestinationRow,
    *,
    key: str,
    action: str,
    payload: Mapping[str, Any],
    made_at: datetime,
) -> Letter:
    """The letter of an action to a destination that is in force.

    Raises:
        RefusedError: it is no destination for such an action, or may have nothing of this.
    """
    kind = DestinationKind(destination.kind)
    if WAYS[kind].action != action:
        raise RefusedError(
            f"{destination.name} is a {kind}, and {action} does not lead to one: authorise another "
            "destination under this name, or correct the rule."
        )
    allowed = {
        name: value for name, value in _values(payload).items() if name in destination.fields
    }
    if not allowed:
        raise RefusedError(
            f"Nothing of what the rule sends is authorised for {destination.name}: authorise it "
            "anew with these fields, or correct the rule."
        )
    return _letter(destination, kind, key, allowed, made_at)


def compose_trial(destination: DestinationRow, *, key: str, now: datetime) -> Letter:
    """One that says nothing of anybody, whatever the destination may have."""
    kind = DestinationKind(destination.kind)
    values = {} if kind is DestinationKind.WEBHOOK else {TEXT_FIELD: TRIAL_TEXT}
    return _letter(destination, kind, key, values, now)


def _letter(
    destination: DestinationRow,
    kind: DestinationKind,
    key: str,
    values: Mapping[str, Any],
    made_at: datetime,
) -> Letter:
    body, content_type = _body(kind, destination, key, values, made_at)
    return Letter(
        key=key,
        tenant=destination.tenant_id,
        destination=destination.id,
        kind=kind,
        body=body,
        content_type=content_type,
        fields=tuple(sorted(values)),
        sender=destination.sender,
        recipients=tuple(destination.recipients),
    )


def _values(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    values: Mapping[str, Any] = payload.get("values", {})
    if TEXT_FIELD in payload["parameters"]:
        return {TEXT_FIELD: payload["parameters"][TEXT_FIELD]}
    return values


def _body(
    kind: DestinationKind,
    destination: DestinationRow,
    key: str,
    values: Mapping[str, Any],
    made_at: datetime,
) -> tuple[bytes, str]:
    match kind:
        case DestinationKind.WEBHOOK:
            event = {"type": EVENT_TYPE, "timestamp": time_text(made_at), "data": values}
            return canonical(event), JSON
        case DestinationKind.SLACK:
            return canonical({"text": _without_commands(values[TEXT_FIELD])}), JSON
        case DestinationKind.MAIL:
            return _mail(destination, key, values[TEXT_FIELD], made_at), MAIL


def _without_commands(text: str) -> str:
    """A chat takes ``<!channel>`` for an order to ring everybody, whoever wrote it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mail(destination: DestinationRow, key: str, text: str, made_at: datetime) -> bytes:
    assert destination.sender is not None
    message = EmailMessage(policy=SMTP)
    message["From"] = destination.sender
    message["To"] = ", ".join(destination.recipients)
    message["Subject"] = SUBJECT
    message["Date"] = format_datetime(made_at)
    # By it a receiver knows a mail that comes twice.
    message["Message-ID"] = f"<{key}@{destination.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message.as_bytes()
