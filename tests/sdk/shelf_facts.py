"""Shelves whose facts have a defect each."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import ClassVar

from coworker_pipelines.sdk.activity import Change, Fact, FactShape, StoredRecord, Verb
from coworker_pipelines.sdk.stream import Stream
from tests.sdk.shelf import LOANS, Shelf

_ticks = count()


class NamesAPerson(Shelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for fact in super().derive(stream, record):
            yield replace(fact, attributes={"by": record.payload.get("author")})


class HashesAPerson(Shelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for fact in super().derive(stream, record):
            told = Change(path="/owner", before=None, after=record.payload.get("author"))
            yield replace(fact, changes=(told,))


class ShapedShelf(Shelf):
    fact_shapes: ClassVar[Mapping[str, FactShape]] = {
        LOANS.name: FactShape(
            verbs=frozenset({Verb.ADD, Verb.UPDATE}), object_types=frozenset({"book"})
        )
    }


class TellsOtherChanges(ShapedShelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for fact in super().derive(stream, record):
            yield replace(fact, changes=(Change(path="/state", before="in", after="out"),))


class HidesThatItIsUnmapped(ShapedShelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for fact in super().derive(stream, record):
            yield replace(fact, verb=Verb.UPDATE, unmapped=True)


class AddsWhatIsUnmapped(ShapedShelf):
    fact_shapes: ClassVar[Mapping[str, FactShape]] = {
        name: replace(shape, unmapped=True) for name, shape in ShapedShelf.fact_shapes.items()
    }

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for fact in super().derive(stream, record):
            yield replace(fact, unmapped=True)


class DerivesByTheClock(Shelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for fact in super().derive(stream, record):
            yield replace(fact, discriminator=f"{next(_ticks)}")


class SaysItTwice(Shelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        for _ in range(2):
            yield from super().derive(stream, record)


class NeedsEveryField(Shelf):
    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        assert record.payload["author"].strip()
        yield from super().derive(stream, record)
