"""Plain requests with bodies that are bytes already: what the hot path is made of.

The client serialises what it is given; here nothing may be serialised twice.
"""

from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
import urllib3

from coworker_pipelines.documents.patience import UnknownKeyError
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.services.address import ElasticsearchAddress

CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
CONNECTIONS_MAX: Final = 16
OVERLOADED: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed later."""
GONE: Final = (
    "The connection's index is gone: the connection was deleted or started anew, or the stream "
    "was taken out."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status that is for the caller to judge, with what was said."""

    status: int
    body: bytes

    def json(self) -> Any:
        """What was said.

        Raises:
            RetryLaterError: it is no JSON, because something cut it short.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise RetryLaterError("Elasticsearch's answer broke off.") from error


class Endpoint:
    """One cluster, spoken to with one key, by several threads at once."""

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
        """Send once.

        Raises:
            RetryLaterError: the cluster is overloaded, cannot be reached or broke off.
            UnknownKeyError: the key is not known.
            RefusedError: the key may not do this, or the index is gone.
        """
        try:
            response = self._pool.request(
                "POST",
                self._url + path,
                body=body,
                headers={**self._headers, "Content-Type": content_type},
            )
        except urllib3.exceptions.SSLError as error:
            raise RefusedError("Elasticsearch's certificate is not trusted.") from error
        except urllib3.exceptions.HTTPError as error:
            raise RetryLaterError("Elasticsearch cannot be reached, or broke off.") from error
        match response.status:
            case HTTPStatus.UNAUTHORIZED:
                raise UnknownKeyError
            case HTTPStatus.FORBIDDEN:
                raise RefusedError(
                    f"Elasticsearch refuses this key: POST {path.partition('?')[0]}."
                )
            case HTTPStatus.NOT_FOUND:
                raise RefusedError(GONE)
            case status if status in OVERLOADED:
                raise RetryLaterError(
                    f"Elasticsearch is overloaded ({status}).",
                    retry_after_s=_seconds(response.headers.get("Retry-After")),
                )
            case status:
                return Answer(status, response.data)

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
    """Of the header's two forms only this one is sent by Elasticsearch and its proxies."""
    return float(text) if text is not None and text.isdecimal() else None
