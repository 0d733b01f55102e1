"""What becomes of a document: the pure rule against an oracle, and its borders by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from coworker_pipelines.connections.holds import hold_over
from coworker_pipelines.connections.retention import Age, Basis, Policy, nearest
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.retention.judgement import (
    Fate,
    Times,
    judge,
    rejected_is_held,
    rejected_is_spent,
)
from tests.privacy.retention.worlds import CONNECTIONS, NOW, expected, random_tenant

LENT = datetime(2026, 3, 31, tzinfo=UTC)


def require_equal_to_the_oracle(tenants: int) -> None:
    seen: set[tuple[Fate, bool]] = set()
    for seed in range(tenants):
        tenant = random_tenant(seed)
        for times in tenant.documents:
            fate, exempt_until = expected(times, tenant)
            judged = judge(times, tenant.policies, tenant.holds, now=NOW)
            hold = hold_over(
                tenant.holds,
                times.connection,
                times.stream,
                occurred_at=times.occurred_at,
                extracted_at=times.extracted_at,
            )
            assert judged.fate is fate, (seed, times, judged)
            assert (None if hold is None else hold.review_at) == exempt_until, (seed, times)
            seen.add((fate, times.occurred_at is None))
    assert seen == {(fate, undated) for fate in Fate for undated in (True, False)}


def test_five_thousand_random_combinations_decide_as_the_oracle_does() -> None:
    require_equal_to_the_oracle(5_000)


@pytest.mark.soak
def test_a_hundred_thousand_random_combinations_decide_as_the_oracle_does() -> None:
    require_equal_to_the_oracle(100_000)


def policy(
    *, connection: str | None = None, stream: str | None = None, days: int = 10, grace: int = 0
) -> Policy:
    return Policy(
        connection=connection,
        stream=stream,
        basis=Basis.EVENT,
        age=Age(days=days),
        grace_days=grace,
    )


def times(occurred_at: datetime | None, extracted_at: datetime = NOW) -> Times:
    return Times(
        connection=CONNECTIONS[0],
        stream="commits",
        occurred_at=occurred_at,
        extracted_at=extracted_at,
    )


def test_the_nearest_policy_wins_whatever_it_says() -> None:
    wide, own = policy(days=1), policy(connection=CONNECTIONS[0], days=900)
    stream = policy(connection=CONNECTIONS[0], stream="commits", days=30)
    other = policy(connection=CONNECTIONS[1], stream="commits", days=1)
    assert nearest((other, stream, wide, own), CONNECTIONS[0], "commits") is stream
    assert nearest((other, wide, own), CONNECTIONS[0], "commits") is own
    assert nearest((other, wide), CONNECTIONS[0], "commits") is wide
    assert nearest((other,), CONNECTIONS[0], "commits") is None


@pytest.mark.parametrize(
    ("months", "day"), ((1, (2026, 2, 28)), (13, (2025, 2, 28)), (25, (2024, 2, 29)))
)
def test_a_month_without_such_a_day_ends_with_its_last(
    months: int, day: tuple[int, int, int]
) -> None:
    assert Age(months=months).before(LENT) == datetime(*day, tzinfo=UTC)


def test_in_the_grace_a_document_is_out_of_use_and_still_there() -> None:
    rule = (policy(days=10, grace=5),)
    whole = NOW.replace(microsecond=0)
    fates = [
        judge(times(whole - span), rule, (), now=NOW).fate
        for span in (
            timedelta(days=10),
            timedelta(days=10, microseconds=1),
            timedelta(days=15),
            timedelta(days=15, microseconds=1),
        )
    ]
    assert fates == [Fate.KEPT, Fate.DUE, Fate.DUE, Fate.SWEPT]


def test_a_document_without_a_time_ages_from_when_it_was_taken_in() -> None:
    judged = judge(times(None, NOW - timedelta(days=11)), (policy(),), (), now=NOW)
    assert judged.fate is Fate.SWEPT
    assert judge(times(None, NOW), (policy(),), (), now=NOW).fate is Fate.KEPT


@pytest.mark.parametrize(
    ("days", "months"), ((0, 0), (1, 1), (-1, 0), (0, -1), (200 * 365, 0), (0, 2_000))
)
def test_an_age_is_one_of_both_and_has_a_limit(days: int, months: int) -> None:
    with pytest.raises(TenantActionError):
        Age(days=days, months=months)


def test_a_rejected_record_goes_when_all_of_its_month_is_spent() -> None:
    rule = policy(days=40)  # all before the 19th of February
    february, january = Window(2026, 2), Window(2026, 1)
    assert rejected_is_spent(january, NOW, rule, NOW)
    assert not rejected_is_spent(february, NOW, rule, NOW)
    assert rejected_is_spent(february, NOW - timedelta(days=41), rule, NOW)


def test_a_hold_over_a_part_of_the_month_keeps_its_rejected_records() -> None:
    hold = next(
        hold
        for seed in range(1_000)
        for hold in random_tenant(seed).holds
        if hold.since is not None and hold.until is None
    )
    assert hold.since is not None
    month = Window.of(hold.since)
    long_ago = hold.since - timedelta(days=900)
    assert rejected_is_held(month, long_ago, (hold,))
    assert not rejected_is_held(month.plus(-1), long_ago, (hold,))
