"""While a hold lies over anything of the tenant, nobody is erased, and the order says so."""

from datetime import date

import pytest

from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, place_hold
from coworker_pipelines.privacy.orders import OrderState, find_order
from tests.integration.world import NOW
from tests.privacy.erasure.people import ANN, Office, commit, looked_up


def test_an_erasure_waits_for_a_hold_and_removes_nothing(office: Office) -> None:
    handle = office.add_repository([commit(1, ANN)])
    office.world.sync(handle, run="before")
    other, _ = looked_up(office, "email ann@acme.org")
    order = office.confirmed("email ann@acme.org")
    with office.world.opened() as platform, platform.database.control() as session:
        hold = HoldOrder(
            extent=Extent(tenant=office.tenant),
            matter="a lawsuit",
            owner="counsel",
            reason="to be kept",
            review_at=date(2026, 6, 1),
            placed_by="counsel",
        )
        place_hold(session, hold, now=NOW)
    with office.work() as work, pytest.raises(RetryLaterError, match="a hold"):
        work.carry_out(order)
    with office.erasures() as control, pytest.raises(RefusedError, match="hold"):
        control.confirm(other, typed="acme", same_person=False, confirmed_by="dpo")
    with office.world.opened() as platform, platform.database.control() as session:
        assert find_order(session, order).state == OrderState.WAITING
    assert len(office.world.stored(handle, "commits")) == 1
