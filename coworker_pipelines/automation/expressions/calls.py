"""Functions and methods of the language: a closed list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from coworker_pipelines.automation.expressions.syntax import Path
from coworker_pipelines.automation.expressions.types import (
    BOOLEAN,
    INTEGER,
    TEXT,
    TIME,
    ValueType,
)

TIME_TEXT: Final[Path] = ("message", "time")
"""The one text that is a time for certain."""
QUANTIFIERS: Final = frozenset({"exists", "all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    of: ValueType
    takes: tuple[ValueType, ...]
    gives: ValueType


FUNCTIONS: Final[Mapping[str, ValueType]] = {
    "has": BOOLEAN,
    "size": INTEGER,
    "string": TEXT,
    "timestamp": TIME,
}
METHODS: Final[Mapping[str, Method]] = {
    **{
        name: Method(of=TEXT, takes=(TEXT,), gives=BOOLEAN)
        for name in ("contains", "endsWith", "matches", "startsWith")
    },
    # Of a time, in UTC; a month and a day of the week are counted from 0, as CEL has it.
    **{
        name: Method(of=TIME, takes=(), gives=INTEGER)
        for name in (
            *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear"),
            *("getHours", "getMinutes", "getMonth", "getSeconds"),
        )
    },
}
_NO_CLOCK: Final = (
    "There is no clock: a decision must come out the same in two years. Say when a rule is in "
    "force by valid_from and valid_to, and compare with message.time."
)
_NO_CHANCE: Final = "There is no chance: a decision must come out the same each time."
CLOCKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("now", "today", "date", "time", "clock", "utcnow", "current_time"), _NO_CLOCK),
    **dict.fromkeys(("random", "rand", "uuid", "randint"), _NO_CHANCE),
}
SENTENCES: Final[Mapping[str, str]] = {
    "size": "size(...) counts the items of a list.",
    "time": "Write a time in UTC, as '2026-01-31T00:00:00Z'.",
    "timestamp": "timestamp(...) takes message.time, or a plain text.",
}


def is_time(text: str) -> bool:
    """Whether it is one in RFC 3339, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return text.endswith("Z") and "T" in text and moment.tzinfo is not None
