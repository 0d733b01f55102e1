"""Making one check of a list by its name."""

from collections.abc import Iterable

from coworker_pipelines.doctor.check import Check, Outcome, Verdict
from coworker_pipelines.doctor.examination import examine

OK, WARNING, FAILED = Verdict.OK, Verdict.WARNING, Verdict.FAILED
NOT_APPLICABLE = Verdict.NOT_APPLICABLE


def answer(checks: Iterable[Check], name: str) -> Outcome:
    """What the check of that name says, as `coworker doctor` would show it."""
    (check,) = [check for check in checks if check.name == name]
    (result,) = examine([check])
    outcome = result.outcome
    assert outcome.expected
    assert outcome.seen
    assert (outcome.advice is None) == (outcome.verdict in {OK, NOT_APPLICABLE})
    return outcome
