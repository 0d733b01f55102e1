"""What holds keep from an erasure: found by queries, and judged by the same rule once more."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from elasticsearch import Elasticsearch

from coworker_pipelines.connections.holds import (
    Hold,
    hold_over,
    keep_holds_still,
    standing_holds,
)
from coworker_pipelines.connections.rejected import RejectedEntry
from coworker_pipelines.database.database import Database
from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import Hit, find_across
from coworker_pipelines.documents.aging import NOTHING, held
from coworker_pipelines.documents.reader import EVERYTHING, Query
from coworker_pipelines.privacy.erasure.places import Place, Places
from coworker_pipelines.privacy.retention.judgement import rejected_is_held


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderHold:
    """What the holds that stand keep of a tenant's data.

    Messages are kept with the document that they were made of; a rejected record where any moment
    of its month may be meant.
    """

    client: Elasticsearch
    places: Places
    holds: tuple[Hold, ...]

    def query(self) -> Query:
        """Finds the documents that are kept, in all of the tenant's indices."""
        kept = [
            {"bool": {"filter": [where, held([hold])]}}
            for hold in self.holds
            if (where := self._where(hold)) is not NOTHING
        ]
        return {"bool": {"should": kept, "minimum_should_match": 1}} if kept else NOTHING

    def over_document(self, hit: Hit, place: Place) -> Hold | None:
        return hold_over(
            self.holds, place.scope.connection, place.stream.name, **_times(hit.source)
        )

    def over_messages(self, page: Sequence[Hit]) -> list[Hold | None]:
        """The hold over the document that each message was made of."""
        if not self.holds:
            return [None] * len(page)
        asked: dict[tuple[str, str], set[str]] = {}
        for hit in page:
            connection, stream = _origin(hit)
            if any(hold.reaches(connection, stream) for hold in self.holds):
                asked.setdefault((connection, stream), set()).add(hit.source["document_key"])
        kept = {
            (*origin, key): hold
            for origin, keys in asked.items()
            for key, hold in self._kept(*origin, keys)
        }
        return [kept.get((*_origin(hit), hit.source["document_key"])) for hit in page]

    def sorted_out(self, page: Sequence[Hit]) -> tuple[list[Hit], list[Hold]]:
        """Of documents and messages what no hold keeps, and the hold over each of the others."""
        own = [hit for hit in page if names.holds_documents(hit.index)]
        messages = [hit for hit in page if not names.holds_documents(hit.index)]
        holds = [self.over_document(hit, self.places.of_index(hit.index)) for hit in own]
        holds += self.over_messages(messages)
        judged = list(zip([*own, *messages], holds, strict=True))
        return (
            [hit for hit, hold in judged if hold is None],
            [hold for _, hold in judged if hold is not None],
        )

    def over_rejected(self, connection: str, entry: RejectedEntry) -> Hold | None:
        assert entry.at is not None, "it comes from the database"
        found = (
            hold
            for hold in self.holds
            if hold.reaches(connection, entry.stream)
            and rejected_is_held(entry.window, entry.at, [hold])
        )
        return max(found, key=lambda hold: (hold.review_at, hold.id), default=None)

    def _kept(self, connection: str, stream: str, keys: set[str]) -> Iterator[tuple[str, Hold]]:
        pattern = names.pattern_of(self.places.tenant, connection, stream)
        for page in find_across(self.client, pattern, {"terms": {"key": sorted(keys)}}):
            for hit in page:
                hold = hold_over(self.holds, connection, stream, **_times(hit.source))
                if hold is not None:
                    yield hit.source["key"], hold

    def _where(self, hold: Hold) -> Query:
        """The indices that a hold reaches, in every epoch."""
        if hold.connection is None and hold.stream is None:
            return EVERYTHING
        reached = [
            {"prefix": {"_index": f"{stem}."}}
            for stem, place in self.places.by_index.items()
            if hold.reaches(place.scope.connection, place.stream.name)
        ]
        return {"bool": {"should": reached, "minimum_should_match": 1}} if reached else NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """Asks for a tenant's holds whenever something is about to go."""

    database: Database
    client: Elasticsearch
    places: Places

    def now(self) -> UnderHold:
        """As they stand at this moment; another may come at the next."""
        with self.database.privacy() as session:
            return self._of(standing_holds(session, self.places.tenant))

    @contextmanager
    def still(self) -> Iterator[UnderHold]:
        """As they stand until the block ends: who places or releases one waits for it."""
        with self.database.privacy() as session:
            keep_holds_still(session, self.places.tenant)
            yield self._of(standing_holds(session, self.places.tenant))

    def _of(self, holds: Sequence[Hold]) -> UnderHold:
        return UnderHold(client=self.client, places=self.places, holds=tuple(holds))


def _origin(message: Hit) -> tuple[str, str]:
    """The connection and stream of the document that a message was made of."""
    return message.index.split(".")[2], message.source["stream"]


class _Times(TypedDict):
    occurred_at: datetime | None
    extracted_at: datetime


def _times(source: Mapping[str, str]) -> _Times:
    occurred_at = source.get("occurred_at")
    return {
        "occurred_at": None if occurred_at is None else datetime.fromisoformat(occurred_at),
        "extracted_at": datetime.fromisoformat(source["extracted_at"]),
    }
