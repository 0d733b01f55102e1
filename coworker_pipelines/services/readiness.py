"""Waiting until a node does what it is for, not only until it listens."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

import urllib3

from coworker_pipelines.kernel.errors import DefectError, RetryLaterError
from coworker_pipelines.services.address import ElasticsearchAddress

_POLL_S: Final = 0.2
_REQUEST_TIMEOUT_S: Final = 10.0
_KEY_NAME: Final = "warm-up"
_OK: Final = 200
_REFUSED: Final = frozenset({400, 401, 403})


def await_node(
    address: ElasticsearchAddress, *, is_alive: Callable[[], bool], timeout_s: float
) -> None:
    """The node answers to its password, and has made an API key and taken it back.

    The index of keys is made by the first key; whoever comes next must not wait for it.

    Raises:
        RetryLaterError: not within ``timeout_s``.
        DefectError: the node has ended, or refuses what it must grant.
    """
    deadline = time.monotonic() + timeout_s
    with urllib3.PoolManager(headers=_headers(address), retries=False) as pool:
        health = f"{address.url}/_cluster/health?wait_for_status=yellow&timeout=5s"
        _poll(lambda: _call(pool, "GET", health), is_alive, deadline)
        keys = f"{address.url}/_security/api_key"
        wanted = {"name": _KEY_NAME, "expiration": "1h", "role_descriptors": {}}
        made = _poll(lambda: _call(pool, "POST", keys, wanted), is_alive, deadline)
        unwanted = {"ids": [made["id"]]}
        _poll(lambda: _call(pool, "DELETE", keys, unwanted), is_alive, deadline)


def _headers(address: ElasticsearchAddress) -> dict[str, str]:
    assert address.password is not None
    credentials = f"{address.user}:{address.password.get_secret_value()}"
    return {
        **urllib3.make_headers(basic_auth=credentials),
        "content-type": "application/json",
    }


def _poll(
    attempt: Callable[[], dict[str, Any] | None], is_alive: Callable[[], bool], deadline: float
) -> dict[str, Any]:
    while time.monotonic() < deadline:
        answer = attempt()
        if answer is not None:
            return answer
        if not is_alive():
            raise DefectError("The Elasticsearch node ended while it was starting.")
        time.sleep(_POLL_S)
    raise RetryLaterError("The Elasticsearch node did not become ready in time.")


def _call(
    pool: urllib3.PoolManager, method: str, url: str, body: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    content = None if body is None else json.dumps(body)
    try:
        response = pool.request(method, url, body=content, timeout=_REQUEST_TIMEOUT_S)
    except urllib3.exceptions.HTTPError:
        return None
    if response.status in _REFUSED:
        raise DefectError(f"The Elasticsearch node refuses {method} with {response.status}.")
    if response.status != _OK:
        return None
    answer: dict[str, Any] = response.json()
    return answer
