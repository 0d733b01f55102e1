"""Waiting until a node does what it is for, not only until it listens."""

import json
from collections.abc import Callable
from typing import Any, Final

import urllib3

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.services.address import ElasticsearchAddress
from coworker_pipelines.services.waiting import await_value

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
        RetryLaterError: a step took longer than ``timeout_s``.
        TenantActionError: the node has ended, or refuses its own password.
    """
    with urllib3.PoolManager(headers=_headers(address), retries=False) as pool:

        def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            return await_value(
                lambda: _call(pool, method, address.url + path, body),
                of="Elasticsearch",
                is_alive=is_alive,
                timeout_s=timeout_s,
            )

        ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=5s")
        wanted = {"name": _KEY_NAME, "expiration": "1h", "role_descriptors": {}}
        key = ask("POST", "/_security/api_key", wanted)
        ask("DELETE", "/_security/api_key", {"ids": [key["id"]]})


def _headers(address: ElasticsearchAddress) -> dict[str, str]:
    assert address.password is not None
    credentials = f"{address.user}:{address.password.get_secret_value()}"
    return {
        **urllib3.make_headers(basic_auth=credentials),
        "content-type": "application/json",
    }


def _call(
    pool: urllib3.PoolManager, method: str, url: str, body: dict[str, Any] | None
) -> dict[str, Any] | None:
    content = None if body is None else json.dumps(body)
    try:
        response = pool.request(method, url, body=content, timeout=_REQUEST_TIMEOUT_S)
    except urllib3.exceptions.HTTPError:
        return None
    if response.status in _REFUSED:
        raise TenantActionError(
            f"Elasticsearch refuses {method} with {response.status}: if its password file was "
            "replaced while it ran, run `coworker services down` and `up`."
        )
    if response.status != _OK:
        return None
    answer: dict[str, Any] = response.json()
    return answer
