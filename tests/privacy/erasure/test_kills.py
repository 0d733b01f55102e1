"""Erasures that are killed at any instant, and a sync whose segments one has dropped."""

import random

import pytest

from coworker_pipelines.extraction.masking import MARK
from coworker_pipelines.privacy.orders import OrderState, find_order
from tests.integration.world import MARCH
from tests.privacy.erasure.people import ANN, BOB, JOANN, Office, commit
from tests.privacy.erasure.processes import cleared, erasing, work_of
from tests.privacy.erasure.test_texts import put_rejected, rejected
from tests.victims import tell

COMMITS = "commits"
KILLS = 5
KILLS_SOAKED = 100
OF_ANN = b'{"author_email":"ann@acme.org"}'


def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_next(office: Office) -> None:
    assert _kill_and_finish(office, "once", work_s=_work_s(office)) > 1


@pytest.mark.soak
def test_an_erasure_that_is_killed_at_very_many_instants_is_finished(office: Office) -> None:
    work_s = _work_s(office)
    killed = orders = 0
    while killed < KILLS_SOAKED:
        killed += _kill_and_finish(office, f"soaked{orders}", work_s=work_s)
        orders += 1
    tell(f"erasures: {killed} kills of {orders} orders, each of which ended with one receipt")


def _kill_and_finish(office: Office, name: str, *, work_s: float) -> int:
    """How often an order was cut off in its work before it was done."""
    chance = random.Random(name)
    address = f"{name}@acme.org"
    author = f"Ann Lee <{address}>"
    commits = [
        commit(1, author),
        commit(2, BOB, f"with {address}, as Ann Lee said"),
        commit(3, author),
        commit(4, JOANN),
    ]
    handle = office.add_repository(commits, name)
    office.world.sync(handle, run=f"of {handle}")
    put_rejected(office, handle, b'{"author_email":"%b"}' % address.encode())
    order = office.confirmed(f"email {address}", "term Ann Lee")
    killed = 0
    for _ in range(KILLS):
        with erasing(office.world.settings, order) as victim:
            killed += victim.kill_behind(chance.uniform(0, work_s))
    with office.work() as work:
        cleared(work, order)
        cleared(work, order)
    stored = office.world.stored(handle, COMMITS).values()
    assert sorted(one.payload["message"] for one in stored) == [
        f"2: with {MARK}, as {MARK} said\n",
        "4: a change\n",
    ]
    assert not rejected(office, handle)
    _require_one_true_receipt(office, order)
    return killed


def _work_s(office: Office) -> float:
    """What an erasure of the same size takes when nobody kills it."""
    commits = [commit(1, ANN), commit(2, BOB, "with ann@acme.org, as Ann Lee said")]
    handle = office.add_repository(commits, "whole")
    office.world.sync(handle, run="whole")
    put_rejected(office, handle, OF_ANN)
    return work_of(office.world.settings, office.confirmed("email ann@acme.org", "term Ann Lee"))


def _require_one_true_receipt(office: Office, order: str) -> None:
    counts = {one["target"]: one for one in office.receipt(order)["targets"]}
    assert all(not one["left_first"] + one["left_second"] for one in counts.values())
    # A kill between a change and its count may lose the count, and never adds to it.
    assert 0 <= counts["documents"]["deleted"] <= 2
    with office.world.opened() as platform, platform.database.control() as session:
        row = find_order(session, order)
        assert (row.state, row.sealed, row.detail) == (OrderState.DONE, None, None)


def test_a_run_whose_segments_an_erasure_dropped_stores_nothing_and_the_next_all_but_the_person(
    office: Office,
) -> None:
    handle = office.add_repository([commit(1, ANN), commit(2), commit(3, JOANN)])
    with office.world.opened() as platform, platform.open_sync(handle, "cut", (MARCH,)) as sync:
        streams = sync.streams
        for stream in streams:
            sync.extract(stream, MARCH)
        order = office.confirmed("email ann@acme.org")
        with office.work() as work:
            cleared(work, order)
        for stream in streams:
            assert "read" not in sync.store(stream, MARCH).metadata
            sync.derive(stream, MARCH)
    counts = {one["target"]: one["deleted"] for one in office.receipt(order)["targets"]}
    assert counts["segments"]
    assert not office.world.stored(handle, COMMITS)
    office.world.sync(handle, run="next")
    stored = office.world.stored(handle, COMMITS).values()
    assert sorted(one.payload["message"] for one in stored) == ["2: a change\n", "3: a change\n"]
    assert office.events(handle)
    office.world.require_own_activities(handle, *streams)
