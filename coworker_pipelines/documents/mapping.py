"""The mapping of documents: a fixed envelope around a payload that is never indexed.

``dynamic: false`` and ``enabled: false``: no source can make fields, so a mapping never grows,
and the payload comes back byte for byte.
"""

from typing import Any, Final

KEYWORD: Final = {"type": "keyword"}
TIME: Final = {"type": "date", "format": "strict_date_optional_time_nanos"}
PAYLOAD: Final = {"type": "object", "enabled": False}

DOCUMENT_PROPERTIES: Final[dict[str, Any]] = {
    "key": KEYWORD,
    "version": {"type": "long", "index": False},
    "content_hash": {"type": "keyword", "index": False},
    "occurred_at": TIME,
    "extracted_at": TIME,
    "window": KEYWORD,
    "sync": KEYWORD,
    "subject_keys": KEYWORD,
    "payload": PAYLOAD,
}


def index_body(properties: dict[str, Any], *, replicas: int) -> dict[str, Any]:
    """Settings and mappings of a new index."""
    return {
        "settings": {
            "index": {
                "number_of_shards": 1,
                "number_of_replicas": replicas,
                # Phases refresh when they need to read; until then segments grow undisturbed.
                "refresh_interval": "30s",
                # A third of the default's bytes, written and read no slower (measured).
                "codec": "best_compression",
                # A deleted document's version is forgotten at once: else the same version,
                # selected in again within the default of a minute, would be refused as known.
                # The writer keeps deletes in order, so nothing relies on that memory.
                "gc_deletes": "0s",
                # Room for expunging deletes at once, see the deletion of a person's data.
                "merge": {"policy": {"expunge_deletes_allowed": 0}},
            }
        },
        "mappings": {"dynamic": False, "properties": properties},
    }
