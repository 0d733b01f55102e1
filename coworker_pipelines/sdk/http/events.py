"""What a client tells while it works: numbers and words of ours, nothing of a client's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from coworker_pipelines.kernel.log import get_logger
from coworker_pipelines.sdk.http.rates import WaitReason

log: Final[Any] = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The API's rate limit makes us wait."""

    source: str
    reason: WaitReason
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """An attempt failed; ``status`` is missing where there was no answer."""

    source: str
    status: int | None
    attempts: int
    seconds: float


HttpEvent = Waiting | Retrying
Observer = Callable[[HttpEvent], None]


def log_event(event: HttpEvent) -> None:
    """Both are for the eyes of whoever waits for the run."""
    match event:
        case Waiting():
            log.warning(
                "rate_limit_waiting",
                source=event.source,
                reason=str(event.reason),
                seconds=round(event.seconds),
            )
        case Retrying():
            log.warning(
                "request_retrying",
                source=event.source,
                status=event.status,
                attempts=event.attempts,
                seconds=round(event.seconds, 1),
            )
