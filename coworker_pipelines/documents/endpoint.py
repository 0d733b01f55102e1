"""Plain requests with bodies that are bytes already: what the hot path is made of.

The client serialises what it is given; here nothing may be serialised twice, and every answer's
status, also a failure's, is for the caller to judge.
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final

import orjson
import urllib3

from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.services.address import ElasticsearchAddress

CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
CONNECTIONS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is 0 where the connection broke before an answer was whole."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    def json(self) -> Any:
        return orjson.loads(self.body)


class Endpoint:
    """One cluster, spoken to with one key."""

    def __init__(self, address: ElasticsearchAddress) -> None:
        self._url = address.url.rstrip("/")
        self._headers = {"Accept": "application/json", **_authorization(address)}
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS_MAX,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            ca_certs=str(address.ca_certificate) if address.ca_certificate else None,
        )

    def post(self, path: str, body: bytes, *, content_type: str = "application/json") -> Answer:
        """Send once; a connection that breaks is an answer of status 0.

        Raises:
            RefusedError: the key is not known or may not do this.
        """
        try:
            response = self._pool.request(
                "POST",
                self._url + path,
                body=body,
                headers={**self._headers, "Content-Type": content_type},
            )
        except urllib3.exceptions.HTTPError:
            return Answer(status=0, body=b"")
        if response.status == 401:  # noqa: PLR2004 - HTTP's own number
            raise RefusedError("Elasticsearch does not know this key; it was revoked or expired.")
        if response.status == 403:  # noqa: PLR2004
            raise RefusedError("Elasticsearch refuses this key the index that it asked for.")
        return Answer(
            status=response.status,
            body=response.data,
            retry_after_s=_seconds(response.headers.get("Retry-After")),
        )

    def close(self) -> None:
        self._pool.clear()


def _authorization(address: ElasticsearchAddress) -> dict[str, str]:
    if address.api_key is not None:
        return {"Authorization": f"ApiKey {address.api_key.get_secret_value()}"}
    if address.user is not None and address.password is not None:
        pair = f"{address.user}:{address.password.get_secret_value()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
