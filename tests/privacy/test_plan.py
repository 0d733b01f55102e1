"""Which removals several orders leave to be done: a pure function."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.connections.selections import Deselection, Streams
from coworker_pipelines.privacy.deselection import SelectionVersion, plan_removals
from tests.activities.shapes import CARDS
from tests.privacy.stocked import CATALOG, NOTES

FIELDS = CARDS.field_names
NOTHING = Deselection(streams=frozenset(), fields={})


def versions(*orders: tuple[Streams, bool]) -> list[SelectionVersion]:
    return [
        SelectionVersion(version=number, streams=streams, applied=applied)
        for number, (streams, applied) in enumerate(orders, start=1)
    ]


def plan(*orders: tuple[Streams, bool]) -> Deselection:
    return plan_removals(versions(*orders), CATALOG)


def test_a_first_selection_removes_nothing() -> None:
    assert plan() == plan(({"cards": None}, False)) == NOTHING


def test_an_applied_version_is_done() -> None:
    assert plan(({"cards": None}, True), ({}, True)) == NOTHING


def test_a_stream_and_fields_that_went_are_removed() -> None:
    found = plan(({"cards": None, NOTES.name: None}, True), ({"cards": frozenset({"id"})}, False))
    assert found == Deselection(streams=frozenset({NOTES.name}), fields={"cards": FIELDS - {"id"}})


def test_what_was_let_in_again_before_it_was_removed_stays() -> None:
    assert plan(({"cards": None}, True), ({}, False), ({"cards": None}, False)) == NOTHING


def test_a_stream_let_in_again_in_part_loses_the_other_fields() -> None:
    found = plan(({"cards": None}, True), ({}, False), ({"cards": frozenset({"id"})}, False))
    assert found == Deselection(streams=frozenset(), fields={"cards": FIELDS - {"id"}})


def test_a_stream_kept_later_still_loses_the_field_that_went_before() -> None:
    found = plan(({"cards": None}, True), ({"cards": FIELDS - {"title"}}, False), ({}, True))
    assert found == Deselection(streams=frozenset(), fields={"cards": frozenset({"title"})})


selections = st.dictionaries(
    st.sampled_from(("cards", NOTES.name)),
    st.none() | st.frozensets(st.sampled_from(sorted(FIELDS))),
)


def places(streams: Streams) -> set[tuple[str, str]]:
    return {
        (stream, field)
        for stream, fields in streams.items()
        for field in (FIELDS if fields is None else fields)
    }


@given(st.lists(selections, min_size=1, max_size=5))
def test_what_is_stored_and_not_selected_is_removed_and_nothing_else(
    orders: list[Streams],
) -> None:
    found = plan(*((streams, number == 0) for number, streams in enumerate(orders)))
    removed = {(stream, field) for stream, fields in found.fields.items() for field in fields}
    removed |= {(stream, field) for stream in found.streams for field in FIELDS}
    went = {place for old, new in pairwise(orders) for place in places(old) - places(new)}
    assert removed & places(orders[-1]) == set()
    assert went - places(orders[-1]) <= removed
