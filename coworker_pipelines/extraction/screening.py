"""Who was erased is not taken in: records about them are left out, mentions of them masked."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from coworker_pipelines.connections.suppression import SuppressionList, document_token
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.extraction.masking import mask_addresses
from coworker_pipelines.extraction.subjects import People, Subjects
from coworker_pipelines.sdk.stream import IdentifierKind, Stream

PEOPLE_CACHED: Final = 20_000


class Screened(NamedTuple):
    """A payload that names nobody who is suppressed, and whom it still names."""

    payload: bytes
    people: People


class Screen:
    """One stream's list, applied to a record before its segment and again before it is stored.

    ``handle`` is the connection's. Where nothing is suppressed a screen is false and costs nothing.
    """

    def __init__(
        self, suppression: SuppressionList, stream: Stream, subject_key: bytes, *, handle: str
    ) -> None:
        self._list = suppression
        self._stream = stream
        self._subject_key = subject_key
        self._handle = handle
        self._subjects = Subjects(stream, subject_key)
        # The same people come again and again, and so do records that name nobody.
        self._names_any = lru_cache(PEOPLE_CACHED)(suppression.names_any)

    def __bool__(self) -> bool:
        return bool(self._list)

    def leaves_out(self, identified: People, key: str | None) -> bool:
        """Whether the record is about or by somebody who was erased, or its document was masked.

        ``identified`` are those whom its identifying fields name.
        """
        if identified.keys and self._names_any(identified.keys):
            return True
        if not self._list.documents or key is None:
            return False
        token = document_token(self._subject_key, self._handle, self._stream.name, key)
        return token in self._list.documents

    def leaves_out_stored(self, record: Mapping[str, Any], key: str) -> bool:
        """The same, of a record as it stands in a document."""
        (identified,) = self._subjects.identified((record,))
        return self.leaves_out(identified, key)

    def names_any(self, keys: Iterable[str]) -> bool:
        """Whether somebody who was erased is among them."""
        return self._names_any(tuple(keys))

    def mask(self, payload: bytes) -> bytes:
        """The payload with the mark for every address of somebody who was erased."""
        return mask_addresses(payload, self._is_masked)

    def screened(self, payload: bytes) -> Screened | None:
        """What is taken of a record that mentions somebody; ``None`` if it cannot be masked."""
        masked = self.mask(payload)
        record: Mapping[str, Any] = orjson.loads(masked)
        # A field that named somebody by the address that is masked now names nobody.
        (identified,) = self._subjects.identified((record,))
        people = self._subjects.mentioned(identified, masked)
        return None if self.names_any(people.keys) else Screened(masked, people)

    def _is_masked(self, address: str) -> bool:
        key = subject_key_of(IdentifierKind.EMAIL, address, self._subject_key)
        return key is not None and self._list.names_any((key,))
