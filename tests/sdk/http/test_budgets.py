"""Retries and waits: laws of the pure parts."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.sdk.http.answers import Answer
from coworker_pipelines.sdk.http.limits import HttpLimits
from coworker_pipelines.sdk.http.patience import Effort
from coworker_pipelines.sdk.http.rates import RateLimits, WaitReason, retry_after_s
from tests.sdk.http.servers import NOW

SECONDS = st.floats(0, 1_000)
LIMITS = st.builds(
    HttpLimits,
    attempts_max=st.integers(1, 20),
    budget_s=st.floats(0, 2_000),
    backoff_s=st.floats(0.01, 60),
    backoff_max_s=st.floats(0.01, 600),
)


@given(
    LIMITS,
    st.lists(st.tuples(SECONDS, st.none() | SECONDS, st.floats(0, 1)), min_size=30, max_size=30),
)
def test_no_request_outlasts_its_budget(
    limits: HttpLimits, tries: list[tuple[float, float | None, float]]
) -> None:
    effort = Effort(limits)
    for attempt_s, asked_s, thrown in tries:
        before_s = effort.spent_s
        effort.after(attempt_s)
        delay_s = effort.delay_s(asked_s=asked_s, dice=partial(float, thrown))
        if delay_s is None:
            break
        assert delay_s >= (asked_s or 0)
        assert delay_s <= max(limits.backoff_max_s, asked_s or 0)
        effort.spent_s += delay_s
        assert before_s + attempt_s + delay_s <= limits.budget_s
    assert effort.attempts <= limits.attempts_max


@given(st.integers(1, 4), st.floats(0, 1))
def test_delays_double_and_are_spread_over_half_of_themselves(attempts: int, thrown: float) -> None:
    effort = Effort(HttpLimits(), attempts=attempts)
    delay_s = effort.delay_s(asked_s=None, dice=lambda: thrown)
    whole_s = 2.0 ** (attempts - 1)
    assert delay_s is not None
    assert whole_s / 2 <= delay_s <= whole_s


def answer(status: int = 403, body: bytes = b"{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, url="https://x/", headers=named, body=body)


RESET = str(int((NOW + timedelta(seconds=90)).timestamp()))


@pytest.mark.parametrize(
    ("given_answer", "refusals", "seconds", "reason"),
    (
        (answer(retry_after="30"), 0, 30, WaitReason.TOO_FAST),
        (answer(429, retry_after="0"), 0, 1, WaitReason.TOO_FAST),
        (
            answer(x_ratelimit_remaining="0", x_ratelimit_reset=RESET),
            0, 91, WaitReason.USED_UP,
        ),
        (answer(429), 0, 60, WaitReason.TOO_FAST),
        (answer(429), 2, 240, WaitReason.TOO_FAST),
        (answer(body=b"You have exceeded a secondary Rate Limit."), 1, 120, WaitReason.TOO_FAST),
    ),
)  # fmt: skip
def test_a_limits_refusal_says_how_long_to_wait(
    given_answer: Answer, refusals: int, seconds: float, reason: WaitReason
) -> None:
    wait = RateLimits().wait_after_refusal(given_answer, refusals=refusals, now=NOW)
    assert wait is not None
    assert (wait.seconds, wait.reason) == (seconds, reason)


@pytest.mark.parametrize(
    "given_answer",
    (
        answer(403, b'{"message": "Resource not accessible"}'),
        answer(403, x_ratelimit_remaining="17", x_ratelimit_reset=RESET),
        answer(404, b"rate limit"),
        answer(503, retry_after="9"),
        answer(200, x_ratelimit_remaining="0", x_ratelimit_reset=RESET),
    ),
)
def test_other_refusals_are_no_limits(given_answer: Answer) -> None:
    assert RateLimits().wait_after_refusal(given_answer, refusals=0, now=NOW) is None


def test_the_other_sides_clock_counts() -> None:
    """Ours is an hour late: by it, the reset would be an hour and more away."""
    told = answer(
        x_ratelimit_remaining="0", x_ratelimit_reset=RESET, date=format_datetime(NOW, usegmt=True)
    )
    wait = RateLimits().wait_after_refusal(told, refusals=0, now=NOW - timedelta(hours=1))
    assert wait is not None
    assert wait.seconds == 91


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.text(max_size=30))  # noqa: DTZ001 - made aware below
def test_retry_after_is_a_number_or_a_date_and_never_negative(at: datetime, other: str) -> None:
    at = at.replace(tzinfo=UTC, microsecond=0)
    told = answer(retry_after=format_datetime(at, usegmt=True))
    assert retry_after_s(told, NOW) == max(0, (at - NOW).total_seconds())
    assert (retry_after_s(answer(retry_after=other), NOW) or 0) >= 0
