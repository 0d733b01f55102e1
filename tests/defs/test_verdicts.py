"""What is tried again, how long it waits, and what Dagster is told."""

import logging

import pytest
from dagster import Failure
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.defs.verdicts import (
    RETRIES_MAX,
    WAIT_MAX_S,
    Patience,
    told_to_dagster,
    wait_before,
)
from coworker_pipelines.kernel.errors import (
    CoworkerError,
    DefectError,
    RefusedError,
    RetryLaterError,
    TenantActionError,
)

LOG = logging.getLogger("test")


class Flaky:
    def __init__(self, failures: int, error: CoworkerError) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


def test_what_the_world_broke_is_tried_again_and_waits_longer_each_time() -> None:
    sleeps: list[float] = []
    call = Flaky(3, RetryLaterError("busy"))
    assert Patience(sleep=sleeps.append, log=LOG).insist(call) == "done"
    assert sleeps == [2.0, 8.0, 32.0]


def test_patience_ends() -> None:
    sleeps: list[float] = []
    call = Flaky(100, RetryLaterError("busy"))
    with pytest.raises(RetryLaterError):
        Patience(sleep=sleeps.append, log=LOG).insist(call)
    assert call.calls == RETRIES_MAX + 1
    assert len(sleeps) == RETRIES_MAX


@pytest.mark.parametrize("verdict", (TenantActionError, RefusedError, DefectError))
def test_nothing_else_is_tried_again(verdict: type[CoworkerError]) -> None:
    call = Flaky(1, verdict("no"))
    with pytest.raises(verdict):
        Patience(sleep=lambda _: pytest.fail("waited"), log=LOG).insist(call)
    assert call.calls == 1


@given(st.integers(1, RETRIES_MAX), st.none() | st.floats(0, 10_000))
def test_a_wait_is_what_was_asked_for_or_more_and_never_over_the_limit(
    attempt: int, asked_s: float | None
) -> None:
    wait_s = wait_before(attempt, asked_s=asked_s)
    if wait_s is None:
        assert asked_s is not None
        assert asked_s > WAIT_MAX_S
    else:
        assert (asked_s or 0.0) <= wait_s <= WAIT_MAX_S


@pytest.mark.parametrize(
    ("error", "again", "who"),
    (
        (RetryLaterError("The source is away."), True, "Nobody"),
        (TenantActionError("The token has expired."), False, "The tenant"),
        (RefusedError("Too many rows would go."), False, "The operator"),
        (DefectError("The counts do not balance."), False, "The developers"),
    ),
)
def test_a_failure_carries_the_sentence_and_who_must_act(
    error: CoworkerError, *, again: bool, who: str
) -> None:
    error.add_note("stream commits, window 2026-01-01")
    with pytest.raises(Failure) as caught, told_to_dagster():
        raise error
    failure = caught.value
    assert failure.description == str(error)
    assert failure.allow_retries is again
    assert str(failure.metadata["who must act"].value).startswith(who)
    assert failure.metadata["where"].value == "stream commits, window 2026-01-01"


def test_a_foreign_error_passes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), told_to_dagster():
        raise ZeroDivisionError
