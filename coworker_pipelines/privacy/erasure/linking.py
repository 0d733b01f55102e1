"""A person's keys: from those that were given, over links seen in the data, to a fixed point."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from elasticsearch import Elasticsearch

from coworker_pipelines.documents import names
from coworker_pipelines.documents.across import find_across
from coworker_pipelines.documents.reader import matching
from coworker_pipelines.extraction.identifiers import NAMESPACED, subject_key_of
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.erasure.identifying import Identifier, Said
from coworker_pipelines.privacy.erasure.places import Place, Places
from coworker_pipelines.privacy.erasure.sealed import Person, PersonKey
from coworker_pipelines.sdk.stream import IdentifierKind

KEYS_MAX: Final = 50
"""A person with more has been taken for many: somebody has to look."""


def given_keys(places: Places, identifiers: tuple[Identifier, ...]) -> tuple[PersonKey, ...]:
    """The keys that were given, once each.

    Raises:
        TenantActionError: a place is no connection of the tenant, or knows no such identifiers.
    """
    found: dict[str, PersonKey] = {}
    for identifier in identifiers:
        if identifier.said is Said.TERM:
            continue
        for namespace in _namespaces(places, identifier):
            made = _key(places, identifier.kind, identifier.value, namespace)
            if made is not None:
                found.setdefault(made.key, made)
    return tuple(found.values())


def linked(client: Elasticsearch, places: Places, person: Person) -> Person:
    """The person with every key that records of theirs lead to.

    Raises:
        TenantActionError: they lead to more than one person can have.
    """
    known = {one.key: one for one in given_keys(places, person.identifiers)}
    fresh = list(known)
    while fresh:
        found: dict[str, PersonKey] = {}
        for link in _links(client, places, fresh):
            for one in link.others:
                if one.key not in known and one.key not in person.left_out:
                    by = list(known).index(link.key) + 1
                    found.setdefault(one.key, replace(one, by=by, where=link.where))
        known |= found
        if len(known) > KEYS_MAX:
            raise TenantActionError(
                f"More than {KEYS_MAX} identifiers hang together here, which are no single "
                "person's: leave out the one that many share."
            )
        fresh = list(found)
    return replace(person, keys=tuple(known.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A record names the key and the others as one person."""

    key: str
    others: tuple[PersonKey, ...]
    where: str


def _links(client: Elasticsearch, places: Places, keys: list[str]) -> Iterator[_Link]:
    pattern = names.tenant_pattern(places.tenant)
    for page in find_across(client, pattern, matching(None, None, keys)):
        for hit in page:
            if names.holds_documents(hit.index):
                place = places.of_index(hit.index)
                yield from _links_in(places, place, hit.source["payload"], frozenset(keys))


def _links_in(
    places: Places, place: Place, record: Mapping[str, Any], keys: frozenset[str]
) -> Iterator[_Link]:
    kinds = {entry.name: entry.identifier for entry in place.stream.fields}
    for fields in place.groups.values():
        named: dict[str, PersonKey] = {}
        for name in fields:
            kind, value = kinds[name], record.get(name)
            if kind is None or kind is IdentifierKind.NAME or not isinstance(value, (str, int)):
                continue
            made = _key(places, kind, value, place.stream.namespace)
            if made is not None:
                named[made.key] = made
        for key in keys & named.keys():
            others = tuple(one for one in named.values() if one.key != key)
            where = f"{place.handle} {place.stream.name}: {', '.join(fields)}"
            yield _Link(key=key, others=others, where=where)


def _key(
    places: Places, kind: IdentifierKind, value: str | int, namespace: str
) -> PersonKey | None:
    key = subject_key_of(kind, value, places.subject_key, namespace=namespace)
    if key is None:
        return None
    own = namespace if kind in NAMESPACED else ""
    return PersonKey(key=key, kind=kind, namespace=own, value=str(value))


def _namespaces(places: Places, identifier: Identifier) -> list[str]:
    if identifier.place is None:
        return [""]
    found = {
        place.stream.namespace
        for place in places.in_connection(identifier.place)
        if any(entry.identifier is identifier.kind for entry in place.stream.fields)
    }
    if not found:
        raise TenantActionError(
            f"{identifier.place} is no connection of this tenant that knows people by a "
            f"{identifier.said}."
        )
    return sorted(found)
