"""What a row says happened. Pure.

A row names no actor. Of its whole history it tells when it came to be and when it was last
changed; what lay in between was there only if a sync saw it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from coworker_pipelines.sdk.activity import Fact, StoredRecord, Verb
from coworker_pipelines.sdk.stream import Stream, SyncMode

OBJECT_TYPE: Final = "row"


def derive_facts(stream: Stream, record: StoredRecord) -> Iterator[Fact]:
    """A row's beginning where it is known, and its present version where that is another."""
    created_at = _moment(record, stream.created_field)
    match stream.mode:
        case SyncMode.SEQUENCE:
            # Its rows are added and not changed: each version is a row's beginning.
            yield _fact(stream, record, Verb.CREATE, created_at or record.occurred_at)
        case SyncMode.WINDOW:
            yield from _creation(stream, record, created_at)
            changed_at = _moment(record, stream.cursor_field)
            if created_at is None or changed_at != created_at:
                yield _fact(stream, record, Verb.UPDATE, changed_at, str(record.version))
        case SyncMode.SNAPSHOT:
            yield from _creation(stream, record, created_at)
            yield _fact(stream, record, Verb.UPDATE, None, record.content_hash)


def _creation(stream: Stream, record: StoredRecord, created_at: datetime | None) -> Iterator[Fact]:
    if created_at is not None:
        yield _fact(stream, record, Verb.CREATE, created_at)


def _fact(
    stream: Stream, record: StoredRecord, verb: Verb, at: datetime | None, discriminator: str = ""
) -> Fact:
    return Fact(
        verb=verb,
        at=at,
        object_type=OBJECT_TYPE,
        object_id=record.key,
        discriminator=discriminator,
        attributes={"table": stream.name},
    )


def _moment(record: StoredRecord, name: str | None) -> datetime | None:
    """The field's time; none if it is not selected, or no time (Postgres' ``infinity``)."""
    value: Any = None if name is None else record.payload.get(name)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
