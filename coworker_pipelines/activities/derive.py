"""From a stored document to its messages: pure, and the same for ever."""

from datetime import datetime
from typing import Any

from coworker_pipelines.activities.changes import hashed_changes
from coworker_pipelines.activities.message import Message, compose_message
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.identifiers import subject_key_of
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import StoredRecord
from coworker_pipelines.sdk.connector import Connector
from coworker_pipelines.sdk.stream import Stream


def derive_messages(
    connector_class: type[Connector[Any]],
    stream: Stream,
    document: StoredDocument,
    *,
    scope: Scope,
    kind: str,
    subject_key: bytes,
) -> list[Message]:
    """One message for each fact, in the connector's order; people and values as keyed hashes.

    An actor whose field is not selected isn't in the document, so it is null in the message.

    Raises:
        DefectError: the connector gave one id to two facts, or a fact that is no message.
    """
    record = _as_record(stream, document)
    messages = [
        compose_message(
            fact,
            document,
            stream=stream.name,
            scope=scope,
            kind=kind,
            actor=None
            if fact.actor is None
            else subject_key_of(
                fact.actor.kind, fact.actor.value, subject_key, namespace=stream.namespace
            ),
            changes=hashed_changes(fact, scope, subject_key) if fact.changes else (),
        )
        for fact in connector_class.derive(stream, record)
    ]
    if len(messages) > 1 and len({message.id for message in messages}) < len(messages):
        raise DefectError(
            f"Two facts of one document of {stream.name} have the same verb and discriminator."
        )
    return messages


def _as_record(stream: Stream, document: StoredDocument) -> StoredRecord:
    occurred_at = document.occurred_at
    return StoredRecord(
        stream=stream.name,
        key=document.key,
        version=document.version,
        content_hash=document.content_hash,
        occurred_at=None if occurred_at is None else datetime.fromisoformat(occurred_at),
        payload=document.payload,
    )
