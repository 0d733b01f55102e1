"""Decisions at rest: once each, chained, isolated, emptied of a person, and made again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from coworker_pipelines.automation.decisions.deciding import DecidedCounts
from coworker_pipelines.automation.decisions.dry_run import DryRun, dry_run
from coworker_pipelines.automation.decisions.explanation import explain
from coworker_pipelines.automation.decisions.replay import (
    ReplayOutcome,
    counted,
    replay,
    replay_under,
)
from coworker_pipelines.automation.decisions.store import (
    Kept,
    Span,
    find_decision,
    latest_decisions,
    scan_decisions,
    verify_chain,
)
from coworker_pipelines.automation.erasing import DECISIONS
from coworker_pipelines.automation.rows import DecisionChain, DecisionRecord
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.store import deactivate, recorded_rule_set
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.reached import Reached
from coworker_pipelines.privacy.removers.rows import RowRemover
from coworker_pipelines.privacy.targets import target
from tests.automation.messages import ANN, BOB, NOON, SCOPE, commit
from tests.automation.planting import add_tenant, decide_all, switch_on
from tests.automation.rules import large

COUNT = 1_200
"""More than two pages of messages; the last 200 are large."""


@pytest.fixture
def tenant(database: Database) -> str:
    tenant = add_tenant(database, "acme")
    switch_on(database, tenant, large())
    return tenant


def events(count: int = COUNT) -> list[dict[str, Any]]:
    """The odd ones by Bob."""
    return [commit(number, actor=BOB if number % 2 else ANN) for number in range(count)]


def kept(session: Session, tenant: str, span: Span | None = None) -> list[Kept]:
    return [one for page in scan_decisions(session, tenant, span or Span()) for one in page]


def replayed(session: Session, tenant: str) -> list[ReplayOutcome]:
    rule_sets: Callable[[str], RuleSet] = partial(recorded_rule_set, session, tenant)
    known: dict[str, RuleSet] = {}

    def remembered(digest: str) -> RuleSet:
        return known.setdefault(digest, rule_sets(digest))

    return [one.outcome for one in replay(kept(session, tenant), remembered)]


def test_each_message_is_decided_once_whatever_happens(database: Database, tenant: str) -> None:
    first = decide_all(database, tenant, events(700))
    assert first == DecidedCounts(decided=700)
    again = decide_all(database, tenant, reversed(events()), now=NOON + timedelta(days=1))
    assert (again.decided, again.before) == (COUNT - 700, 700)
    assert again.actions == 2 * (COUNT - 1_001)
    with database.control() as session:
        assert len({one.message for one in kept(session, tenant)}) == COUNT
        assert verify_chain(session, tenant).links == COUNT


def test_a_message_that_comes_twice_is_decided_once(database: Database, tenant: str) -> None:
    counts = decide_all(database, tenant, [commit(1), commit(1)])
    assert counts == DecidedCounts(decided=1, before=1)


def test_runs_that_decide_at_once_share_one_chain(database: Database, tenant: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(lambda _: decide_all(database, tenant, events(300)), range(4)))
    assert sum(one.decided for one in counts) == 300
    with database.control() as session:
        verified = verify_chain(session, tenant)
    assert (verified.links, verified.broken_at) == (300, None)


def test_a_run_that_breaks_off_leaves_whole_pages(database: Database, tenant: str) -> None:
    def breaking() -> Any:
        yield from events(600)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        decide_all(database, tenant, breaking())
    with database.control() as session:
        assert verify_chain(session, tenant).links == 500
    assert decide_all(database, tenant, events(600)).decided == 100


def test_a_rule_that_is_switched_off_is_not_asked_from_then_on(
    database: Database, tenant: str
) -> None:
    decide_all(database, tenant, [commit(1_500)])
    with database.control() as session:
        deactivate(session, tenant, "large", by="ann", now=NOON)
    assert decide_all(database, tenant, [commit(1_501), commit(1_500)]).actions == 0


def test_a_replay_is_equal_and_another_rule_shows_the_difference(
    database: Database, tenant: str
) -> None:
    decide_all(database, tenant, events())
    switch_on(database, tenant, large(version=2, when="has(message.actor)"))
    decide_all(database, tenant, [commit(5_000)], now=NOON + timedelta(days=1))
    with database.control() as session:
        assert set(replayed(session, tenant)) == {ReplayOutcome.EQUAL}
        lower = RuleSet([large(when="has(message.actor)"), large(id="other", when="false")])
        span = Span(until=NOON + timedelta(hours=1))
        assert len(kept(session, tenant, span)) == COUNT
        changes = counted(replay_under(kept(session, tenant, span), lower))
    assert changes == {
        ("large", "not_matched", "matched"): 1_001,
        ("other", "-", "not_matched"): COUNT,
    }


def test_a_replay_says_where_it_differs(database: Database, tenant: str) -> None:
    decide_all(database, tenant, [commit(1_500)])
    with database.control() as session:
        other = RuleSet([large(when="false")])
        (different,) = replay(kept(session, tenant), lambda _: other)
    assert different.outcome is ReplayOutcome.DIFFERENT
    assert set(different.places) >= {"id", "rule_set", "rules[0].outcome", "actions[0]"}


def test_after_an_erasure_nothing_tells_of_the_person_and_the_chain_holds(
    database: Database, tenant: str
) -> None:
    decide_all(database, tenant, events())
    with database.control() as session:
        before = verify_chain(session, tenant).head
    with database.privacy() as session:
        (decisions,) = DECISIONS
        assert decisions.erase(session, tenant, [ANN, "f" * 32], now=NOON) == COUNT // 2
        assert decisions.erase(session, tenant, [ANN], now=NOON) == 0
    with database.control() as session:
        verified = verify_chain(session, tenant)
        assert (verified.links, verified.erased) == (COUNT, COUNT // 2)
        assert verified.broken_at is None
        assert verified.head == before
        assert _holding(session, ANN) == 0
        assert _holding(session, BOB) == COUNT // 2
        outcomes = replayed(session, tenant)
    assert outcomes.count(ReplayOutcome.ERASED) == outcomes.count(ReplayOutcome.EQUAL) == COUNT // 2
    # What was decided is not decided again because it was forgotten on what.
    assert decide_all(database, tenant, events()) == DecidedCounts(before=COUNT)


def test_an_erased_decision_still_says_what_was_decided(database: Database, tenant: str) -> None:
    decide_all(database, tenant, [commit(1_500)])
    rows = RowRemover(session=database.privacy, target=target("decisions"))
    other = Reached(extent=Extent(tenant=tenant, connection="c" * 16), slug="acme")
    own = Reached(extent=Extent(tenant=tenant, connection=SCOPE.connection), slug="acme")
    assert (rows.count(other), rows.delete(other)) == (0, 0)
    assert (rows.count(own), rows.delete(own), rows.count(own)) == (1, 1, 0)
    with database.control() as session:
        assert verify_chain(session, tenant).erased == 1
        (one,) = latest_decisions(session, tenant, limit=5, acting=True)
        found = explain(one, recorded_rule_set(session, tenant, one.rule_set))
    assert found.erased
    assert [(told.rule, told.outcome) for told in found.rules] == [("large", "matched")]
    assert [(action.type, action.parameters) for action in found.actions] == [
        ("create_task", None),
        ("tag", None),
    ]


@pytest.mark.parametrize(
    ("change", "at", "why"),
    (
        ({"open": b"{}"}, 3, "its open half was changed"),
        ({"personal": b"{}"}, 3, "its personal half was changed"),
        ({"personal": None}, 3, "its personal half was erased by halves"),
        ({"hash": b"x" * 32}, 3, "its open half was changed"),
        ({"commitment": b"x" * 32}, 3, "its open half was changed"),
        ({"previous": b"x" * 32}, 3, "it does not follow the record before"),
        (None, 3, "a record is missing"),
    ),
)
def test_a_chain_that_was_tampered_with_does_not_hold(
    database: Database, tenant: str, change: dict[str, object] | None, at: int, why: str
) -> None:
    decide_all(database, tenant, events(5))
    third = DecisionRecord.sequence == 3
    statement = (
        delete(DecisionRecord) if change is None else update(DecisionRecord).values(**change)
    )
    with database.control() as session:
        session.execute(text("RESET ROLE"))
        session.execute(statement.where(third))
        verified = verify_chain(session, tenant)
    assert (verified.broken_at, verified.why, verified.links) == (at, why, at - 1)


def test_a_chain_that_was_cut_does_not_hold(database: Database, tenant: str) -> None:
    decide_all(database, tenant, events(5))
    with database.control() as session:
        session.execute(text("RESET ROLE"))
        session.execute(delete(DecisionRecord).where(DecisionRecord.sequence == 5))
        assert verify_chain(session, tenant).why == "records at its end are missing"


def test_no_role_changes_a_decision(database: Database, tenant: str) -> None:
    decide_all(database, tenant, events(5))
    for statement in (
        update(DecisionRecord).values(open=b"{}"),
        update(DecisionRecord).values(hash=b"{}"),
        update(DecisionRecord).values(commitment=b"{}"),
    ):
        for opened in (database.control, partial(database.tenant, tenant), database.privacy):
            with pytest.raises(ProgrammingError), opened() as session:
                session.execute(statement)


def test_tenants_have_chains_of_their_own(database: Database, tenant: str) -> None:
    other = add_tenant(database, "acme-corp")
    decide_all(database, tenant, events(3))
    assert decide_all(database, other, events(3)) == DecidedCounts(decided=3)
    with database.tenant(other) as session:
        assert kept(session, tenant) == []
        assert [one.sequence for one in kept(session, other)] == [1, 2, 3]
    with database.control() as session:
        heads = session.scalars(select(DecisionChain.head)).all()
    assert len(set(heads)) == 2


def test_a_decision_is_found_by_its_id_and_by_its_message(database: Database, tenant: str) -> None:
    event = commit(1_500)
    decide_all(database, tenant, [event, commit(1)])
    with database.control() as session:
        found = find_decision(session, tenant, event["id"])
        assert find_decision(session, tenant, found.id) == found
        with pytest.raises(TenantActionError, match="There is no decision 'x'"):
            find_decision(session, tenant, "x")


def test_a_dry_run_counts_by_day_and_keeps_nothing(database: Database, tenant: str) -> None:
    run = DryRun()
    rules = RuleSet([large()])
    day = timedelta(days=1)
    dated = [commit(1_001 + number, at=NOON + day * (number // 2)) for number in range(6)]
    dry_run(run, [*dated, commit(1)], rules, connection="handbook", until=NOON + 2 * day)
    assert run.messages == 5
    assert dict(run.days) == {
        (NOON.date(), "large", "matched"): 2,
        ((NOON + day).date(), "large", "matched"): 2,
    }
    assert dict(run.actions) == {("large", "create_task"): 4, ("large", "tag"): 4}
    with database.control() as session:
        assert kept(session, tenant) == []


def _holding(session: Session, key: str) -> int:
    """Records that hold the key anywhere."""
    statement = text(
        "SELECT count(*) FROM decisions WHERE :key = ANY(subject_keys) "
        "OR position(:encoded IN open) > 0 OR position(:encoded IN coalesce(personal, '')) > 0"
    )
    return session.scalar(statement, {"key": key, "encoded": key.encode()}) or 0
