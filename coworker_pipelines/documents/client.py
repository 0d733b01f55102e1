"""The one door to Elasticsearch: clients, and their errors turned into verdicts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from elastic_transport import ConnectionError as TransportConnectionError
from elastic_transport import ConnectionTimeout, OrjsonSerializer, TlsError, TransportError
from elastic_transport.client_utils import DEFAULT
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    Elasticsearch,
    NotFoundError,
)

from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    RetryLaterError,
)
from coworker_pipelines.services.address import ElasticsearchAddress

REQUEST_TIMEOUT_S: Final = 60
CONNECTIONS_MAX: Final = 8
OVERLOADED: Final = frozenset({429, 502, 503, 504})
GONE: Final = (
    "The connection's index is not there: the connection was deleted or started anew, or the "
    "stream was taken out."
)


def open_client(address: ElasticsearchAddress) -> Elasticsearch:
    """A client that does not retry by itself: who calls knows what may be sent twice."""
    basic = None
    if address.user is not None and address.password is not None:
        basic = (address.user, address.password.get_secret_value())
    return Elasticsearch(
        address.url,
        basic_auth=basic,
        api_key=address.api_key.get_secret_value() if address.api_key else None,
        ca_certs=str(address.ca_certificate) if address.ca_certificate else DEFAULT,
        serializers={"application/json": OrjsonSerializer()},
        request_timeout=REQUEST_TIMEOUT_S,
        max_retries=0,
        retry_on_timeout=False,
        connections_per_node=CONNECTIONS_MAX,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the client as verdicts: who must act, in one sentence, without a payload."""
    try:
        yield
    except (ApiError, TransportError) as error:
        raise verdict(error) from error


def verdict(error: ApiError | TransportError) -> CoworkerError:
    match error:
        case TlsError():
            return RefusedError("Elasticsearch's certificate is not trusted.")
        case ConnectionTimeout():
            return RetryLaterError("Elasticsearch did not answer in time.")
        case TransportConnectionError():
            return RetryLaterError("Elasticsearch cannot be reached.")
        case AuthenticationException():
            return RefusedError("Elasticsearch does not know this key; it was revoked or expired.")
        case AuthorizationException():
            return RefusedError(f"Elasticsearch refuses this key: {_reason(error)}")
        case NotFoundError():
            return RefusedError(GONE)
        case ApiError() if error.meta.status in OVERLOADED:
            return RetryLaterError("Elasticsearch is overloaded.")
        case ApiError():
            return DefectError(
                f"Elasticsearch refused a request ({error.meta.status}, {error.error})."
            )
        case _:
            return RetryLaterError("Elasticsearch's answer broke off.")


def _reason(error: ApiError) -> str:
    """The server's own sentence about a right that is missing; it names actions and indices."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return str(body["error"].get("reason", error.error))
    return str(error.error)
