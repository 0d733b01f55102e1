"""What comes of checks that answer, fail, hang and break."""

import threading
from collections.abc import Callable

import pytest

from coworker_pipelines.doctor.check import Check, Outcome, Result, Verdict, outcome
from coworker_pipelines.doctor.examination import Once, examine, status
from coworker_pipelines.kernel.errors import DefectError, RefusedError, RetryLaterError

PLANTED = "ann@example.org"


def _check(look: Callable[[], Outcome], name: str = "one") -> Check:
    return Check(subject="test", name=name, look=look)


def _good() -> Outcome:
    return outcome(holds=True, expected="good", seen="good", advice="never shown")


def _bad(verdict: Verdict = Verdict.FAILED) -> Outcome:
    return outcome(holds=False, expected="good", seen="bad", advice="mend it", otherwise=verdict)


def _raising(error: Exception) -> Callable[[], Outcome]:
    def look() -> Outcome:
        raise error

    return look


def test_every_check_has_its_result_in_its_place() -> None:
    checks = [_check(_good, "a"), _check(_bad, "b"), _check(_good, "c")]
    results = examine(checks)
    assert [result.name for result in results] == ["a", "b", "c"]
    assert [result.outcome.verdict for result in results] == ["ok", "failed", "ok"]
    assert [result.outcome.advice for result in results] == [None, "mend it", None]


def test_nothing_to_check_is_nothing() -> None:
    assert examine([]) == []


@pytest.mark.parametrize("kind", (RefusedError, RetryLaterError, DefectError))
def test_a_check_that_cannot_be_made_has_failed_and_says_why(kind: type[Exception]) -> None:
    (result,) = examine([_check(_raising(kind("The store is closed.")))])
    assert result.outcome.verdict is Verdict.FAILED
    assert "could not be made: The store is closed." in result.outcome.seen
    assert result.outcome.advice


def test_a_defect_is_told_by_its_type_and_not_by_what_it_quotes() -> None:
    results = examine([_check(_raising(ValueError(PLANTED))), _check(_good)])
    assert [result.outcome.verdict for result in results] == ["failed", "ok"]
    assert "ValueError" in results[0].outcome.seen
    assert PLANTED not in repr(results)


def test_one_that_hangs_has_failed_when_its_time_is_over_and_holds_nobody_up() -> None:
    release = threading.Event()

    def hang() -> Outcome:
        release.wait()
        return _good()

    results = examine([_check(hang), _check(_good)], timeout_s=0.2)
    release.set()
    assert [result.outcome.verdict for result in results] == ["failed", "ok"]
    assert "no answer within 0.2 s" in results[0].outcome.seen


def test_checks_are_made_at_the_same_time() -> None:
    together = threading.Barrier(5)

    def meet() -> Outcome:
        together.wait(timeout=10)
        return _good()

    assert status(examine([_check(meet) for _ in range(5)])) == 0


def _result(verdict: Verdict) -> Result:
    found = Outcome(verdict=verdict, expected="e", seen="s")
    return Result(subject="test", name="one", outcome=found, seconds=0.0)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_failure_fails(verdict: Verdict) -> None:
    expected = 1 if verdict is Verdict.FAILED else 0
    assert status([_result(Verdict.OK), _result(verdict)]) == expected


def test_what_is_shared_is_asked_once_and_its_error_is_everybodys() -> None:
    asked: list[int] = []

    def read() -> int:
        asked.append(1)
        return 7

    once = Once(read)
    assert (once(), once(), len(asked)) == (7, 7, 1)
    failing = Once(_raising(RefusedError("No.")))
    for _ in range(2):
        with pytest.raises(RefusedError):
            failing()
