"""The client: one API, asked patiently."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from time import monotonic, sleep
from typing import Final

from coworker_pipelines.kernel.clock import Clock, SystemClock
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.answers import NOT_MODIFIED, Answer
from coworker_pipelines.sdk.http.bodies import ACCEPTED
from coworker_pipelines.sdk.http.events import Observer, Retrying, Waiting, log_event
from coworker_pipelines.sdk.http.exchange import Exchange, Reachable
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.http.origins import redirected, url_of
from coworker_pipelines.sdk.http.patience import Effort
from coworker_pipelines.sdk.http.rates import RateLimits, Wait, WaitReason, retry_after_s
from coworker_pipelines.sdk.http.verdicts import UNAUTHORISED, is_passing, verdict
from coworker_pipelines.sdk.oauth import TokenSource

USER_AGENT: Final = "coworker-pipelines"
_MOVED: Final = frozenset({301, 302, 307, 308})
_FINE: Final = _MOVED | {200, NOT_MODIFIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What an API is like. ``diagnose`` is asked first what a refusal means.

    ``name`` begins the sentences that a person reads: *GitHub does not answer in time.*
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str = "Bearer"
    rate_limits: RateLimits = field(default_factory=RateLimits)
    diagnose: Callable[[Answer], CoworkerError | None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Time, chance and who is told: what a test sets in its own way."""

    clock: Clock = field(default_factory=SystemClock)
    sleep: Callable[[float], None] = sleep
    monotonic: Callable[[], float] = monotonic
    dice: Callable[[], float] = random.random
    observe: Observer = log_event


class HttpClient:
    """Asks one API. The token is asked for at each attempt, and sent to that API alone."""

    def __init__(
        self,
        api: Api,
        *,
        token_source: TokenSource,
        reachable: Reachable | None = None,
        limits: HttpLimits | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.api = api
        self._token_source = token_source
        self._limits = limits or HttpLimits()
        self._around = surroundings or Surroundings()
        self._exchange = Exchange(api.name, reachable or Reachable(), self._limits)
        self._turn = _Turn(api.name, self._limits, self._around)

    def get(
        self,
        target: str,
        query: Mapping[str, str | int] | None = None,
        *,
        etag: str | None = None,
        accepted: Collection[int] = (),
    ) -> Answer:
        """The answer to a path below the base, or to an address that the API itself gave.

        With ``etag`` the answer may be ``is_unchanged``. A status in ``accepted`` comes back as an
        answer, too; every other one but 200 is an error.

        Raises:
            RetryLaterError: it failed until the budget was spent, or a limit's wait is too long.
            TenantActionError: the API refuses, or sends us elsewhere.
            RefusedError: an answer, or the way to it, is longer than it may be.
        """
        url = url_of(self.api.base_url, target, query)
        for _ in range(self._limits.redirects_max + 1):
            answer = self._patiently(url, etag, frozenset(accepted))
            if answer.status not in _MOVED:
                return answer
            url = redirected(self.api.base_url, url, answer.headers.get("location", ""))
        raise RefusedError(f"{self.api.name} redirects in circles.")

    def pages(
        self,
        target: str,
        query: Mapping[str, str | int] | None = None,
        *,
        accepted: Collection[int] = (),
    ) -> Iterator[Answer]:
        """An answer, and those that its ``Link: rel="next"`` leads to.

        Raises:
            RefusedError: there are more than may be; else as ``get``.
        """
        answer = self.get(target, query, accepted=accepted)
        yield answer
        for _ in range(self._limits.pages_max - 1):
            if answer.next_url is None:
                return
            answer = self.get(answer.next_url, accepted=accepted)
            yield answer
        if answer.next_url is not None:
            raise RefusedError(
                f"{self.api.name} has more than {self._limits.pages_max} pages in one list."
            )

    def close(self) -> None:
        self._exchange.close()

    def _patiently(self, url: str, etag: str | None, accepted: frozenset[int]) -> Answer:
        effort = Effort(self._limits)
        refusals, is_renewed = 0, False
        while True:
            self._turn.take()
            token, begun = self._token_source(), self._around.monotonic()
            try:
                answer = self._exchange.get(url, self._headers(token, etag))
            except RetryLaterError as error:
                self._back_off(effort.after(self._around.monotonic() - begun), error, None)
                continue
            limits, now = self.api.rate_limits, self._around.clock.now()
            wait = limits.wait_after_refusal(answer, refusals=refusals, now=now)
            if wait is not None:
                self._turn.come_after(wait)
                refusals += 1
                continue
            self._turn.come_after(limits.wait_before_next(answer, now=now))
            if answer.status == UNAUTHORISED and not is_renewed:
                is_renewed = True
                if _differ(self._token_source(), token):
                    continue
            if answer.status in _FINE or answer.status in accepted:
                return answer
            failure = self.api.diagnose(answer) or verdict(self.api.name, answer.status)
            if not is_passing(answer.status):
                raise failure
            self._back_off(effort.after(self._around.monotonic() - begun), failure, answer)

    def _back_off(self, effort: Effort, failure: CoworkerError, answer: Answer | None) -> None:
        """Wait for another attempt, or raise the failure if there is to be none."""
        asked_s = None if answer is None else retry_after_s(answer, self._around.clock.now())
        seconds = effort.delay_s(asked_s=asked_s, dice=self._around.dice)
        if seconds is None:
            if isinstance(failure, RetryLaterError) and asked_s is not None:
                raise RetryLaterError(str(failure), retry_after_s=asked_s) from failure
            raise failure
        self._around.observe(
            Retrying(
                source=self.api.name,
                status=None if answer is None else answer.status,
                attempts=effort.attempts,
                seconds=seconds,
            )
        )
        self._around.sleep(seconds)
        effort.spent_s += seconds

    def _headers(self, token: Secret | None, etag: str | None) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED, **self.api.headers}
        if token is not None:
            headers["Authorization"] = f"{self.api.authorization} {_one_line(token)}"
        if etag is not None:
            headers["If-None-Match"] = etag
        return headers


