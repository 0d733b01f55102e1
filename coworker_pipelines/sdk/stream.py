"""Streams and catalogs: what a source offers."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from coworker_pipelines.kernel.errors import TenantActionError


class SyncMode(StrEnum):
    """How a stream is read again."""

    WINDOW = "window"
    """By a time: a record belongs to the month that its cursor field names."""

    SEQUENCE = "sequence"
    """By a growing value that is no time: read on from the cursor, in the current window."""

    SNAPSHOT = "snapshot"
    """Whole, each time, in the current window; rows that are gone are found by comparison."""


class IdentifierKind(StrEnum):
    """What a field says about a person, and so how its value is normalised.

    A ``LOGIN`` and a ``USER_ID`` name somebody at one place alone, which the stream's
    ``namespace`` says; the others name the same person everywhere.
    """

    EMAIL = "email"
    PHONE = "phone"
    LOGIN = "login"
    USER_ID = "user_id"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a stream's records. ``type`` is a JSON Schema type or the source's own word.

    ``person``: identifying fields of one record with the same word here name one and the same
    person, for certain. Where nothing is declared, nobody is taken for anybody else.
    """

    name: str
    type: str
    identifier: IdentifierKind | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One named set of records.

    ``primary_key`` names the fields that together identify a record. ``cursor_field`` is set
    in every mode but ``SNAPSHOT``; its value, read again, never gets smaller for a record,
    so it is the version of the record. ``time_field`` says when the thing happened
    (RFC 3339 text or an aware datetime); in ``WINDOW`` mode the cursor field is a time.
    ``created_field`` says when it came to be, where the source knows. ``namespace`` says whose
    the logins and user ids are; empty, as a source declares it that knows no place beyond
    itself, they are the connection's own.
    """

    name: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    mode: SyncMode
    cursor_field: str | None = None
    time_field: str | None = None
    created_field: str | None = None
    description: str = ""
    namespace: str = ""

    def __post_init__(self) -> None:
        assert self.primary_key, "a stream needs a primary key"
        assert (self.cursor_field is None) == (self.mode is SyncMode.SNAPSHOT)
        names = self.field_names
        assert set(self.primary_key) <= names
        assert all(
            name in names
            for name in (self.cursor_field, self.time_field, self.created_field)
            if name is not None
        )

    @property
    def field_names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.fields)

    @property
    def required_fields(self) -> frozenset[str]:
        """Fields that no selection can take out: without them a record has no place."""
        return frozenset(self.primary_key) | frozenset(
            name for name in (self.cursor_field, self.time_field) if name is not None
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """The streams of one connection, as discovered."""

    streams: tuple[Stream, ...] = field(default=())

    def __iter__(self) -> Iterator[Stream]:
        return iter(self.streams)

    def in_namespace(self, namespace: str) -> "Catalog":
        """The same, where a stream that has no namespace has this one."""
        return Catalog(
            tuple(
                stream if stream.namespace else replace(stream, namespace=namespace)
                for stream in self.streams
            )
        )

    def stream(self, name: str) -> Stream:
        """The stream of that name.

        Raises:
            TenantActionError: there is none; the message names those that are.
        """
        for stream in self.streams:
            if stream.name == name:
                return stream
        known = ", ".join(sorted(stream.name for stream in self.streams)) or "none"
        raise TenantActionError(f"There is no stream {name!r}; this connection has: {known}.")
