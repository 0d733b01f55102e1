"""Commands that change something do it, and ask before they remove."""

import io
import json
from typing import Any

import pytest

from coworker_pipelines.connections.connections import find_connection, schedule_of
from coworker_pipelines.connections.schedules import Schedule
from tests.cli.conftest import HANDLE, WHY, Coworker, Stocked
from tests.integration.shop import ORDERS, PRODUCTS


def test_a_tenant_is_made_listed_and_shown(coworker: Coworker) -> None:
    made = coworker("tenants", "add", "acme-corp", "--name", "Acme Corp Ltd")
    assert (made.status, made.err) == (0, "")
    assert "coworker connections add acme-corp" in made.out
    one = _json(coworker, "tenants", "show", "acme-corp")
    assert (one["slug"], one["name"], one["connections"]) == ("acme-corp", "Acme Corp Ltd", [])
    assert "acme-corp" in [row["slug"] for row in _json(coworker, "tenants", "list")]


def test_a_connection_is_made_with_a_schedule_and_a_choice_of_streams(
    coworker: Coworker, stocked: Stocked
) -> None:
    made = coworker(
        *("connections", "add", "acme", "second", "--kind", "sql", "--stream", PRODUCTS),
        *("--setting", f"url=sqlite:///{stocked.shop.path}", "--every", "30"),
        *("--setting", 'tables={"orders": {"snapshot": true}}'),
    )
    assert (made.status, made.err) == (0, "")
    shown = _json(coworker, "connections", "show", "acme.second")
    schedule = _schedule(stocked, "acme.second")
    stocked.world.remove("acme.second")
    assert shown["selection"].keys() == {PRODUCTS}
    assert schedule is not None
    assert schedule.interval_s == 1_800
    assert shown["settings"]["tables"]["orders"]["snapshot"] is True
    assert shown["due_at"] is not None


def test_a_source_is_asked_again(coworker: Coworker) -> None:
    checked = coworker("connections", "check", HANDLE)
    assert checked.status == 0
    assert "offers: orders, products" in checked.out


def test_a_schedule_holds_until_the_next(coworker: Coworker, stocked: Stocked) -> None:
    words = ("connections", "schedule", HANDLE)
    timed = coworker(*words, "--cron", "0 6 * * 1-5", "--time-zone", "Europe/Berlin")
    assert "is next due" in timed.out
    schedule = _schedule(stocked, HANDLE)
    assert schedule is not None
    assert (schedule.cron, schedule.time_zone) == ("0 6 * * 1-5", "Europe/Berlin")
    assert "on command only" in coworker(*words, "--never").out
    assert _schedule(stocked, HANDLE) is None


def test_a_pause_holds_until_it_is_ended(coworker: Coworker) -> None:
    for command, state in (("pause", "paused"), ("pause", "paused"), ("resume", "active")):
        assert coworker("connections", command, HANDLE).status == 0
        assert _json(coworker, "connections", "show", HANDLE)["state"] == state


def test_a_limit_is_set_by_itself(coworker: Coworker) -> None:
    set_to = _json(coworker, "connections", "limit", HANDLE, "--removals", "0.5")
    assert set_to == {"removal_share_max": 0.5, "rejected_share_max": 0.05}
    set_to = _json(coworker, "connections", "limit", HANDLE, "--rejected", "0")
    assert set_to == {"removal_share_max": 0.5, "rejected_share_max": 0.0}
    assert _json(coworker, "connections", "limit", HANDLE) == set_to


def test_what_is_rejected_again_stays_rejected(coworker: Coworker) -> None:
    tried = coworker("rejected", "retry", HANDLE)
    assert tried.out == "3 tried, 0 stored, 3 still rejected.\n"
    assert len(_json(coworker, "rejected", "list", HANDLE)) == 3


