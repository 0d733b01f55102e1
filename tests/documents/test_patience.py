"""What is waited for, and what is believed at once."""

from collections.abc import Callable, Sequence

import pytest

from coworker_pipelines.documents.patience import (
    READS,
    UNKNOWN_TIMES,
    Patience,
    UnknownKeyError,
)
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError


def _failing(*errors: Exception) -> tuple[Callable[[], str], list[float]]:
    """A call that raises each error once and answers then; the pauses made between."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "answered"

    return call, []


@pytest.mark.parametrize(
    "errors",
    (
        [RetryLaterError("overloaded")] * (READS.attempts - 1),
        [UnknownKeyError()] * (UNKNOWN_TIMES - 1),
        [RetryLaterError("overloaded"), UnknownKeyError(), RetryLaterError("overloaded")],
    ),
)
def test_what_may_pass_is_waited_for(errors: Sequence[Exception]) -> None:
    call, pauses = _failing(*errors)
    assert READS.retry(call, pause=pauses.append) == "answered"
    assert len(pauses) == len(errors)


def test_a_key_that_stays_unknown_is_refused_soon() -> None:
    call, pauses = _failing(*[UnknownKeyError()] * UNKNOWN_TIMES)
    with pytest.raises(UnknownKeyError):
        READS.retry(call, pause=pauses.append)
    assert len(pauses) == UNKNOWN_TIMES - 1
    assert sum(pauses) < 1


@pytest.mark.parametrize("error", (RetryLaterError("overloaded"), UnknownKeyError()))
def test_the_last_attempt_is_the_last(error: Exception) -> None:
    call, pauses = _failing(error, error)
    with pytest.raises(type(error)):
        Patience(attempts=2).retry(call, pause=pauses.append)
    assert len(pauses) == 1


def test_a_refusal_is_believed_at_once() -> None:
    call, pauses = _failing(RefusedError("not yours"))
    with pytest.raises(RefusedError, match="not yours"):
        READS.retry(call, pause=pauses.append)
    assert pauses == []
