"""The mapping of the index in which messages rest: fields to find them by, and the event.

The event itself is never indexed: it comes back as it was written.
"""

from typing import Any, Final

from coworker_pipelines.documents.mapping import KEYWORD, PAYLOAD, TIME

ACTIVITY_PROPERTIES: Final[dict[str, Any]] = {
    "id": KEYWORD,
    "verb": KEYWORD,
    "stream": KEYWORD,
    "document_key": KEYWORD,
    "object_type": KEYWORD,
    "actor": KEYWORD,
    "occurred_at": TIME,
    "window": KEYWORD,
    "sync": KEYWORD,
    "sequence": {"type": "long"},
    "unmapped": {"type": "boolean"},
    "subject_keys": KEYWORD,
    "payload": PAYLOAD,
}
