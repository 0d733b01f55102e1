"""What of a message can leave, by the names under which a tenant allows it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from coworker_pipelines.automation.actions.types import SENDABLE
from coworker_pipelines.automation.rules.situation import Facts, values_of
from coworker_pipelines.kernel.errors import DefectError

TEXT_FIELD: Final = "text"
"""What a rule makes itself: the text of a notification. It is allowed by a name like the rest."""


def sendable_values(
    event: Mapping[str, Any], facts: Mapping[str, str], fields: Sequence[str]
) -> dict[str, Any]:
    """Values by name; one that the message does not have is left out."""
    values = values_of(event, Facts.from_content(facts))
    found: dict[str, Any] = {}
    for name in fields:
        if name not in SENDABLE:
            raise DefectError("A rule sends what no rule can send.")
        value: Any = values
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    return found