@pytest.mark.parametrize("answer", ("n\n", "\n", ""))
def test_data_is_removed_only_after_somebody_said_yes(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    before = _json(coworker, "documents", "count", HANDLE)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    asked = coworker("connections", "select", HANDLE, "--without", "orders:note")
    assert asked.status == 1
    preview = asked.out.splitlines()[0]
    assert all(part in preview for part in ("Would be removed", "orders", "note", "57 documents"))
    assert "Remove this now?" in asked.out
    assert "Removed:" not in asked.out
    assert _json(coworker, "documents", "count", HANDLE) == before
    assert not _left_out(coworker)
    assert "note" in _payload(coworker)


def test_what_is_kept_is_not_asked_for(coworker: Coworker) -> None:
    changed = coworker("connections", "select", HANDLE, "--without", "orders:amount", "--keep")
    assert (changed.status, changed.err) == (0, "")
    assert "Would be removed" not in changed.out
    assert "amount" in _left_out(coworker)
    assert "amount" in _payload(coworker)


def test_what_is_left_out_is_gone_once_somebody_said_yes(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    changed = coworker("connections", "select", HANDLE, "--without", "orders:note")
    assert (changed.status, changed.err) == (0, "")
    (said,) = [line for line in changed.out.splitlines() if "Removed:" in line]
    assert all(part in said for part in ("orders", "note", "57 documents"))
    assert "note" in _left_out(coworker)
    assert "note" not in _payload(coworker)


def test_a_stream_is_left_out_at_once_where_nobody_is_asked_and_comes_back(
    coworker: Coworker,
) -> None:
    words = ("connections", "select", HANDLE)
    gone = coworker(*words, "--without", PRODUCTS, "--yes")
    (said,) = [line for line in gone.out.splitlines() if "Removed:" in line]
    assert all(part in said for part in (PRODUCTS, "5 documents"))
    assert [row["stream"] for row in _json(coworker, "documents", "count", HANDLE)] == [ORDERS]
    refused = coworker("documents", "list", HANDLE, PRODUCTS, *WHY)
    assert (refused.status, "is not taken in" in refused.err) == (2, True)
    back = coworker(*words, "--stream", PRODUCTS)
    assert "takes in: orders, products" in back.out
    counts = {
        row["stream"]: row["documents"] for row in _json(coworker, "documents", "count", HANDLE)
    }
    assert counts == {ORDERS: 57, PRODUCTS: 0}


def _json(coworker: Coworker, *words: str) -> Any:
    outcome = coworker(*words, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


def _schedule(stocked: Stocked, handle: str) -> Schedule | None:
    with stocked.world.opened() as platform, platform.database.control() as session:
        return schedule_of(find_connection(session, handle))


def _left_out(coworker: Coworker) -> list[str]:
    rows = _json(coworker, "connections", "streams", HANDLE)
    (found,) = [row["left_out"] for row in rows if row["stream"] == ORDERS]
    return list(found or ())


def _payload(coworker: Coworker) -> dict[str, object]:
    document = json.loads(coworker("documents", "show", HANDLE, ORDERS, "7", *WHY).out)
    assert isinstance(document["payload"], dict)
    return document["payload"]


def test_settings_are_changed_and_what_is_not_named_stays(
    coworker: Coworker, stocked: Stocked
) -> None:
    words = ("connections", "add", "acme", "third", "--kind", "sql")
    coworker(*words, "--setting", f"url=sqlite:///{stocked.shop.path}")
    changed = coworker(
        "connections", "change", "acme.third", "-s", 'tables={"orders": {"snapshot": true}}'
    )
    assert (changed.status, changed.err) == (0, "")
    assert changed.out == "acme.third is changed: tables.\n"
    settings = _json(coworker, "connections", "show", "acme.third")["settings"]
    assert settings["url"].endswith(f":///{stocked.shop.path}")
    assert settings["tables"]["orders"]["snapshot"] is True
    refused = coworker("connections", "change", "acme.third", "-s", "url=sqlite:////no/such/file")
    assert (refused.status, refused.out) == (2, "")
    nothing = coworker("connections", "change", "acme.third")
    assert (nothing.status, nothing.out) == (2, "")
    assert "Say what is to be changed" in nothing.err
    argument = coworker("connections", "change", "acme.third", "-s", "password=hunter2-argument")
    assert argument.status == 2
    assert "can be read by others" in argument.err
    assert "hunter2-argument" not in argument.err
    assert _json(coworker, "connections", "show", "acme.third")["settings"] == settings
    stocked.world.remove("acme.third")


def test_a_key_is_rotated_and_the_connection_goes_on(coworker: Coworker) -> None:
    before = _json(coworker, "connections", "show", HANDLE)["key_expires_at"]
    rotated = coworker("connections", "rotate-key", HANDLE, "--at-once")
    assert rotated.status == 0
    assert "has a new key, good until" in rotated.out
    assert _json(coworker, "connections", "show", HANDLE)["key_expires_at"] >= before
    assert coworker("documents", "count", HANDLE).status == 0
