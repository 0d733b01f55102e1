"""`coworker activities export`, as somebody at a shell uses it."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from coworker_pipelines.activities.message import schema
from tests.activities.json_schema import violations
from tests.cli.conftest import WHY, Coworker, Stocked
from tests.integration.world import NOW

FORTH = "acme.forth"
SOON = (date.today() + timedelta(days=90)).isoformat()  # noqa: DTZ011 - the program's own clock
HOLD = ("--matter", "L-7", "--owner", "legal", "--reason", "a court's order", "--review", SOON)


@pytest.fixture(scope="module")
def synced(stocked: Stocked) -> Iterator[str]:
    """A connection of its own: what others do to theirs is not in its export."""
    handle = stocked.world.add_connection(stocked.shop.form, name="forth")
    stocked.world.sync(handle, run="forth", at=NOW)
    yield handle
    stocked.world.remove(handle)


def test_every_activity_is_a_line_in_the_order_of_learning(coworker: Coworker, synced: str) -> None:
    exported = coworker("activities", "export", synced)
    assert (exported.status, exported.err) == (0, "")
    events = [json.loads(line) for line in exported.out.splitlines()]
    assert [violations(schema(), event) for event in events] == [[]] * len(events)
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(set(sequences))
    counted = json.loads(coworker("activities", "count", synced, "--json").out)
    assert len(events) == sum(row["activities"] for row in counted) > 60
    assert {row["unmapped"] for row in counted} == {0}
    listed = json.loads(coworker("activities", "list", synced, "--limit", "500", "--json").out)
    assert sorted(events, key=str) == sorted(listed, key=str)


def test_a_part_is_exported_to_a_new_file(coworker: Coworker, synced: str, tmp_path: Path) -> None:
    path = tmp_path / "products.ndjson"
    words = ("activities", "export", synced, "--stream", "products", "--output", str(path))
    made = coworker(*words)
    assert (made.status, made.out) == (0, "")
    assert "5 activities written to" in made.err
    lines = path.read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["data"]["object"]["stream"] for line in lines} == {"products"}
    again = coworker(*words)
    assert again.status == 2
    assert "is there already" in again.err
    before = coworker("activities", "export", synced, "--until", "2001-01-01")
    assert (before.status, before.out) == (0, "")


@pytest.mark.parametrize(
    ("words", "says"),
    (
        (("--stream", "absent"), "absent"),
        (("--since", "March"), "YYYY-MM-DD"),
        (("--output", "/absent/export.ndjson"), "cannot be made"),
    ),
)
def test_what_is_wrong_is_said_in_one_sentence(
    coworker: Coworker, synced: str, words: tuple[str, ...], says: str
) -> None:
    outcome = coworker("activities", "export", synced, *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert says in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_what_lies_under_a_hold_leaves_for_a_reason_alone(coworker: Coworker, synced: str) -> None:
    assert coworker("holds", "place", synced, *HOLD, "--stream", "products").status == 0
    (hold,) = json.loads(coworker("holds", "list", synced, "--json").out)
    try:
        refused = coworker("activities", "export", synced)
        assert (refused.status, refused.out) == (2, "")
        assert hold["hold"] in refused.err
        assert coworker("activities", "export", synced, "--under-hold").status == 2
        assert coworker("activities", "export", synced, "--stream", "orders").status == 0
        given = coworker(
            "activities", "export", synced, "--stream", "products", "--under-hold", *WHY
        )
        assert len(given.out.splitlines()) == 5
    finally:
        assert coworker("holds", "release", hold["hold"], "--reason", "settled in May").status == 0
    readings = json.loads(coworker("access", "readings", "--json").out)
    (reading,) = [row for row in readings if row["command"] == "activities export"]
    assert (reading["documents"], reading["reason"]) == (5, WHY[1])


def test_the_schema_is_printed_for_others(coworker: Coworker) -> None:
    assert json.loads(coworker("activities", "schema").out) == schema()
