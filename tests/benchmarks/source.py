"""A database in one file, whose rows become documents of about 1 kB."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

STREAM: Final = "notes"
COLUMNS: Final = ("id", "author_email", "note", "updated_at")
FIRST: Final = datetime(2026, 3, 1, tzinfo=UTC)
NOTE_WORDS: Final = 63
"""Stored, with its envelope and action, as large as the documents that the others are given."""
PEOPLE: Final = 500
_WORDS: Final = 5_000
_TABLE: Final = """
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, author_email TEXT NOT NULL, note TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL
)
"""
_INDEX: Final = "CREATE INDEX notes_changed ON notes (updated_at, id)"


def make_source(path: Path, rows: int) -> None:
    """All rows were changed in March 2026, twenty in a second; always the same content."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_TABLE)
        connection.executemany("INSERT INTO notes VALUES (?, ?, ?, ?)", _rows(rows))
        connection.execute(_INDEX)
        connection.commit()


def records(count: int) -> Iterator[dict[str, int | str]]:
    """The same rows, as others get them."""
    for row in _rows(count):
        yield dict(zip(COLUMNS, row, strict=True))


def _rows(count: int) -> Iterator[tuple[int, str, str, str]]:
    chance = random.Random(count)
    words = [chance.randbytes(chance.randint(2, 6)).hex() for _ in range(_WORDS)]
    for number in range(count):
        moment = FIRST + timedelta(seconds=number // 20)
        note = " ".join(chance.choices(words, k=NOTE_WORDS))
        person = f"person{number % PEOPLE}@example.org"
        yield number, person, note, moment.strftime("%Y-%m-%d %H:%M:%S")
