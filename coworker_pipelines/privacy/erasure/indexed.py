"""The hands at documents and at the messages that were made of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final

from elasticsearch import Elasticsearch

from coworker_pipelines.connections.holds import Hold
from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import Hit, change, count_across, find_across
from coworker_pipelines.documents.reader import EVERYTHING, Query, excluding, matching
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.privacy.erasure.fate import Fates, count_deletes
from coworker_pipelines.privacy.erasure.holding import Holding, Keeping, Taken, Told, Touching
from coworker_pipelines.privacy.erasure.places import Place, Places
from coworker_pipelines.privacy.erasure.under_hold import Holds, UnderHold

PASSES_MAX: Final = 5
"""The first takes out; another one is needed only if a sync wrote in between."""
Freed = Callable[[int], None]
"""Hears how many messages were freed together with the documents that they were made from."""
Scanned = Callable[[int], None]
"""Hears how many documents a deep scan has read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document, and what is to be done to it."""

    hit: Hit
    place: Place
    operation: bytes
    by_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents(Holding):
    """By their keys, and with ``fates.terms`` by what their texts say."""

    client: Elasticsearch
    places: Places
    fates: Fates
    holds: Holds
    touching: Touching
    keeping: Keeping
    freed: Freed
    scanned: Scanned

    def count(self) -> int:
        return self.count_by_key() + sum(len(page) for page in self._found_by_text())

    def count_by_key(self) -> int:
        return count_across(self.client, self._pattern, self._outside(self._query))

    def take_out(self, told: Told) -> None:
        for _ in range(PASSES_MAX):
            changed = 0
            for pages in (self._found_by_key(), self._found_by_text()):
                for page in pages:
                    changed += self._change(page, told)
            # What keys find is counted; what texts say is known by another look alone.
            if (not changed or self.fates.terms is None) and not self.count_by_key():
                return
        raise RetryLaterError("Documents of the person are being written; it is tried again.")

    def kept(self) -> frozenset[Hold]:
        under = self.holds.now()
        if not under.holds:
            return frozenset()
        found: set[Hold] = set()
        query = self._query if self.fates.terms is None else EVERYTHING
        inside = {"bool": {"filter": [query, under.query()]}}
        for page in find_across(self.client, self._pattern, inside):
            for hit in page:
                place = self.places.of_index(hit.index)
                if self._is_meant(hit, place) and (hold := under.over_document(hit, place)):
                    found.add(hold)
        return frozenset(found)

    @property
    def _pattern(self) -> str:
        return f"{names.tenant_pattern(self.places.tenant).removesuffix('*')}*.documents.*"

    @property
    def _query(self) -> Query:
        return matching(None, None, sorted(self.fates.keys))

    def _outside(self, query: Query) -> Query:
        return excluding(query, self.holds.now().query())

    def _is_meant(self, hit: Hit, place: Place) -> bool:
        if not self.fates.keys.isdisjoint(hit.source["subject_keys"]):
            return True
        return self.fates.terms is not None and self.fates.of_text(hit, place) is not None

    def _change(self, page: Sequence[Found], told: Told) -> int:
        """Of a page what no hold keeps at this moment; how much that was."""
        with self.holds.still() as under:
            going = [one for one in page if under.over_document(one.hit, one.place) is None]
            if not going:
                return 0
            self._keep_out([one for one in going if one.by_text])
            self.touching(frozenset(one.hit.index for one in going))
            self._free_messages(under, going)
            operations = [one.operation for one in going]
            done = list(compress(operations, change(self.client, operations)))
        deleted = count_deletes(done)
        told(Taken(deleted=deleted, masked=len(done) - deleted))
        return len(going)

    def _found_by_key(self) -> Iterator[list[Found]]:
        if not self.fates.keys:
            return
        for page in find_across(self.client, self._pattern, self._outside(self._query)):
            yield [
                Found(hit=hit, place=place, operation=self.fates.of_document(hit, place))
                for hit in page
                for place in (self.places.of_index(hit.index),)
            ]

    def _found_by_text(self) -> Iterator[list[Found]]:
        if self.fates.terms is None:
            return
        for page in find_across(self.client, self._pattern, self._outside(EVERYTHING)):
            found: list[Found] = []
            for hit in page:
                place = self.places.of_index(hit.index)
                operation = self.fates.of_text(hit, place)
                if operation is not None:
                    found.append(Found(hit=hit, place=place, operation=operation, by_text=True))
            self.scanned(len(page))
            if found:
                yield found

    def _keep_out(self, found: Sequence[Found]) -> None:
        tokens: dict[str, set[str]] = {}
        for one in found:
            token = self.fates.token_of(one.hit, one.place)
            tokens.setdefault(one.place.stream.name, set()).add(token)
        if tokens:
            self.keeping({stream: frozenset(made) for stream, made in tokens.items()})

    def _free_messages(self, under: UnderHold, page: Sequence[Found]) -> None:
        """Messages of these documents say nothing of the person: they may hold what those did."""
        # Keys may be another stream's as well: a message that says nothing of the person stays.
        query = {"terms": {"document_key": [one.hit.source["key"] for one in page]}}
        pattern = _activities(self.places.tenant)
        for messages in find_across(self.client, pattern, query):
            self.freed(_free(self.client, messages, self.fates, under, self.touching))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activities(Holding):
    client: Elasticsearch
    tenant: str
    fates: Fates
    holds: Holds
    touching: Touching

    def count(self) -> int:
        under = self.holds.now()
        if not under.holds:
            return count_across(self.client, self._pattern, self._query)
        return sum(under.over_messages(page).count(None) for page in self._pages())

    def take_out(self, told: Told) -> None:
        for _ in range(PASSES_MAX):
            freed = 0
            for page in self._pages():
                with self.holds.still() as under:
                    freed += _free(self.client, page, self.fates, under, self.touching)
            told(Taken(masked=freed))
            if not self.count():
                return
        raise RetryLaterError("Messages of the person are being written; it is tried again.")

    def kept(self) -> frozenset[Hold]:
        under = self.holds.now()
        if not under.holds:
            return frozenset()
        found = (hold for page in self._pages() for hold in under.over_messages(page))
        return frozenset(hold for hold in found if hold is not None)

    def _pages(self) -> Iterator[list[Hit]]:
        return find_across(self.client, self._pattern, self._query)

    @property
    def _pattern(self) -> str:
        return _activities(self.tenant)

    @property
    def _query(self) -> Query:
        return matching(None, None, sorted(self.fates.keys))


def _activities(tenant: str) -> str:
    return f"{names.tenant_pattern(tenant).removesuffix('*')}*.activities.*"


def _free(
    client: Elasticsearch,
    page: Sequence[Hit],
    fates: Fates,
    under: UnderHold,
    touching: Touching,
) -> int:
    holds = under.over_messages(page)
    found = [
        (hit, fates.of_activity(hit)) for hit, hold in zip(page, holds, strict=True) if hold is None
    ]
    operations = [operation for _, operation in found if operation is not None]
    touching(frozenset(hit.index for hit, operation in found if operation is not None))
    return sum(change(client, operations))
