"""The port through which a letter leaves, and what can come of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.kernel.secret import Secret

PRIVATE: Final = (
    "Its host leads into a private network or to where nobody is (link-local, metadata, "
    "multicast), and nothing was sent: authorise one that is public."
)
NO_ADDRESS: Final = "Its host has no address now; nothing was sent."
UNREACHABLE: Final = "It cannot be reached now; nothing was sent."
UNANSWERED: Final = "It was sent, and no whole answer came: it may have arrived."


class Arrival(StrEnum):
    """What is known of a letter afterwards."""

    ARRIVED = "arrived"
    NOT_SENT = "not_sent"
    """None of it went out, and it may another time."""
    TURNED_AWAY = "turned_away"
    """The other side asks for patience, and says that it has not taken it."""
    REFUSED = "refused"
    """It is not taken, or not sent, and will not be as long as things are as they are."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``detail`` is one sentence, without anything of the letter."""

    arrival: Arrival
    detail: str
    retry_after_s: float | None = None


class Sender(ABC):
    """Sends letters of one kind of destination."""

    @abstractmethod
    def send(self, letter: Letter, secrets: Mapping[str, Secret]) -> Report:
        """Send it once; ``secrets`` are the destination's."""
