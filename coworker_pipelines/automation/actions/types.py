"""The types of actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coworker_pipelines.automation.expressions.types import (
    INTEGER,
    SUBJECT,
    TEXT,
    TEXTS,
    ValueType,
)

TEXT_CHARACTERS_MAX: Final = 2_000
ITEMS_MAX: Final = 50
NAME_PATTERN: Final = r"[a-z0-9][a-z0-9._-]{0,59}"
"""What names that people give consist of: channels, destinations, tags, reasons."""


class Delivery(StrEnum):
    """What is promised where nobody knows whether an effect took place."""

    AT_LEAST_ONCE = "at least once"
    """It is tried again, with the same key; a receiver that knows the key does it once."""

    AT_MOST_ONCE = "at most once"
    """It is not tried again before a person has looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """``constant``: never computed, so that what a rule can reach is known before it runs.

    ``is_name``: it has to look like ``NAME_PATTERN``. ``words`` are the only ones that it, or an
    item of it, may be.
    """

    type: ValueType
    what: str
    constant: bool = False
    is_name: bool = False
    required: bool = True
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionType:
    name: str
    what: str
    delivery: Delivery
    parameters: Mapping[str, Parameter]


SENDABLE: Final = frozenset(
    {
        *("message.id", "message.kind", "message.stream", "message.time", "message.verb"),
        *("message.object.id", "message.object.type", "message.window", "message.attributes"),
        *("message.actor", "connection.name"),
    }
)
"""What of a message a webhook can carry, where the destination's authorisation names it too."""


def _name(what: str) -> Parameter:
    return Parameter(type=TEXT, what=what, constant=True, is_name=True)


_TYPES: Final = (
    ActionType(
        name="notify",
        what="Tell people, by mail or in a chat.",
        delivery=Delivery.AT_LEAST_ONCE,
        parameters={
            "channel": _name("The tenant's name for where it is said."),
            "text": Parameter(type=TEXT, what="What is said."),
        },
    ),
    ActionType(
        name="webhook",
        what="Tell another system, by a signed request.",
        delivery=Delivery.AT_LEAST_ONCE,
        parameters={
            "destination": _name("One that the tenant has authorised."),
            "fields": Parameter(
                type=TEXTS, what="What of the message is sent.", constant=True, words=SENDABLE
            ),
        },
    ),
    ActionType(
        name="ledger.post",
        what="Book an amount to a person's account.",
        delivery=Delivery.AT_MOST_ONCE,
        parameters={
            "account": Parameter(type=SUBJECT, what="Whose account, by the person's key."),
            "amount": Parameter(type=INTEGER, what="Whole units; below zero takes away."),
            "reason": _name("The code by which the booking is known."),
        },
    ),
    ActionType(
        name="tag",
        what="Put a word on the message.",
        delivery=Delivery.AT_LEAST_ONCE,
        parameters={"name": _name("The word.")},
    ),
    ActionType(
        name="create_task",
        what="Make a task for a person: an activity of our own.",
        delivery=Delivery.AT_LEAST_ONCE,
        parameters={
            "list": _name("The list into which it goes."),
            "title": Parameter(type=TEXT, what="What is to be done."),
            "note": Parameter(type=TEXT, what="What helps doing it.", required=False),
        },
    ),
)
ACTION_TYPES: Final[Mapping[str, ActionType]] = {one.name: one for one in _TYPES}
