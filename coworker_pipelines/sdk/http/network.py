"""Connections to addresses that were looked at, and reads that end in time."""

from collections.abc import Iterable
from dataclasses import dataclass
from ssl import SSLContext
from time import monotonic
from typing import Any

import httpcore

from coworker_pipelines.sdk.http.addresses import Resolver, allowed_addresses


class Deadline:
    """When the attempt that is under way must be over.

    A timeout of the socket bounds a single read; a server that sends a byte now and then
    would never meet it.
    """

    def __init__(self) -> None:
        self._at: float | None = None

    def begin(self, seconds: float) -> None:
        self._at = monotonic() + seconds

    def bounded(self, timeout: float | None) -> float | None:
        """What is left of the attempt, if that is less.

        Raises:
            httpcore.ReadTimeout: nothing is left.
        """
        if self._at is None:
            return timeout
        left = self._at - monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if timeout is None else min(timeout, left)


class GuardedNetwork(httpcore.NetworkBackend):
    """Resolves a host itself, refuses it or connects to what it has just judged.

    A name is resolved once for each connection, so that nobody can answer the check with one
    address and the connection with another. The certificate is checked against the name, which
    the layer above keeps.
    """

    def __init__(self, *, allow_private: bool, resolver: Resolver, deadline: Deadline) -> None:
        self._allow_private = allow_private
        self._resolver = resolver
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = allowed_addresses(
            host, port, allow_private=self._allow_private, resolver=self._resolver
        )
        failure: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectError()
        for address in addresses:
            try:
                stream = self._sockets.connect_tcp(
                    address,
                    port,
                    timeout=self._deadline.bounded(timeout),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure


@dataclass(frozen=True, slots=True)
class _TimedStream(httpcore.NetworkStream):
    stream: httpcore.NetworkStream
    deadline: Deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, timeout=self.deadline.bounded(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, timeout=self.deadline.bounded(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self.stream.start_tls(
            ssl_context,
            server_hostname=server_hostname,
            timeout=self.deadline.bounded(timeout),
        )
        return _TimedStream(stream, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
