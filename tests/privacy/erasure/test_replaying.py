"""What a restored copy brings back of a person goes again."""

from datetime import UTC, datetime

from coworker_pipelines.privacy.erasure.replaying import ErasureReplayer
from coworker_pipelines.privacy.orders import OrderState, list_orders
from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from coworker_pipelines.privacy.rows import Order
from tests.privacy.erasure.people import ANN, JOANN, Office, commit, looked_at
from tests.privacy.erasure.test_under_hold import carried_out, exempt_holds, placed, released

COMMITS = "commits"


def test_an_erasure_is_done_again_by_its_keys_alone(office: Office) -> None:
    handle = office.add_repository([commit(1, ANN), commit(2, JOANN)])
    office.world.sync(handle, run="restored")
    _replay_twice(office)
    assert _authors(office, handle) == ["joann@acme.org"]
    assert not _held(office)


def test_what_a_hold_keeps_of_it_is_erased_when_the_hold_is_released(office: Office) -> None:
    """The order that had the rest was made after the backup, and the copy does not know it."""
    handle = office.add_repository([commit(1, ANN), commit(2, JOANN), commit(3, ANN)])
    office.world.sync(handle, run="restored")
    hold = placed(office, handle, stream=COMMITS, since=3)
    _replay_twice(office)
    assert _authors(office, handle) == ["ann@acme.org", "joann@acme.org"]
    (rest,) = _held(office)
    assert hold.id in (rest.detail or "")

    assert released(office, hold).orders == (rest.id,)
    carried_out(office, rest.id)
    assert _authors(office, handle) == ["joann@acme.org"]
    assert exempt_holds(office, rest.id) == {}
    assert not _held(office)


def _replay_twice(office: Office) -> None:
    shown = looked_at(office, "email ann@acme.org")
    entry = Entry(
        number=1,
        kind=EntryKind.ERASURE,
        order_id="o1",
        tenant=office.tenant,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        content={"people": [one.key for one in shown.keys]},
    )
    with office.work() as work:
        ErasureReplayer(work).replay(entry)
        ErasureReplayer(work).replay(entry)


def _authors(office: Office, handle: str) -> list[str]:
    stored = office.world.stored(handle, COMMITS).values()
    return sorted(str(one.payload["author_email"]) for one in stored)


def _held(office: Office) -> list[Order]:
    with office.world.opened() as platform, platform.database.control() as session:
        orders = list_orders(session, tenant_id=office.tenant)
        session.expunge_all()
    return [order for order in orders if order.state == OrderState.HELD]
