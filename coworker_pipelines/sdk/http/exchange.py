"""One attempt: a request goes out, and a whole answer or a reason comes back."""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpcore

from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.sdk.http.addresses import Resolver, resolve
from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.bodies import read_body
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.http.network import Deadline, GuardedNetwork

CONNECTIONS_MAX: Final = 2
KEPT_ALIVE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """What may be reached, and whom we believe. ``ca_file`` stands for the system's authorities."""

    allow_private: bool = False
    ca_file: str | None = None
    resolver: Resolver = resolve


def open_pool(reachable: Reachable, deadline: Deadline) -> httpcore.ConnectionPool:
    """Connections that lead where they may, by certificates that are believed; without redirects.

    Raises:
        TenantActionError: the authorities cannot be read.
    """
    # At its level of debugging it writes every header of an answer.
    logging.getLogger("httpcore").setLevel(logging.INFO)
    return httpcore.ConnectionPool(
        ssl_context=trusting(reachable.ca_file),
        max_connections=CONNECTIONS_MAX,
        keepalive_expiry=KEPT_ALIVE_S,
        network_backend=GuardedNetwork(
            allow_private=reachable.allow_private, resolver=reachable.resolver, deadline=deadline
        ),
    )


class Exchange:
    """Connections to one API, kept open between requests. For one thread at a time."""

    def __init__(self, source: str, reachable: Reachable, limits: HttpLimits) -> None:
        self._source = source
        self._limits = limits
        self._deadline = Deadline()
        self._pool = open_pool(reachable, self._deadline)

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; redirects are not followed.

        Raises:
            RetryLaterError: there was none, or it broke off.
            RefusedError: it is too large.
            TenantActionError: the certificate, or the address, is not to be trusted.
        """
        limits = self._limits
        self._deadline.begin(limits.whole_timeout_s)
        timeouts = {
            "connect": limits.connect_timeout_s,
            "read": limits.read_timeout_s,
            "write": limits.read_timeout_s,
            "pool": limits.connect_timeout_s,
        }
        try:
            with self._pool.stream(
                "GET", url, headers=list(headers.items()), extensions={"timeout": timeouts}
            ) as response:
                return self._answer(url, response)
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
        ) as error:
            raise _failure(self._source, error) from error

    def close(self) -> None:
        self._pool.close()

    def _answer(self, url: str, response: httpcore.Response) -> Answer:
        headers: dict[str, str] = {}
        for raw_name, raw_value in response.headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        bytes_max = self._limits.answer_bytes_max
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > bytes_max:
            raise RefusedError(
                f"An answer of {self._source} is larger than {bytes_max} bytes, which are the most."
            )
        body = read_body(
            response.iter_stream(),
            encoding=headers.get("content-encoding", ""),
            bytes_max=bytes_max,
        )
        return Answer(status=response.status, url=url, headers=headers, body=body)


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Whom we believe: the system's authorities, or those of the file alone.

    Raises:
        TenantActionError: the file cannot be read.
    """
    if ca_file is not None and not Path(ca_file).is_file():
        raise TenantActionError("The ca_file does not exist on this machine.")
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise TenantActionError(
            "The ca_file cannot be read: it must hold certificates in PEM form."
        ) from error


def distrust_in(error: BaseException) -> str | None:
    """Why a certificate is not trusted, where that is behind an error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message or "it is for another name"
        cause = cause.__cause__ or cause.__context__
    return None


def _failure(source: str, error: Exception) -> CoworkerError:
    distrusted = distrust_in(error)
    if distrusted is not None:
        return TenantActionError(
            f"The certificate of {source} is not trusted ({distrusted}): name the authority that "
            "signed it in ca_file."
        )
    match error:
        case httpcore.ConnectTimeout() | httpcore.ConnectError():
            return RetryLaterError(f"{source} cannot be reached now.")
        case httpcore.TimeoutException():
            return RetryLaterError(f"{source} does not answer in time.")
        case _:
            return RetryLaterError(f"{source} broke the connection off.")
