"""A person's keys are found over links, and two people are never taken for one."""

import sqlite3
from collections.abc import Sequence

import pytest

from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.privacy.erasure.identifying import read_identifiers
from tests.privacy.erasure.people import Office, looked_up

TICKETS = """
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY, email TEXT, login TEXT, agent_email TEXT, note TEXT,
    updated_at TIMESTAMP NOT NULL
);
"""
Row = tuple[str | None, str | None, str | None]


def desk(office: Office, rows: Sequence[Row], name: str = "desk") -> str:
    """A synced connection whose rows each name one person by address and login, and an agent."""
    path = office.folder / f"{name}.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TICKETS)
    connection.executemany(
        "INSERT INTO tickets VALUES (?, ?, ?, ?, 'a note', '2026-03-10 10:00:00')",
        [(number, *row) for number, row in enumerate(rows, start=1)],
    )
    connection.commit()
    connection.close()
    persons = {"email": "customer", "login": "customer"}
    form = {"url": f"sqlite:///{path}", "tables": {"tickets": {"persons": persons}}}
    handle = office.world.add_connection(form, name=name)
    office.world.sync(handle, run=f"sync-{name}")
    return handle


def test_links_lead_to_a_fixed_point_and_tell_their_path(office: Office) -> None:
    desk(office, [("ann@acme.org", "ann", "bob@acme.org"), (None, "ann", None)])
    _, shown = looked_up(office, "email Ann+x@acme.org")
    assert [(one.kind, one.value, one.by) for one in shown.keys] == [
        ("email", "Ann+x@acme.org", None),
        ("login", "ann", 1),
    ]
    assert shown.keys[1].where == "acme.desk tickets: email, login"
    assert not shown.merges
    assert shown.counts["documents deleted"] == 2


def test_a_shared_address_stops_the_order_until_somebody_has_decided(office: Office) -> None:
    desk(office, [("team@acme.org", "ann", None), ("team@acme.org", "joann", None)])
    order, shown = looked_up(office, "login acme.desk ann")
    assert [one.value for one in shown.keys] == ["ann", "team@acme.org", "joann"]
    assert [one.value for one in shown.merges] == ["joann"]
    with office.erasures() as control:
        with pytest.raises(RefusedError, match="more than one address, login or user id"):
            control.confirm(order, typed="acme", same_person=False, confirmed_by="dpo")
        with pytest.raises(TenantActionError, match="by number"):
            control.preview(order, leave_out=frozenset({1}))
        shown = control.preview(order, leave_out=frozenset({2}))
        assert [one.value for one in shown.keys] == ["ann"]
        assert not shown.merges
        control.confirm(order, typed="acme", same_person=False, confirmed_by="dpo")


def test_fields_that_nobody_declared_to_be_one_person_link_nobody(office: Office) -> None:
    desk(office, [("ann@acme.org", None, "bob@acme.org"), (None, "bob", "bob@acme.org")])
    _, shown = looked_up(office, "email bob@acme.org")
    assert [one.value for one in shown.keys] == ["bob@acme.org"]


def test_a_preview_that_has_become_untrue_confirms_nothing(office: Office) -> None:
    desk(office, [("ann@acme.org", "ann", None)])
    order, _ = looked_up(office, "email ann@acme.org")
    desk(office, [("ann@acme.org", "ann2", None)], name="second")
    with office.erasures() as control, pytest.raises(RefusedError, match="has changed"):
        control.confirm(order, typed="acme", same_person=False, confirmed_by="dpo")


@pytest.mark.parametrize(
    ("lines", "says"),
    (
        ((), "Nobody was named"),
        (("ann@acme.org",), "Line 1 is no identifier"),
        (("email ann@acme.org", "email ann"), "Line 2 identifies nobody"),
        (("term ...",), "Line 1 identifies nobody"),
        (("login acme.desk",), "Line 1 is no identifier"),
    ),
)
def test_a_line_that_names_nobody_is_told_by_its_number(lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(TenantActionError, match=says) as caught:
        read_identifiers(lines)
    assert not lines or "ann@acme" not in str(caught.value)


def test_a_login_needs_a_place_that_has_logins(office: Office) -> None:
    with pytest.raises(TenantActionError, match="no connection of this tenant"):
        looked_up(office, "login acme.nowhere ann")
