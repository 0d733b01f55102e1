"""How far a table was read: positions behind a row, and the cursors that keep them. Pure."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.sdk.page import Cursor, ReadRequest
from coworker_pipelines.sdk.stream import SyncMode

Values = tuple[Any, ...]
"""The values of a row's ordering columns, as the driver gave them and takes them back."""

INTEGER_BITS: Final = 63

# The exact type counts: a datetime is a date, too.
_WRITERS: Final[Mapping[type, tuple[str, Callable[[Any], str]]]] = {
    int: ("integer", str),
    Decimal: ("decimal", str),
    bytes: ("bytes", lambda value: b64encode(value).decode()),
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    UUID: ("uuid", str),
}
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "integer": int,
    "decimal": Decimal,
    "bytes": b64decode,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "uuid": UUID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """``after`` is the last row that was read; none at the beginning.

    In ``WINDOW`` mode everything from ``since`` up to that row was read, and ``at`` is its time:
    only then may a later request go on from it.
    """

    after: Values | None = None
    since: datetime | None = None
    at: datetime | None = None

    def to_cursor(self) -> Cursor:
        cursor: dict[str, Any] = {"after": self.after and [_to_json(value) for value in self.after]}
        if self.since is not None:
            cursor["since"] = self.since.isoformat()
            cursor["at"] = self.at and self.at.isoformat()
        return cursor


def start_of(request: ReadRequest, ordering: Sequence[object]) -> Position:
    """Where a read begins: behind the cursor's row, if that leaves nothing out."""
    is_window = request.stream.mode is SyncMode.WINDOW
    beginning = Position(since=request.since if is_window else None)
    after = _after(request.cursor, len(ordering))
    if after is None or not is_window:
        return Position(after=after, since=beginning.since)
    assert request.cursor is not None
    since = datetime.fromisoformat(request.cursor["since"])
    at = datetime.fromisoformat(request.cursor["at"])
    # Narrowed by hand, a sync may have begun later than this one does, or ended before it.
    if not since <= request.since <= at:
        return beginning
    return Position(after=after, since=since, at=at)


def _after(cursor: Cursor | None, count: int) -> Values | None:
    kept = (cursor or {}).get("after")
    # A key that has changed since gives a cursor that says nothing.
    if not kept or len(kept) != count:
        return None
    return tuple(_from_json(value) for value in kept)


def _to_json(value: Any) -> Any:
    if isinstance(value, (bool, str, float)):
        return value
    if isinstance(value, int) and value.bit_length() <= INTEGER_BITS:
        return value
    try:
        name, write = _WRITERS[type(value)]
    except KeyError:
        raise DefectError(f"A key of type {type(value).__name__} cannot be kept.") from None
    return {name: write(value)}


def _from_json(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    ((name, text),) = value.items()
    return _READERS[name](text)
