"""Times in SQLite, which has no type for them: text, compared letter by letter.

A column serves as a cursor only if all its values are written alike: then the order of the
text is the order of the time, and a bound can be written so that it compares with them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy
from sqlalchemy import Connection, and_, func, not_, or_

from coworker_pipelines.connectors.sql.statements import table_of
from coworker_pipelines.connectors.sql.tables import Table

_DIGIT: Final = "[0-9]"
_DATE: Final = "-".join((_DIGIT * 4, _DIGIT * 2, _DIGIT * 2))
_TIME: Final = ":".join((_DIGIT * 2,) * 3)
_SECONDS_CHARACTERS: Final = len("2026-01-01 00:00:00")
_FRACTION_CHARACTERS_MAX: Final = len(".000000")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeShape:
    """How a column writes its times. With a ``Z`` all have the same length."""

    separator: str = " "
    suffix: str = ""
    length: int = _SECONDS_CHARACTERS

    def bound(self, moment: datetime) -> str:
        """Text that compares with a column's as the moment does with its times."""
        moment = moment.astimezone(UTC).replace(tzinfo=None)
        if self.suffix != "Z":
            text = moment.isoformat(sep=self.separator)
            # "00.5" comes before "00.500000", which is the same time.
            return text.rstrip("0") if moment.microsecond else text
        # A "Z" comes behind every digit: the bound has as many of them, rounded up.
        digits = max(0, self.length - _SECONDS_CHARACTERS - len(".Z"))
        moment += timedelta(microseconds=-moment.microsecond % 10 ** (6 - digits))
        seconds = moment.replace(microsecond=0).isoformat(sep=self.separator)
        return f"{seconds}.{moment.microsecond:06}"[: _SECONDS_CHARACTERS + bool(digits) + digits]


def time_shape(connection: Connection, table: Table, name: str) -> TimeShape | None:
    """How the column writes its times; ``None`` if not alike, or not as ISO 8601 in UTC.

    An empty column has the shape in which SQLite itself writes.
    """
    column = sqlalchemy.column(name, sqlalchemy.Text)
    whole = sqlalchemy.select(column).select_from(table_of(table)).where(column.is_not(None))
    sample = connection.execute(whole.limit(1)).scalar()
    if sample is None:
        return TimeShape()
    shape = _shape_of(sample) if isinstance(sample, str) else None
    if shape is None:
        return None
    pattern = f"{_DATE}{shape.separator}{_TIME}*{shape.suffix}"
    length, plain = func.length(column), _SECONDS_CHARACTERS + len(shape.suffix)
    fraction = func.substr(column, _SECONDS_CHARACTERS + 1, length - plain)
    alike = and_(
        func.typeof(column) == "text",
        column.op("GLOB")(pattern),
        length == shape.length
        if shape.suffix == "Z"
        else length <= plain + _FRACTION_CHARACTERS_MAX,
        # Without a fraction the pattern has seen every letter, and most have none.
        or_(length == plain, not_(fraction.op("GLOB")("*[^.0-9]*"))),
    )
    other = connection.execute(whole.where(not_(alike)).limit(1)).first()
    return shape if other is None else None


def _shape_of(sample: str) -> TimeShape | None:
    separator = sample[len("2026-01-01") :][:1]
    if separator not in {" ", "T"}:
        return None
    suffix = next((suffix for suffix in ("Z", "+00:00") if sample.endswith(suffix)), "")
    return TimeShape(separator=separator, suffix=suffix, length=len(sample))
