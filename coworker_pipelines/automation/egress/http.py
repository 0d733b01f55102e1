"""Letters by HTTPS: signed webhooks, and chats that take a text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpcore

from coworker_pipelines.automation.egress.destinations import ADDRESS, SIGNING
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.letters import Letter
from coworker_pipelines.automation.egress.sending import (
    NO_ADDRESS,
    PRIVATE,
    UNANSWERED,
    UNREACHABLE,
    Arrival,
    Report,
    Sender,
)
from coworker_pipelines.automation.egress.signing import signature_headers
from coworker_pipelines.kernel.clock import Clock
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.exchange import Reachable, distrust_in, open_pool
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.http.network import Deadline
from coworker_pipelines.sdk.http.rates import retry_after_s

USER_AGENT: Final = "coworker-actions"
LIMITS: Final = HttpLimits(connect_timeout_s=5.0, read_timeout_s=15.0, whole_timeout_s=20.0)
_PATIENCE: Final = frozenset({429, 503})
"""The other side says that it has not taken it (RFC 9110, section 15.6.4; RFC 6585)."""
_PASSING: Final = frozenset({408, 425})
_SERVERS_FAULT: Final = 500
_REDIRECTS: Final = range(300, 400)
_TAKEN: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSender(Sender):
    """``reachable`` is for tests to let loopback in; as it is by default, only the public is."""

    clock: Clock
    reachable: Reachable = field(default_factory=Reachable)
    limits: HttpLimits = LIMITS

    def send(self, letter: Letter, secrets: Mapping[str, Secret]) -> Report:
        headers = {"user-agent": USER_AGENT, "content-type": letter.content_type}
        try:
            if letter.kind is DestinationKind.WEBHOOK:
                headers |= signature_headers(
                    secrets[SIGNING], key=letter.key, body=letter.body, now=self.clock.now()
                )
            else:
                headers["idempotency-key"] = letter.key
            return self._post(secrets[ADDRESS].get_secret_value(), headers, letter.body)
        except TenantActionError:
            return Report(arrival=Arrival.REFUSED, detail=PRIVATE)
        except RetryLaterError:
            return Report(arrival=Arrival.NOT_SENT, detail=NO_ADDRESS)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            return _unconnected(error)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            return Report(arrival=Arrival.UNKNOWN, detail=UNANSWERED)

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Report:
        deadline, limits = Deadline(), self.limits
        timeouts = {
            "connect": limits.connect_timeout_s,
            "read": limits.read_timeout_s,
            "write": limits.read_timeout_s,
            "pool": limits.connect_timeout_s,
        }
        with open_pool(self.reachable, deadline) as pool:
            deadline.begin(limits.whole_timeout_s)
            with pool.stream(
                "POST",
                url,
                headers=list(headers.items()),
                content=body,
                extensions={"timeout": timeouts},
            ) as response:
                # Its body is nothing to us: what counts is said by the status.
                return self._judged(response)

    def _judged(self, response: httpcore.Response) -> Report:
        status = response.status
        if status in _TAKEN:
            return Report(arrival=Arrival.ARRIVED, detail=f"It was taken, with status {status}.")
        if status in _REDIRECTS:
            return Report(
                arrival=Arrival.REFUSED,
                detail=f"It redirects (status {status}), which is not followed: authorise the "
                "address to which it has moved.",
            )
        if status in _PATIENCE:
            return Report(
                arrival=Arrival.TURNED_AWAY,
                detail=f"It asks for patience, with status {status}.",
                retry_after_s=self._asked_wait_s(response),
            )
        if status >= _SERVERS_FAULT or status in _PASSING:
            return Report(
                arrival=Arrival.UNKNOWN,
                detail=f"It fails, with status {status}: whether it was taken is not known.",
            )
        return Report(arrival=Arrival.REFUSED, detail=f"It refuses, with status {status}.")

    def _asked_wait_s(self, response: httpcore.Response) -> float | None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        answer = Answer(status=response.status, url="", headers=headers)
        return retry_after_s(answer, self.clock.now())


def _unconnected(error: Exception) -> Report:
    distrusted = distrust_in(error)
    if distrusted is None:
        return Report(arrival=Arrival.NOT_SENT, detail=UNREACHABLE)
    return Report(
        arrival=Arrival.REFUSED,
        detail=f"Its certificate is not trusted ({distrusted}), and nothing was sent.",
    )
