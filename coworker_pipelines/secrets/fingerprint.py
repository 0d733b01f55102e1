"""Telling whether secrets changed, without reading them."""

import hashlib
import hmac
from collections.abc import Mapping

import orjson

from coworker_pipelines.kernel.secret import Secret


def fingerprint(values: Mapping[str, Secret], key: bytes) -> str:
    """HMAC-SHA-256 in hex over the names and values, whatever their order.

    Keyed, so that who reads the database cannot try out passwords against it.
    """
    content = orjson.dumps(
        {name: value.get_secret_value() for name, value in values.items()},
        option=orjson.OPT_SORT_KEYS,
    )
    return hmac.new(key, content, hashlib.sha256).hexdigest()
