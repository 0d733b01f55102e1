"""The access token as a run gets it: read where it is put, and again when it was replaced."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.oauth.failures import no_fresh_token
from coworker_pipelines.oauth.stored import ACCESS_TOKEN, EXPIRES_AT, AccessToken
from coworker_pipelines.secrets.store import SecretReader

EXPIRY_MARGIN: Final = timedelta(seconds=20)
"""A request that begins with a token has to end with it; clocks differ, too."""
WAIT_S: Final = 150.0
"""Above the minute of the refresher's schedule and the time that a kubelet takes to bring it."""
POLL_S: Final = 2.0
STORE_CACHE_S: Final = 2.0
_READ_TRIES: Final = 5


class TokenPlace(ABC):
    """Where tokens are put for a run."""

    @abstractmethod
    def read(self) -> AccessToken | None:
        """The token that is there now; ``None`` where the connection has none."""


class MountedToken(TokenPlace):
    """A folder that a kubelet fills: it swaps the link ``..data``, so both files change at once.

    Looking at a link's target costs microseconds, so this is asked at every request.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / ACCESS_TOKEN
        self._seen: tuple[Path, int, int] | None = None
        self._token: AccessToken | None = None

    def read(self) -> AccessToken | None:
        for _ in range(_READ_TRIES):
            try:
                return self._read()
            except FileNotFoundError:
                # Swapped under our hands, unless there is none at all.
                if not self._file.exists():
                    return None
        raise RetryLaterError("The mounted access token changes faster than it can be read.")

    def _read(self) -> AccessToken:
        file = self._file.resolve(strict=True)
        status = file.stat()
        seen = (file, status.st_mtime_ns, status.st_ino)
        if self._token is None or seen != self._seen:
            values = {ACCESS_TOKEN: Secret(file.read_text(encoding="ascii"))}
            if (expires_at := file.with_name(EXPIRES_AT)).exists():
                values[EXPIRES_AT] = Secret(expires_at.read_text(encoding="ascii"))
            self._token = AccessToken.from_values(values)
            self._seen = seen
        return self._token


class StoredToken(TokenPlace):
    """A secret store that this process may read, asked again after some seconds."""

    def __init__(
        self, secrets: SecretReader, reference: str, *, cache_s: float = STORE_CACHE_S
    ) -> None:
        self._secrets = secrets
        self._cache_s = cache_s
        self._reference = reference
        self._token: AccessToken | None = None
        self._read_at: float | None = None

    def read(self) -> AccessToken | None:
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
        place: TokenPlace,
        clock: Clock,
        *,
        sleep: Callable[[float], None] = time.sleep,
        wait_s: float = WAIT_S,
    ) -> None:
        self._place = place
        self._clock = clock
        self._sleep = sleep
        self._wait_s = wait_s

    def __call__(self) -> Secret | None:
        token = self._place.read()
        waited_s = 0.0
        while token is not None and token.expires_at is not None:
            now = self._clock.now()
            if now < token.expires_at - EXPIRY_MARGIN:
                return token.value
            if waited_s >= self._wait_s:
                raise no_fresh_token(token.expires_at, now, waited_s)
            self._sleep(POLL_S)
            waited_s += POLL_S
            token = self._place.read()
        return None if token is None else token.value
