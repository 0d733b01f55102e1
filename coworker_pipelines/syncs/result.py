"""What a phase reports of one stream and window."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.page import Cursor

MetadataValue = str | int | float | bool

ITEMS_SHOWN_MAX: Final = 3
"""Of a list in a cursor: that of a repository names every branch's last commit."""

_PLAIN = re.compile(r"[0-9TZ:.+-]*|[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult:
    """``metadata`` holds numbers, ids and cursors; no payload, no name of a person, no secret."""

    stream: str
    window: Window
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


def nothing_to_do(stream: str, window: Window, reason: str) -> PhaseResult:
    """A phase that had no work, and says why."""
    return PhaseResult(stream=stream, window=window, metadata={"nothing to do": reason})


def per_second(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0


def describe_cursor(cursor: Cursor | None) -> str:
    """The cursor as an engineer may read it: numbers, times and hashes, and nothing else of it.

    A cursor may hold a primary key, and a primary key may be a person's address.
    """
    if cursor is None:
        return "none"
    return orjson.dumps(_shown(dict(cursor)), option=orjson.OPT_SORT_KEYS).decode()


def _shown(value: object) -> object:
    match value:
        case dict():
            return {key: _shown(inner) for key, inner in value.items()}
        case list() if len(value) > ITEMS_SHOWN_MAX:
            more = f"(and {len(value) - ITEMS_SHOWN_MAX} more)"
            return [*map(_shown, value[:ITEMS_SHOWN_MAX]), more]
        case list():
            return [_shown(inner) for inner in value]
        case str() if not _PLAIN.fullmatch(value):
            return "(text)"
        case _:
            return value
