"""What retention keeps out: records that are too old, or that were swept once and come again."""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from coworker_pipelines.connections.retention import Basis, nearest, standing_policies
from coworker_pipelines.connections.retention_rows import SweptDocument
from coworker_pipelines.kernel.scope import Scope

MARK_BYTES: Final = 8
"""Among a million marks, one new record of 10^13 is taken for a swept one."""
MARKS_AT_ONCE: Final = 10_000
_PURPOSE: Final = b"swept"


class SweptMarks:
    """Marks of a stream's swept documents: eight bytes each, sorted."""

    def __init__(self, ascending: Iterable[int] = ()) -> None:
        self._marks = array("q", ascending)

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, mark: int) -> bool:
        place = bisect_left(self._marks, mark)
        return place < len(self._marks) and self._marks[place] == mark


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """``due_before``: records that happened earlier stay out. ``swept`` do not come back."""

    due_before: datetime | None = None
    swept: SweptMarks = field(default_factory=SweptMarks)


def kept_out(session: Session, scope: Scope, stream: str, *, now: datetime) -> KeptOut:
    """What a stream's policy keeps out now; nothing where it has none.

    A record's age by the time of its ingestion is nought whenever it comes: there, and where a
    record has no time of its own, its mark alone tells that it was here before.
    """
    policy = nearest(standing_policies(session, scope.tenant), scope.connection, stream)
    if policy is None:
        return KeptOut()
    marks = session.scalars(
        select(SweptDocument.mark)
        .where(SweptDocument.connection_id == scope.connection, SweptDocument.stream == stream)
        .order_by(SweptDocument.mark)
        .execution_options(yield_per=MARKS_AT_ONCE)
    )
    return KeptOut(
        due_before=policy.due_before(now) if policy.basis is Basis.EVENT else None,
        swept=SweptMarks(marks),
    )


def mark_of(subject_key: bytes, stream: str, key: str, content: bytes) -> int:
    """The mark of a document in this content.

    ``content`` is its version, or where its stream has none its content's hash: what changes at
    the source after it was swept is new, and comes in again.
    """
    digest = hashlib.blake2b(digest_size=MARK_BYTES, key=subject_key, person=_PURPOSE)
    for part in (stream.encode(), key.encode(), content):
        digest.update(len(part).to_bytes(4) + part)
    return int.from_bytes(digest.digest(), signed=True)


def add_marks(session: Session, scope: Scope, stream: str, marks: Sequence[int]) -> None:
    """After this transaction they are known; one that is known already stays as it is."""
    if marks:
        session.execute(
            insert(SweptDocument).on_conflict_do_nothing(),
            [
                {
                    "tenant_id": scope.tenant,
                    "connection_id": scope.connection,
                    "stream": stream,
                    "mark": mark,
                }
                for mark in marks
            ],
        )
