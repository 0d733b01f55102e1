"""The message: a CloudEvent 1.0 in JSON, the same bytes for the same facts.

Source: CNCF, *CloudEvents - Version 1.0.2*, and its JSON event format. The body follows
``schema/activity-v1.json``; a change that is not additive makes a new version of both.
Context attributes hold ids, stream names and document keys; no name or address of a person.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import orjson

from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.extraction.payload import time_text
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Fact, Verb

SPEC_VERSION: Final = "1.0"
SCHEMA_VERSION: Final = 1
SCHEMA_ID: Final = f"urn:coworker:schema:activity:v{SCHEMA_VERSION}"
CONTENT_TYPE: Final = "application/json"
MESSAGE_BYTES_MAX: Final = 64 * 2**10
"""What every intermediary must carry, says CloudEvents 1.0 ("Size Limits")."""
SEQUENCE_DIGITS: Final = 19
"""As many as the largest number has, so that texts are in the order of their numbers."""
EVENT_BYTES_MAX: Final = MESSAGE_BYTES_MAX - len('"sequence":"",') - SEQUENCE_DIGITS
"""What leaves room for the number that a message has when it leaves."""
ID_BYTES: Final = 16

_TYPES: Final = {verb: f"com.coworker.activity.{verb.lower()}.v{SCHEMA_VERSION}" for verb in Verb}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One activity. ``event`` is the CloudEvent as JSON with sorted keys; the rest finds it.

    ``occurred_at`` is RFC 3339 in UTC. ``sync`` is the one that wrote the document: it is not
    part of the event, which must not depend on a run. ``unmapped``: the source's event has no verb.
    """

    id: str
    verb: Verb
    stream: str
    document_key: str
    object_type: str
    actor: str | None
    occurred_at: str | None
    window: str
    sync: str
    event: bytes
    unmapped: bool = False


def compose_message(
    fact: Fact,
    document: StoredDocument,
    *,
    stream: str,
    scope: Scope,
    kind: str,
    actor: str | None,
    changes: Sequence[Mapping[str, str | None]] = (),
) -> Message:
    """The message of one fact about a document; ``actor`` is a pseudonymous key.

    ``changes`` are the fact's, hashed. What a fact does not have isn't in its message.

    Raises:
        DefectError: it would be larger than a message may be, cannot be written as JSON, or says
            that it is unmapped and is no ``Update``.
    """
    if fact.unmapped and fact.verb is not Verb.UPDATE:
        raise DefectError(f"An activity of {stream} is unmapped and told as {fact.verb}.")
    message_id = identify(scope, stream, document.key, fact.verb, fact.discriminator)
    occurred_at = None if fact.at is None else _utc_text(fact.at)
    event: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": message_id,
        "source": f"/tenants/{scope.tenant}/connections/{scope.connection}",
        "type": _TYPES[fact.verb],
        "subject": f"{stream}/{document.key}",
        "datacontenttype": CONTENT_TYPE,
        "dataschema": SCHEMA_ID,
        "data": {
            "verb": fact.verb,
            "actor": actor,
            "kind": kind,
            "object": {"type": fact.object_type, "id": fact.object_id, "stream": stream},
            "document": {
                "key": document.key,
                "version": document.version,
                "content_hash": document.content_hash,
            },
            "window": document.window,
            "attributes": fact.attributes,
        },
    }
    if occurred_at is not None:
        event["time"] = occurred_at
    if changes:
        event["data"]["changes"] = changes
    if fact.unmapped:
        event["data"]["unmapped"] = True
    return Message(
        id=message_id,
        verb=fact.verb,
        stream=stream,
        document_key=document.key,
        object_type=fact.object_type,
        actor=actor,
        occurred_at=occurred_at,
        window=document.window,
        sync=document.sync,
        event=_encoded(event, stream),
        unmapped=fact.unmapped,
    )


def identify(scope: Scope, stream: str, key: str, verb: Verb, discriminator: str) -> str:
    """The id of a fact: of what happened to which document, and of nothing else.

    Neither run, clock, order nor content is in it: a document that is written again gives
    the same ids, unless its connector puts the version into the discriminator.
    """
    facts = (scope.tenant, scope.connection, stream, key, verb, discriminator)
    return hashlib.blake2b(orjson.dumps(facts), digest_size=ID_BYTES).hexdigest()


def schema() -> dict[str, Any]:
    """The published JSON Schema of a message, as a whole event."""
    text = files(__package__).joinpath(f"schema/activity-v{SCHEMA_VERSION}.json").read_bytes()
    content: dict[str, Any] = orjson.loads(text)
    return content


def _encoded(event: Mapping[str, Any], stream: str) -> bytes:
    try:
        encoded = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise DefectError(f"An activity of {stream} holds what is not JSON.") from error
    if len(encoded) > EVENT_BYTES_MAX:
        raise DefectError(
            f"An activity of {stream} has {len(encoded)} bytes; {EVENT_BYTES_MAX} are the most."
        )
    return encoded


def _utc_text(at: datetime) -> str:
    if at.tzinfo is None:
        raise DefectError("An activity has a time without a zone.")
    return time_text(at)
