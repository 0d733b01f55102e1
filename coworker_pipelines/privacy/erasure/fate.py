"""What becomes of what is stored: deleted, rewritten without the person, or left as it is. Pure.

Documents go through the same screen as records that come in, so that what an erasure leaves is
byte for byte what the next sync would take in.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from coworker_pipelines.connections.suppression import document_token, list_of_people
from coworker_pipelines.documents.across import Hit, delete_hit, replace_hit
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.addresses import addresses_in
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.masking import holds_terms, mask_addresses, mask_terms, terms_of
from coworker_pipelines.extraction.screening import Screen
from coworker_pipelines.extraction.subjects import subject_keys_of
from coworker_pipelines.privacy.erasure.places import Place
from coworker_pipelines.privacy.rewriting import rewritten
from coworker_pipelines.sdk.stream import IdentifierKind

DELETE: Final = b'{"delete"'


class Fates:
    """Decides for one person, by their keys and by terms that name them in a text."""

    def __init__(self, keys: Iterable[str], terms: Iterable[str], subject_key: bytes) -> None:
        self.keys = frozenset(keys)
        self.terms = terms_of(terms)
        self._subject_key = subject_key
        self._people = list_of_people(self.keys)
        self._screens: dict[tuple[str, str], Screen] = {}

    def of_document(self, hit: Hit, place: Place) -> bytes:
        """The operation for a document that has one of the keys."""
        document = StoredDocument.from_source(hit.source)
        screen = self._screen(place)
        if screen.leaves_out_stored(document.payload, document.key):
            return delete_hit(hit)
        screened = screen.screened(document.payload_bytes)
        if screened is None:
            return delete_hit(hit)
        return replace_hit(hit, rewritten(document, screened.payload, screened.people.keys))

    def of_text(self, hit: Hit, place: Place) -> bytes | None:
        """The operation for a document that holds a term; ``None`` if it holds none."""
        assert self.terms is not None
        document = StoredDocument.from_source(hit.source)
        payload = document.payload_bytes
        masked = mask_terms(payload, self.terms)
        if masked is payload:
            return None
        record = orjson.loads(masked)
        people = subject_keys_of(place.stream, record, masked, self._subject_key)
        return replace_hit(hit, rewritten(document, masked, people))

    def token_of(self, hit: Hit, place: Place) -> str:
        """What keeps newer versions of the document out."""
        return document_token(self._subject_key, place.handle, place.stream.name, hit.source["key"])

    def of_activity(self, hit: Hit) -> bytes | None:
        """The operation that takes the person out of a message; ``None`` if it is not in there.

        It is the person's, or of a document that named them: then what it tells of values that
        changed, be it only by their hashes, goes as well. Its id stays taken, so that a replay,
        which creates only, does not bring it back.
        """
        event = orjson.dumps(hit.source["payload"], option=orjson.OPT_SORT_KEYS)
        masked = mask_addresses(event, self._is_masked)
        if self.terms is not None:
            masked = mask_terms(masked, self.terms)
        is_actor = hit.source.get("actor") in self.keys
        message = orjson.loads(masked)
        if not forget_values(message) and masked is event and not is_actor:
            return None
        source = dict(hit.source)
        if is_actor:
            message["data"]["actor"] = None
            source["subject_keys"] = []
            del source["actor"]
        source["payload"] = message
        return replace_hit(hit, source)

    def names(self, payload: bytes, place: Place | None) -> bool:
        """Whether a record that could not be stored is about the person or mentions them."""
        found = {self._key_of(address) for address in addresses_in(payload)}
        record = orjson.loads(payload)
        if place is not None and isinstance(record, Mapping):
            (people,) = place.subjects.identified((record,))
            found.update(people.keys)
        if not self.keys.isdisjoint(found):
            return True
        return self.terms is not None and holds_terms(payload, self.terms)

    def _screen(self, place: Place) -> Screen:
        key = (place.scope.connection, place.stream.name)
        if key not in self._screens:
            self._screens[key] = Screen(
                self._people, place.stream, self._subject_key, handle=place.handle
            )
        return self._screens[key]

    def _key_of(self, address: str) -> str | None:
        return subject_key_of(IdentifierKind.EMAIL, address, self._subject_key)

    def _is_masked(self, address: str) -> bool:
        return self._key_of(address) in self.keys


def forget_values(message: Mapping[str, Any]) -> bool:
    """Of each change its path is left, and no hash; whether there was one."""
    told = [one for one in message["data"].get("changes", ()) if one["before"] or one["after"]]
    for one in told:
        one["before"] = one["after"] = None
    return bool(told)


def count_deletes(operations: Iterable[bytes]) -> int:
    return sum(operation.startswith(DELETE) for operation in operations)
