"""Kinds of destinations: what each is told by, and what can be sent there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coworker_pipelines.automation.actions.types import SENDABLE
from coworker_pipelines.automation.outbox.sendable import TEXT_FIELD


class DestinationKind(StrEnum):
    WEBHOOK = "webhook"
    """A signed request to another system."""
    SLACK = "slack"
    """A chat with incoming webhooks as Slack has them."""
    MAIL = "mail"
    """A mail server, by SMTP with TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """``schemes`` begin its address; ``fields`` can be authorised; ``action`` leads there."""

    action: str
    schemes: tuple[str, ...]
    fields: frozenset[str]


WAYS: Final[Mapping[DestinationKind, Way]] = {
    DestinationKind.WEBHOOK: Way(action="webhook", schemes=("https",), fields=SENDABLE),
    DestinationKind.SLACK: Way(action="notify", schemes=("https",), fields=frozenset({TEXT_FIELD})),
    DestinationKind.MAIL: Way(
        action="notify", schemes=("smtps", "smtp"), fields=frozenset({TEXT_FIELD})
    ),
}
PORTS: Final[Mapping[str, int]] = {"https": 443, "smtps": 465, "smtp": 587}
