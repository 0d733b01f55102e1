"""Small databases with people in them, which change while they are synced."""

import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

PEOPLE: Final = 5
ROWS: Final = 10
ORDERS, STAFF = "orders", "staff"
"""Read by time; read whole."""
_TABLES: Final = {
    ORDERS: "(id TEXT PRIMARY KEY, customer_email TEXT, note TEXT, updated_at TIMESTAMP NOT NULL)",
    STAFF: "(id TEXT PRIMARY KEY, email TEXT, note TEXT)",
}
_MARCH: Final = datetime(2026, 3, 1)  # noqa: DTZ001 - the source writes no zone
_FEBRUARY: Final = datetime(2026, 2, 1)  # noqa: DTZ001 - the source writes no zone


def address(person: int, seed: int) -> str:
    return f"ann{person}.s{seed}@example.org"


def is_named(person: int, seed: int) -> re.Pattern[str]:
    """Finds every spelling of a person's address; in one that only ends alike it finds nothing."""
    return re.compile(
        rf"(?<![\w.+-])ann{person}\.s{seed}(\+\w+)?@example\.org", re.IGNORECASE | re.ASCII
    )


class SmallSource:
    """``streams`` are its tables; each row was changed at a second of its own."""

    def __init__(self, path: Path, *, streams: tuple[str, ...]) -> None:
        self.path = path
        self.streams = streams
        self._ticks = 0
        with closing(sqlite3.connect(path)) as database:
            # So that it can change while it is read.
            database.execute("PRAGMA journal_mode = WAL")
            for stream in streams:
                database.execute(f"CREATE TABLE {stream} {_TABLES[stream]}")

    @property
    def form(self) -> dict[str, str]:
        return {"url": f"sqlite:///{self.path}"}

    def refill(self, seed: int) -> None:
        """Rows of this schedule alone; two of them were changed in February."""
        with closing(sqlite3.connect(self.path)) as database, database:
            for stream in self.streams:
                database.execute(f"DELETE FROM {stream}")  # noqa: S608 - ours
            for number in range(ROWS):
                for stream in self.streams:
                    row = self._row(stream, number, seed)
                    marks = ", ".join("?" * len(row))
                    database.execute(f"INSERT INTO {stream} VALUES ({marks})", row)  # noqa: S608

    def change(self, which: int) -> None:
        """Every third row is changed, and so comes with the next sync, whomever it is about."""
        with closing(sqlite3.connect(self.path)) as database, database:
            for number in range(which % 3, ROWS, 3):
                for stream in self.streams:
                    ends = {"end": f"-{number}", "word": f" {which}"}
                    database.execute(
                        f"UPDATE {stream} SET note = note || :word WHERE id LIKE '%' || :end",  # noqa: S608
                        ends,
                    )
                    if stream == ORDERS:
                        moment = self._moment(_MARCH)
                        changed = "UPDATE orders SET updated_at = :at WHERE id LIKE '%' || :end"
                        database.execute(changed, {"at": moment, "end": f"-{number}"})

    def _row(self, stream: str, number: int, seed: int) -> tuple[str, ...]:
        about, other = number % PEOPLE, (number * 2 + 1) % PEOPLE
        named = address(other, seed)
        spelled = (named, named.upper(), named.replace("@", "+work@"))[number % 3]
        email = address(about, seed)
        if number == ROWS - 1:
            email = f"jo{email}"
        note = f"row {number} mentions {spelled}, and jo{named} as well"
        row = (f"s{seed}-{number}", email.upper() if number == 2 else email, note)
        if stream == STAFF:
            return row
        return (*row, self._moment(_FEBRUARY if number in {3, 4} else _MARCH))

    def _moment(self, start: datetime) -> str:
        self._ticks += 1
        return (start + timedelta(seconds=self._ticks)).strftime("%Y-%m-%d %H:%M:%S")
