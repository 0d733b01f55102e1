"""What changed, by paths and keyed hashes: which field, and whether to the same value. Pure.

A hash is under the tenant's key, so that nobody can try values against it, and is of one field of
one object of one connection, so that two of them can be compared where one change follows another
(what was *after* is *before*), and nowhere else: equal titles of two issues have other hashes.
"""

import hmac
from typing import Any, Final

import orjson

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.sdk.activity import Fact

HASH_LENGTH: Final = 32
_PURPOSE: Final = "change"
"""With it, no hash is one that the same key makes of an identifier."""


def hashed_changes(fact: Fact, scope: Scope, key: bytes) -> tuple[dict[str, str | None], ...]:
    """The fact's changes in its order, without a value in the clear.

    Raises:
        DefectError: a value cannot be written as JSON.
    """
    return tuple(
        {
            "path": change.path,
            "before": _hash(fact, scope, change.path, change.before, key),
            "after": _hash(fact, scope, change.path, change.after, key),
        }
        for change in fact.changes
    )


def _hash(fact: Fact, scope: Scope, path: str, value: Any, key: bytes) -> str | None:
    if value is None:
        return None
    facts = (_PURPOSE, scope.connection, fact.object_type, fact.object_id, path, value)
    try:
        content = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise DefectError(f"A change of {path} holds what is not JSON.") from error
    return hmac.digest(key, content, "sha256").hex()[:HASH_LENGTH]
