"""When a connection is due: a cron expression or an interval, with jitter."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from coworker_pipelines.kernel.errors import TenantActionError

INTERVAL_MIN_S = 60
INTERVAL_MAX_S = 366 * 24 * 3600
JITTER_MAX_S = 3600
JITTER_DEFAULT_S = 60
CRON_PARTS = 5
_HASH_SPAN = 2**64


class Schedule(BaseModel):
    """Either ``cron``, meant in ``time_zone``, or every ``interval_s`` seconds.

    ``jitter_s``: up to so many seconds later, always the same for one connection, so that a
    thousand connections of one schedule do not start in one second.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: str | None = None
    interval_s: int | None = None
    time_zone: str = "UTC"
    jitter_s: int = JITTER_DEFAULT_S

    @field_validator("cron")
    @classmethod
    def _readable(cls, cron: str | None) -> str | None:
        if cron is None:
            return None
        if len(cron.split()) != CRON_PARTS:
            raise ValueError(
                f'{cron!r} is no cron expression of five parts, such as "15 6 * * 1-5"'
            )
        try:
            next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)))
        except CronSimError as error:
            raise ValueError(f"{cron!r} is no cron expression: {str(error).lower()}") from error
        except StopIteration as error:
            raise ValueError(f"{cron!r} names a day that never comes") from error
        return cron

    @field_validator("interval_s")
    @classmethod
    def _within(cls, interval_s: int | None) -> int | None:
        if interval_s is not None and not INTERVAL_MIN_S <= interval_s <= INTERVAL_MAX_S:
            raise ValueError(
                f"an interval has {INTERVAL_MIN_S} to {INTERVAL_MAX_S} seconds, not {interval_s}"
            )
        return interval_s

    @field_validator("jitter_s")
    @classmethod
    def _small(cls, jitter_s: int) -> int:
        if not 0 <= jitter_s <= JITTER_MAX_S:
            raise ValueError(f"jitter has 0 to {JITTER_MAX_S} seconds, not {jitter_s}")
        return jitter_s

    @field_validator("time_zone")
    @classmethod
    def _known(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{time_zone!r} is no time zone; write Europe/Berlin") from error
        return time_zone

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.cron is None) == (self.interval_s is None):
            raise ValueError("a schedule has either a cron expression or an interval")
        return self

    @classmethod
    def parse(cls, **parts: Any) -> Self:
        """A schedule from what somebody typed.

        Raises:
            TenantActionError: one sentence that says what does not fit.
        """
        try:
            return cls(**parts)
        except ValidationError as error:
            raise TenantActionError(f"The schedule does not fit: {_fault(error)}.") from None

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls.model_validate(content)

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def _fault(error: ValidationError) -> str:
    """The first fault, in words; those of other validators than ours name their field."""
    fault = error.errors(include_url=False)[0]
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg'].lower()}"


def next_due(schedule: Schedule | None, *, after: datetime, connection_id: str) -> datetime | None:
    """The first due time strictly after ``after``; ``None`` without a schedule."""
    if schedule is None:
        return None
    jitter = _jitter(connection_id, schedule.jitter_s)
    if schedule.interval_s is not None:
        return _next_interval(schedule.interval_s, after - jitter, connection_id) + jitter
    assert schedule.cron is not None
    local = (after - jitter).astimezone(ZoneInfo(schedule.time_zone))
    return next(CronSim(schedule.cron, local)).astimezone(UTC) + jitter


def _next_interval(interval_s: int, after: datetime, connection_id: str) -> datetime:
    """Multiples of the interval since the epoch, moved by a phase of the connection's own."""
    phase = _hash_share(connection_id, "phase", interval_s)
    elapsed = int(after.timestamp()) - phase
    return datetime.fromtimestamp((elapsed // interval_s + 1) * interval_s + phase, UTC)


def _jitter(connection_id: str, jitter_s: int) -> timedelta:
    return timedelta(seconds=_hash_share(connection_id, "jitter", jitter_s + 1))


def _hash_share(connection_id: str, purpose: str, below: int) -> int:
    digest = hashlib.blake2b(f"{purpose}:{connection_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) * below // _HASH_SPAN


def describe_schedule(schedule: Schedule | None) -> str:
    """As a person says it: ``every 30 min``, ``15 6 * * 1-5 (Europe/Berlin)``."""
    if schedule is None:
        return "on command"
    if schedule.cron is not None:
        return f"{schedule.cron} ({schedule.time_zone})"
    assert schedule.interval_s is not None, "a schedule is one or the other"
    minutes, seconds = divmod(schedule.interval_s, 60)
    return f"every {schedule.interval_s} s" if seconds else f"every {minutes} min"
