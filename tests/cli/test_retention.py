"""`coworker retention` and `coworker holds`, as somebody at a shell uses them."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from coworker_pipelines.privacy.restore.entries import Entry, EntryKind
from tests.cli.conftest import HANDLE, WHY, Coworker, Stocked
from tests.integration.shop import ORDERS, PRODUCTS
from tests.integration.world import NOW

AGED = "acme.aged"
SOON = (date.today() + timedelta(days=90)).isoformat()  # noqa: DTZ011 - the program's own clock
HOLD = ("--matter", "L-7", "--owner", "legal", "--reason", "a court's order", "--review", SOON)


@pytest.fixture(scope="module")
def aged(stocked: Stocked) -> Iterator[str]:
    """A connection of its own, whose orders are of March 2026."""
    handle = stocked.world.add_connection(stocked.shop.form, name="aged")
    stocked.world.sync(handle, run="aged", at=NOW)
    yield handle
    stocked.world.remove(handle)


def rows(coworker: Coworker, *arguments: str) -> list[dict[str, Any]]:
    outcome = coworker(*arguments, "--json")
    assert outcome.status == 0, outcome.err
    found: list[dict[str, Any]] = json.loads(outcome.out)
    return found


def test_a_policy_is_set_explained_previewed_and_carried_out(coworker: Coworker, aged: str) -> None:
    assert coworker("retention", "set", "acme", "--basis", "event", "--months", "900").status == 0
    words = ("retention", "set", aged, "--stream", ORDERS, "--basis", "event", "--days", "1")
    made = coworker(*words)
    assert (made.status, made.err) == (0, "")
    assert "1 day from event" in made.out

    explained = {row["stream"]: row for row in rows(coworker, "retention", "explain", aged)}
    assert "overrules the tenant's: 900 months" in explained[ORDERS]["why"]
    assert "The tenant's own policy" in explained[PRODUCTS]["why"]
    assert explained[ORDERS]["true"] is False
    assert explained[PRODUCTS]["true"] is True

    previewed = {row["stream"]: row for row in rows(coworker, "retention", "preview", aged)}
    going = previewed[ORDERS]["going"]
    assert going == previewed[ORDERS]["documents"] > 0
    assert previewed[PRODUCTS]["going"] == 0
    assert previewed[PRODUCTS]["undated"] == previewed[PRODUCTS]["documents"]

    swept = {row["stream"]: row for row in rows(coworker, "retention", "sweep", aged)}
    assert swept[ORDERS]["deleted"] == going
    (receipt,) = rows(coworker, "receipts", "list")
    assert receipt["kind"] == "retention"
    counted = {row["stream"]: row for row in rows(coworker, "documents", "count", aged)}
    assert counted[ORDERS]["documents"] == 0
    assert counted[PRODUCTS]["documents"] > 0

    assert coworker("retention", "unset", aged, "--stream", ORDERS).status == 0
    told = [row["policy"] for row in rows(coworker, "retention", "history", "acme")]
    assert told == ["900 months from event", "1 day from event", "taken back"]
    assert coworker("retention", "unset", "acme").status == 0


def test_data_under_a_hold_is_read_by_who_says_so_alone(coworker: Coworker) -> None:
    look = ("documents", "list", HANDLE, PRODUCTS, *WHY)
    assert coworker(*look).status == 0
    placed = coworker("holds", "place", HANDLE, *HOLD)
    assert placed.status == 0
    (hold,) = rows(coworker, "holds", "list", HANDLE)
    assert (hold["place"], hold["matter"], hold["state"]) == (HANDLE, "L-7", "stands")
    refused = coworker(*look)
    assert refused.status == 2
    assert "--under-hold" in refused.err
    assert coworker(*look, "--under-hold").status == 0
    told = rows(coworker, "access", "readings", "--tenant", "acme")
    assert told[0]["under_holds"] == [hold["hold"]]
    assert coworker("holds", "release", hold["hold"], "--reason", "case closed").status == 0
    assert coworker(*look).status == 0
    assert coworker("holds", "list").out.strip() == "There is no hold."
    (released,) = rows(coworker, "holds", "list", "--with-released")
    assert (released["state"], released["release_reason"]) == ("released", "case closed")


def journal_of(stocked: Stocked) -> list[Entry]:
    with stocked.world.opened() as platform:
        return list(platform.safeguards.journal.after(0))


def test_what_is_ordered_rests_in_the_journal_when_the_command_answers(
    coworker: Coworker, stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = len(journal_of(stocked))
    policy = ("retention", "set", HANDLE, "--basis", "event", "--days", "900")
    assert coworker(*policy).status == 0
    assert coworker("retention", "unset", HANDLE).status == 0
    with monkeypatch.context() as patch:
        patch.setenv("COWORKER_JOURNAL", str(tmp_path))
        (tmp_path / "entries").symlink_to("nowhere")
        unwritten = coworker("holds", "place", HANDLE, *HOLD)
    assert unwritten.status == 2
    assert "do not order it again" in unwritten.err
    (hold,) = rows(coworker, "holds", "list", HANDLE)
    assert len(journal_of(stocked)) == known + 2
    assert coworker("holds", "release", hold["hold"], "--reason", "case closed").status == 0
    kinds = [entry.kind for entry in journal_of(stocked)][known:]
    assert kinds == [EntryKind.POLICY, EntryKind.POLICY, EntryKind.HOLD, EntryKind.RELEASE]


@pytest.mark.parametrize(
    ("words", "sentence"),
    (
        (("retention", "set", "acme", "--basis", "event"), "one of both"),
        (("retention", "set", "acme", "--basis", "event", "--days", "1", "--months", "1"), "one"),
        (("retention", "set", "nobody", "--basis", "event", "--days", "1"), "no tenant"),
        (("retention", "set", HANDLE, "--stream", "x", "--basis", "event", "--days", "1"),
         "no stream"),
        (("retention", "set", "acme", "--stream", ORDERS, "--basis", "event", "--days", "1"),
         "name TENANT.NAME"),
        (("retention", "unset", HANDLE), "no policy of its own"),
        (("holds", "release", "h0", "--reason", "case closed"), "no hold"),
        (("holds", "place", HANDLE, *HOLD[:-1], "2020-01-01"), "within"),
    ),
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(
    coworker: Coworker, words: tuple[str, ...], sentence: str
) -> None:
    outcome = coworker(*words)
    assert outcome.status == 2
    assert sentence in outcome.err.replace("\n", " ")


def test_in_a_cluster_dagster_sweeps(coworker: Coworker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWORKER_SECRETS", "kubernetes")
    outcome = coworker("retention", "sweep", HANDLE)
    assert outcome.status == 2
    assert "launch its job `retention`" in outcome.err.replace("\n", " ")
