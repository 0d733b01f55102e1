"""The access token as a run gets it: read where it is put, and again when it was replaced."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.failures import no_fresh_token
from coworker_pipelines.oauth.stored import AccessToken
from coworker_pipelines.sdk.oauth import TokenSource
from coworker_pipelines.secrets.references import token_reference
from coworker_pipelines.secrets.store import SecretReader

EXPIRY_MARGIN: Final = timedelta(seconds=20)
"""A request that begins with a token has to end with it; clocks differ, too."""
WAIT_S: Final = 150.0
"""Above the minute of the refresher's schedule and the time that a kubelet takes to bring it."""
POLL_S: Final = 2.0
CACHE_S: Final = 2.0


def token_source(
    reader: SecretReader | None, scope: Scope, clock: Clock, *, wait_s: float = WAIT_S
) -> TokenSource:
    """Whence a connection's source has its token; ``None`` reads none, and then there is none."""
    if reader is None:
        return _no_token
    stored = StoredToken(reader, token_reference(scope))
    return FreshToken(stored.read, clock, wait_s=wait_s)


def _no_token() -> None:
    """Of whoever cannot read what the refresher puts away."""


class StoredToken:
    """The token in a store that this process may read, or in its mount; asked again soon.

    The kubelet swaps what is mounted, so a new token comes without our doing.
    """

    def __init__(self, secrets: SecretReader, reference: str, *, cache_s: float = CACHE_S) -> None:
        self._secrets = secrets
        self._cache_s = cache_s
        self._reference = reference
        self._token: AccessToken | None = None
        self._read_at: float | None = None

    def read(self) -> AccessToken | None:
        """The token that is there now; ``None`` where the connection has none."""
        now = time.monotonic()
        if self._read_at is None or now - self._read_at >= self._cache_s:
            self._token = self._get()
            self._read_at = now
        return self._token

    def _get(self) -> AccessToken | None:
        try:
            values = self._secrets.get(self._reference)
        except TenantActionError:
            return None
        return AccessToken.from_values(values) if values else None


class FreshToken:
    """What a connector is given: called at each request, it returns a token that is good now.

    Raises:
        RetryLaterError: the token has run out, and no new one came in ``wait_s`` seconds.
    """

    def __init__(
        self,
        read: Callable[[], AccessToken | None],
        clock: Clock,
        *,
        sleep: Callable[[float], None] = time.sleep,
        wait_s: float = WAIT_S,
    ) -> None:
        self._read = read
        self._clock = clock
        self._sleep = sleep
        self._wait_s = wait_s

    def __call__(self) -> Secret | None:
        token = self._read()
        waited_s = 0.0
        while token is not None and token.expires_at is not None:
            now = self._clock.now()
            if now < token.expires_at - EXPIRY_MARGIN:
                return token.value
            if waited_s >= self._wait_s:
                raise no_fresh_token(token.expires_at, now, waited_s)
            self._sleep(POLL_S)
            waited_s += POLL_S
            token = self._read()
        return None if token is None else token.value
