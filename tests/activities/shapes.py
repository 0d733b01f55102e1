"""A connector that exists for these tests: every verb, every form of actor, no source."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Actor, Change, Fact, StoredRecord, Verb
from coworker_pipelines.sdk.connector import Connector, ConnectorSettings
from coworker_pipelines.sdk.page import Page, ReadRequest
from coworker_pipelines.sdk.stream import Catalog, Field, IdentifierKind, Stream, SyncMode

SCOPE = Scope(tenant="t0123456789abcde", connection="c0123456789abcde", epoch=1)
SUBJECT_KEY = b"a key of the tenant, 32 bytes :)"
KIND = "board"
CARDS = Stream(
    name="cards",
    fields=(
        Field(name="id", type="integer"),
        Field(name="title", type="string"),
        Field(name="author", type="string", identifier=IdentifierKind.EMAIL),
        Field(name="updated_at", type="string"),
        Field(name="verb", type="string"),
    ),
    primary_key=("id",),
    mode=SyncMode.WINDOW,
    cursor_field="updated_at",
    time_field="updated_at",
)


class BoardSettings(ConnectorSettings):
    pass


class BoardConnector(Connector[BoardSettings]):
    """A card says which verb it is about; the message's discriminator is its version.

    A word that is no verb of ours is an event that nobody has thought of; ``moves`` tell changes.
    """

    kind = KIND
    description = "Cards on a board."
    fixed_streams = (CARDS,)
    settings_type = BoardSettings

    def check(self) -> None:
        return None

    def discover(self) -> Catalog:
        return Catalog((CARDS,))

    def read(self, request: ReadRequest) -> Iterator[Page]:
        del request
        yield Page(records=(), cursor={})

    @classmethod
    def derive(cls, stream: Stream, record: StoredRecord) -> Iterator[Fact]:
        del stream
        author = record.payload.get("author")
        word = record.payload["verb"]
        is_known = word in set(Verb)
        yield Fact(
            verb=Verb(word) if is_known else Verb.UPDATE,
            at=record.occurred_at,
            object_type="card",
            object_id=record.key,
            actor=Actor(kind=IdentifierKind.EMAIL, value=author) if author else None,
            discriminator=str(record.version),
            attributes={"title_length": len(record.payload.get("title", ""))},
            changes=tuple(
                Change(path=path, before=before, after=after)
                for path, before, after in record.payload.get("moves", ())
            ),
            unmapped=not is_known,
        )


def card(number: int, *, verb: Verb = Verb.CREATE, **changes: Any) -> StoredDocument:
    """A stored card; ``changes`` replace fields of its envelope."""
    at = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + number
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    content: dict[str, Any] = {
        "key": str(number),
        "version": number,
        "content_hash": f"{number:032x}",
        "occurred_at": moment,
        "extracted_at": "2026-02-01T00:00:00Z",
        "window": "2026-01-01",
        "sync": "y0123456789abcde",
        "subject_keys": (),
        "payload": {
            "id": number,
            "title": "A card",
            "author": f"person{number}@example.org",
            "updated_at": moment,
            "verb": str(verb),
        },
    }
    return StoredDocument(**{**content, **changes})
