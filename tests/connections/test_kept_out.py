"""Marks of what was swept: the same for the same document, and small."""

import random
import tracemalloc
from collections.abc import Iterator

from coworker_pipelines.connections.kept_out import SweptMarks, add_marks, kept_out, mark_of
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.scope import Scope
from tests.database.planted import NOW, plant

KEY = b"a key of the tenant, 32 bytes :)"
MANY = 200_000


def test_a_mark_is_of_the_document_in_this_content_and_of_this_tenant() -> None:
    own = mark_of(KEY, "commits", "7", b"1")
    assert own == mark_of(KEY, "commits", "7", b"1")
    others = {
        mark_of(KEY[::-1], "commits", "7", b"1"),
        mark_of(KEY, "notes", "7", b"1"),
        mark_of(KEY, "commits", "71", b""),
        mark_of(KEY, "commits", "7", b"2"),
        mark_of(KEY, "commits7", "", b"1"),
    }
    assert len(others | {own}) == 6


def test_many_marks_take_eight_bytes_each() -> None:
    choice = random.Random(7)
    known = sorted({choice.randrange(-(2**63), 2**63) for _ in range(MANY)})

    def ascending() -> Iterator[int]:
        yield from known

    tracemalloc.start()
    marks = SweptMarks(ascending())
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 12 * MANY
    assert all(mark in marks for mark in known[::997])
    assert not any(mark + 1 in marks for mark in known[::997])
    assert len(marks) == len(known)
    assert 1 not in SweptMarks()


def test_marks_are_kept_once_and_for_their_stream_alone(database: Database) -> None:
    planted = plant(database, "acme")
    scope = Scope(tenant=planted.tenant, connection=planted.connection, epoch=1)
    for _ in range(2):
        with database.privacy() as session:
            add_marks(session, scope, "notes", [3, -5])
    with database.tenant(planted.tenant) as session:
        found = kept_out(session, scope, "notes", now=NOW)
        other = kept_out(session, scope, "tags", now=NOW)
    assert (len(found.swept), 3 in found.swept, -5 in found.swept) == (2, True, True)
    assert len(other.swept) == 0
    assert found.due_before is not None
