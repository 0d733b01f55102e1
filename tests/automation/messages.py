"""Messages as connectors make them, without a source."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from coworker_pipelines.activities.message import compose_message
from coworker_pipelines.automation.rules.situation import Facts
from coworker_pipelines.documents.reader import StoredDocument
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Fact, Verb

SCOPE = Scope(tenant="t0123456789abcde", connection="c0123456789abcde", epoch=1)
ANN, BOB = "a" * 32, "b" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = Facts(connection="handbook", decided_at=NOON)


def commit(number: int, *, scope: Scope = SCOPE, **changes: Any) -> dict[str, Any]:
    """The event of a commit, as it comes back from the store."""
    given: dict[str, Any] = {"lines_added": number, "actor": ANN, "verb": Verb.COMMIT, **changes}
    attributes = {"parents": ["p" * 40], "lines_added": given["lines_added"]}
    fact = Fact(
        verb=given["verb"],
        at=given.get("at", NOON + timedelta(minutes=number)),
        object_type="commit",
        object_id=f"{number:040x}",
        attributes={name: value for name, value in attributes.items() if value is not None},
    )
    document = StoredDocument(
        key=f"{number:040x}",
        version=None,
        content_hash=f"{number:032x}",
        occurred_at=None,
        extracted_at="2026-03-02T00:00:00Z",
        window="2026-03-01",
        sync="y0123456789abcde",
        subject_keys=(),
        payload={},
    )
    message = compose_message(
        fact, document, stream="commits", scope=scope, kind="git", actor=given["actor"]
    )
    event: dict[str, Any] = orjson.loads(message.event)
    return event
