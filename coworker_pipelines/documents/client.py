"""The one door to Elasticsearch: clients, and their errors turned into verdicts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

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

from coworker_pipelines.documents.endpoint import GONE, OVERLOADED
from coworker_pipelines.documents.patience import READS, Patience, ResultT, UnknownKeyError
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    RetryLaterError,
)
from coworker_pipelines.services.address import ElasticsearchAddress

REQUEST_TIMEOUT_S: Final = 60
CONNECTIONS_MAX: Final = 8


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


def ask(call: Callable[[], ResultT], patience: Patience = READS) -> ResultT:
    """The call's result, waiting out an overload. For what may be done twice.

    Raises:
        RetryLaterError, RefusedError, DefectError: as ``verdict`` says.
    """

    def translating() -> ResultT:
        with translated():
            return call()

    return patience.retry(translating)


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
            return UnknownKeyError()
        case AuthorizationException():
            return RefusedError(f"Elasticsearch refuses this key: {_reason(error)}")
        case NotFoundError() if "search_context_missing_exception" in _causes(error):
            return RetryLaterError("Elasticsearch no longer holds the view that was being read.")
        case NotFoundError():
            return RefusedError(GONE)
        case ApiError() if error.meta.status in OVERLOADED:
            return RetryLaterError(f"Elasticsearch is overloaded ({error.meta.status}).")
        case ApiError():
            return DefectError(
                f"Elasticsearch refused a request ({error.meta.status}, {error.error})."
            )
        case _:
            return RetryLaterError("Elasticsearch's answer broke off.")


def _reason(error: ApiError) -> str:
    """The server's own sentence about a right that is missing; it names actions and indices."""
    return str(_details(error).get("reason", error.error))


def _causes(error: ApiError) -> set[str]:
    return {cause.get("type", "") for cause in _details(error).get("root_cause", ())}


def _details(error: ApiError) -> dict[str, Any]:
    body = error.body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}
