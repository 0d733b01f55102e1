"""A derivation run: the documents that a sync wrote become messages, in flat memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from coworker_pipelines.activities.derive import derive_messages
from coworker_pipelines.activities.message import Message
from coworker_pipelines.activities.store import ActivitiesStore
from coworker_pipelines.documents.reader import DocumentsReader, Query
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationCounts:
    """Documents that were looked at; messages that were new, and that were there already.

    ``unmapped`` of both are about events for which there is no verb. ``last_sequence`` is the
    highest number that a message has.
    """

    documents: int = 0
    created: int = 0
    existing: int = 0
    unmapped: int = 0
    last_sequence: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            documents=self.documents + other.documents,
            created=self.created + other.created,
            existing=self.existing + other.existing,
            unmapped=self.unmapped + other.unmapped,
            last_sequence=max(self.last_sequence, other.last_sequence),
        )


def derive_pending(
    *,
    connector_class: type[Connector[Any]],
    stream: Stream,
    window: Window | None,
    sync: str | None,
    scope: Scope,
    kind: str,
    subject_key: bytes,
    reader: DocumentsReader,
    store: ActivitiesStore,
    without: Query | None = None,
    after: int = 0,
) -> DerivationCounts:
    """Make the messages of all documents that ``sync`` wrote for ``window``; ``None`` for any.

    Documents that match ``without`` make none. New messages are numbered behind ``after``.
    Doing it again, from the start or after a crash anywhere, adds nothing.
    """
    documents = unmapped = 0

    def messages() -> Iterator[Message]:
        nonlocal documents, unmapped
        for page in reader.scan(stream.name, sync=sync, window=window, without=without):
            documents += len(page)
            for document in page:
                made = derive_messages(
                    connector_class,
                    stream,
                    document,
                    scope=scope,
                    kind=kind,
                    subject_key=subject_key,
                )
                unmapped += sum(message.unmapped for message in made)
                yield from made

    written = store.write(messages(), after=after)
    return DerivationCounts(
        documents=documents,
        created=written.created,
        existing=written.existing,
        unmapped=unmapped,
        last_sequence=written.last_sequence,
    )