class _Turn:
    """When the API lets us ask again."""

    def __init__(self, source: str, limits: HttpLimits, around: Surroundings) -> None:
        self._source = source
        self._limits = limits
        self._around = around
        self._reason = WaitReason.TOO_FAST
        self._free_at = -inf
        self._waited_s = 0.0

    def come_after(self, wait: Wait | None) -> None:
        """The next request waits so long from now."""
        if wait is not None:
            self._reason = wait.reason
            self._free_at = self._around.monotonic() + wait.seconds

    def take(self) -> None:
        """Return when the API may be asked; who looks on has been told of the wait.

        Raises:
            RetryLaterError: that is later than a run waits, for once or in all.
        """
        seconds = self._free_at - self._around.monotonic()
        if seconds <= 0:
            return
        limits = self._limits
        if seconds > limits.wait_max_s or self._waited_s + seconds > limits.waits_max_s:
            raise RetryLaterError(
                f"The rate limit of {self._source} is reached: it can be asked again in "
                f"{ceil(seconds)} s, which is longer than a run waits.",
                retry_after_s=seconds,
            )
        self._around.observe(Waiting(source=self._source, reason=self._reason, seconds=seconds))
        self._around.sleep(seconds)
        self._waited_s += seconds


def _differ(one: Secret | None, other: Secret | None) -> bool:
    return one is not None and (other is None or one.get_secret_value() != other.get_secret_value())


def _one_line(token: Secret) -> str:
    """Raises TenantActionError: it can't stand in a header, or would begin another one."""
    value = token.get_secret_value().strip()
    if not value or not value.isascii() or not value.isprintable():
        raise TenantActionError("The token is no token: it must be one line of plain ASCII.")
    return value
