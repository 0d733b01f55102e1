"""Setting and explaining policies, placing and releasing holds: what the database keeps."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from coworker_pipelines.connections.retention import Age, Basis, standing_policies
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import FixedClock
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.privacy.deletion.deletions import Deletions
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import (
    HoldOrder,
    exemption,
    holds_over,
    list_holds,
    place_hold,
    refuse_under_holds,
    release_hold,
)
from coworker_pipelines.privacy.orders import OrderState, find_order
from coworker_pipelines.privacy.retention.policies import (
    explain,
    policy_history,
    set_policy,
    unset_policy,
)
from tests.database.planted import Planted, plant
from tests.privacy.receipts.claims import journal
from tests.privacy.retention.worlds import NOW

STREAMS = ("commits", "notes")


@pytest.fixture
def planted(database: Database) -> Planted:
    """A tenant whose connection has a policy and a hold already."""
    return plant(database, "acme")


def tenant(planted: Planted) -> Extent:
    return Extent(tenant=planted.tenant)


def stream(planted: Planted, name: str = "commits") -> Extent:
    return Extent(tenant=planted.tenant, connection=planted.connection, stream=name)


def put(database: Database, extent: Extent, *, days: int) -> None:
    with database.control() as session:
        set_policy(
            session,
            journal(),
            extent,
            basis=Basis.INGESTION,
            age=Age(days=days),
            grace_days=3,
            made_by="bob",
            now=NOW,
        )


def test_an_explanation_says_whose_policy_it_is_and_what_it_overrules(
    database: Database, planted: Planted
) -> None:
    put(database, tenant(planted), days=900)
    put(database, stream(planted), days=7)
    with database.control() as session:
        connection = Extent(tenant=planted.tenant, connection=planted.connection)
        own, other = explain(session, connection, STREAMS)
    assert own.policy is not None
    assert (own.level, own.set_by, own.set_at) == ("stream", "bob", NOW)
    assert str(own.policy) == "7 days from ingestion, grace 3 days"
    assert "overrules the connection's: 30 days from event" in own.why
    assert "overrules the tenant's: 900 days from ingestion" in own.why
    assert (other.level, other.set_by) == ("connection", "ann")


def test_a_policy_that_is_taken_back_leaves_the_wider_one_and_its_history(
    database: Database, planted: Planted
) -> None:
    put(database, stream(planted), days=7)
    put(database, stream(planted), days=8)
    with database.control() as session:
        unset_policy(
            session, journal(), stream(planted), made_by="eve", now=NOW + timedelta(days=1)
        )
    with database.control() as session:
        (policy,) = standing_policies(session, planted.tenant)
        assert policy.stream is None
        told = [(one.made_by, one.age_days) for one in policy_history(session, planted.tenant)]
        assert told == [("ann", 30), ("bob", 7), ("bob", 8), ("eve", None)]
        with pytest.raises(TenantActionError, match="no policy of its own"):
            unset_policy(session, journal(), stream(planted), made_by="eve", now=NOW)


def test_without_any_policy_an_explanation_says_that_all_stays(
    database: Database, planted: Planted
) -> None:
    connection = Extent(tenant=planted.tenant, connection=planted.connection)
    with database.control() as session:
        unset_policy(session, journal(), connection, made_by="eve", now=NOW)
        assert all("all stays" in one.why for one in explain(session, connection, STREAMS))


def order(planted: Planted) -> HoldOrder:
    return HoldOrder(
        extent=stream(planted, "notes"),
        since=datetime(2025, 1, 1, tzinfo=UTC),
        matter="L-8",
        owner="legal",
        reason="an audit",
        review_at=date(2026, 12, 31),
        placed_by="bob",
    )


def test_holds_lie_over_all_that_meets_their_extent(database: Database, planted: Planted) -> None:
    with database.control() as session:
        (first,) = holds_over(session, tenant(planted))
        placed = place_hold(session, journal(), order(planted), now=NOW)
        assert holds_over(session, stream(planted)) == [first]
        assert set(holds_over(session, tenant(planted))) == {first, placed}
        assert set(holds_over(session, stream(planted, "notes"))) == {first, placed}
        with pytest.raises(RefusedError, match="lies over this"):
            refuse_under_holds(session, tenant(planted))


def test_a_released_hold_keeps_nothing_and_stays_on_record(
    database: Database, planted: Planted
) -> None:
    with database.control() as session:
        placed = place_hold(session, journal(), order(planted), now=NOW)
        release_hold(session, journal(), placed.id, reason="audit done", released_by="eve", now=NOW)
        assert placed not in holds_over(session, tenant(planted))
        standing = list_holds(session, tenant_id=planted.tenant)
        everything = list_holds(session, tenant_id=planted.tenant, with_released=True)
        assert len(everything) == len(standing) + 1
        assert everything[-1].release_reason == "audit done"
        with pytest.raises(TenantActionError, match="was released on"):
            release_hold(session, journal(), placed.id, reason="again", released_by="eve", now=NOW)


def test_a_receipt_is_told_the_hold_and_its_review_but_not_its_matter(
    database: Database, planted: Planted
) -> None:
    with database.control() as session:
        placed = place_hold(session, journal(), order(planted), now=NOW)
    told = exemption(placed)
    assert told.until == date(2026, 12, 31)
    assert placed.id in told.why
    assert "L-8" not in f"{told.what} {told.why}"
    assert "notes from 2025-01-01" in told.what


@pytest.mark.parametrize(
    "change",
    (
        {"matter": " "},
        {"owner": ""},
        {"reason": "x" * 501},
        {"until": datetime(2024, 1, 1, tzinfo=UTC)},
        {"review_at": NOW.date()},
        {"review_at": date(2028, 1, 1)},
    ),
)
def test_a_hold_that_lacks_something_is_not_placed(
    database: Database, planted: Planted, change: dict[str, Any]
) -> None:
    with database.control() as session:
        before = len(list_holds(session))
        with pytest.raises(TenantActionError):
            place_hold(session, journal(), replace(order(planted), **change), now=NOW)
        assert len(list_holds(session)) == before


def test_a_deletion_is_not_confirmed_over_a_hold_nor_a_hold_placed_over_a_deletion(
    database: Database, planted: Planted
) -> None:
    deletions = Deletions(database=database, removers={}, clock=FixedClock(NOW))
    connection = Extent(tenant=planted.tenant, connection=planted.connection)
    asked = deletions.request(connection, reason="ticket 9", requested_by="bob")
    with pytest.raises(RefusedError, match="lies over this"):
        deletions.confirm(asked, typed="acme", confirmed_by="bob")
    with database.privacy() as session:
        find_order(session, asked).state = OrderState.RUNNING
    for extent in (connection, stream(planted, "notes"), tenant(planted)):
        with database.control() as session, pytest.raises(RefusedError, match="too late"):
            place_hold(session, journal(), replace(order(planted), extent=extent), now=NOW)
