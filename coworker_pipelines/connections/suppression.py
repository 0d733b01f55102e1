"""What of a tenant is not taken in: erased people, masked documents, what is being deleted.

Read in the one write path, before a segment is written and again before it is stored. If it
cannot be read, the error goes up and nothing is written.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from coworker_pipelines.connections.rows import Suppression
from coworker_pipelines.connections.suppressed_keys import KeyKind, KeySet, load_keys
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.kernel.scope import Scope

LOADS_MAX: Final = 5
"""So often the list may change while it is read, before reading it is left for later."""
_TOKEN_DIGITS: Final = 32
_UNDER_DELETION: Final = text(
    "SELECT id FROM orders WHERE tenant_id = :tenant AND kind = 'deletion' "
    "AND state IN ('confirmed', 'running', 'waiting') "
    "AND (connection_id IS NULL OR connection_id = :connection) "
    "AND (stream IS NULL OR stream = :stream) LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionList:
    """What holds for one stream of one connection, as of ``generation``.

    ``people`` are sets of subject keys: those of the tenant, of the connection, of the stream.
    """

    generation: int = 0
    people: tuple[KeySet, ...] = ()
    documents: KeySet = field(default_factory=KeySet)

    def __bool__(self) -> bool:
        """Whether anything is suppressed at all."""
        return bool(self.people) or bool(self.documents)

    def names_any(self, keys: Sequence[str]) -> bool:
        """Whether any of the subject keys is suppressed."""
        # Loops: a generator would cost as much as the search (measured).
        for people in self.people:
            for key in keys:
                if key in people:
                    return True
        return False


def list_of_people(keys: Iterable[str], *, generation: int = 1) -> SuppressionList:
    """One that names these subject keys alone."""
    return SuppressionList(generation=generation, people=(KeySet.of(keys),))


def document_token(subject_key: bytes, handle: str, stream: str, key: str) -> str:
    """What a masked document is kept out by; it does not tell which one it was.

    By the connection's handle and not by its id, so that it holds for one of the same name that
    is made anew.
    """
    document = f"document\0{handle}\0{stream}\0{key}".encode()
    return hmac.digest(subject_key, document, "sha256").hex()[:_TOKEN_DIGITS]


def current_generation(session: Session, tenant: str) -> int:
    """Of the tenant's list; 0 where nothing was ever suppressed."""
    newest = select(func.max(Suppression.generation)).where(Suppression.tenant_id == tenant)
    return session.scalar(newest) or 0


def refuse_under_deletion(session: Session, scope: Scope, stream: str) -> None:
    """Return where no confirmed deletion that is not done reaches the stream.

    Raises:
        RefusedError: one does: what would be written now would be written for nothing, or stay.
    """
    values = {"tenant": scope.tenant, "connection": scope.connection, "stream": stream}
    order = session.scalar(_UNDER_DELETION, values)
    if order is not None:
        raise RefusedError(
            f"A deletion is under way here (order {order}): nothing is taken in until it is done."
        )


class SuppressionLists:
    """The lists of one connection's streams, each read again only when the tenant's has changed."""

    def __init__(self) -> None:
        self._generation = -1
        self._keys: dict[tuple[Any, ...], KeySet] = {}

    def current(self, session: Session, scope: Scope, stream: str) -> SuppressionList:
        """The list as it holds now.

        Raises:
            RefusedError: the stream is being deleted.
            RetryLaterError: the list did not stand still.
        """
        refuse_under_deletion(session, scope, stream)
        for _ in range(LOADS_MAX):
            generation = current_generation(session, scope.tenant)
            if generation != self._generation:
                self._keys.clear()
                self._generation = generation
            found = self._load(session, scope, stream, generation)
            # What was added between two pages may have been missed.
            if current_generation(session, scope.tenant) == generation:
                return found
            self._generation = -1
        raise RetryLaterError("The list of suppressed people changes faster than it can be read.")

    def _load(
        self, session: Session, scope: Scope, stream: str, generation: int
    ) -> SuppressionList:
        if generation == 0:
            return SuppressionList()
        person, connection = KeyKind.PERSON, scope.connection
        people = (
            self._set(session, scope, person, "", ""),
            self._set(session, scope, person, connection, ""),
            self._set(session, scope, person, connection, stream),
        )
        return SuppressionList(
            generation=generation,
            people=tuple(keys for keys in people if keys),
            documents=self._set(session, scope, KeyKind.DOCUMENT, "", stream),
        )

    def _set(
        self, session: Session, scope: Scope, kind: KeyKind, connection: str, stream: str
    ) -> KeySet:
        place = (scope.tenant, kind, connection, stream)
        if place not in self._keys:
            self._keys[place] = load_keys(
                session, scope.tenant, kind, connection=connection, stream=stream
            )
        return self._keys[place]
