"""The kit passes a good connector, and each bad one fails in the check that is meant for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from coworker_pipelines.kernel.window import Window
from coworker_pipelines.sdk.conformance import (
    BadForm,
    Planted,
    SettingsConformance,
    SnapshotConformance,
    StreamConformance,
    WindowConformance,
)
from coworker_pipelines.sdk.connector import Connector
from tests.sdk import shelf, shelf_facts

WRONG = "swordfish-0815"


class ShelfConformance(StreamConformance):
    connector: type[Connector[Any]] = shelf.Shelf
    window = Window(2026, 1)

    def open(self, planted: Planted) -> Connector[Any]:
        form = {"records": planted.records, "instants": planted.instants}
        return self.connector(self.connector.settings_type.model_validate(form))


class TestLoans(ShelfConformance, WindowConformance):
    stream = "loans"


class TestBooks(ShelfConformance, SnapshotConformance):
    stream = "books"


class TestSettings(SettingsConformance):
    connector_type: type[Connector[Any]] = shelf.Shelf

    def good_form(self) -> Mapping[str, Any]:
        return {}

    def bad_forms(self) -> Sequence[BadForm]:
        return (
            BadForm(form={"password": WRONG}, says="right password", hides=(WRONG,)),
            BadForm(form={"records": -1}, says="negative"),
        )


@pytest.mark.parametrize(
    ("bad", "check", "says"),
    (
        (
            shelf.LosesEqualTimes,
            "equal_times_at_a_page_border_lose_and_double_nothing",
            "loses or doubles",
        ),
        (shelf.LosesEqualTimes, "a_read_resumes_at_every_page_border", "goes on behind page"),
        (
            shelf.DoublesEqualTimes,
            "equal_times_at_a_page_border_lose_and_double_nothing",
            "loses or doubles",
        ),
        (shelf.DoublesEqualTimes, "a_window_read_again_gives_nothing_new", "records come again"),
        (shelf.StartsAgain, "a_read_resumes_at_every_page_border", "goes on behind page"),
        (shelf.HashOrder, "the_same_source_gives_the_same_bytes", "Another process"),
        (shelf.TimeOfReading, "the_same_source_gives_the_same_bytes", "Two reads"),
        (shelf.TakesTheEndIn, "neighbouring_spans_together_equal_the_whole", "does not belong"),
        (shelf.TakesTheEndIn, "a_window_holds_what_belongs_to_it", "does not belong"),
        (shelf.IgnoresTheWindow, "a_window_holds_what_belongs_to_it", "does not belong"),
        (shelf.IgnoresTheWindow, "a_window_without_records_is_empty", "which holds none"),
        (
            shelf.GivesAllFields,
            "fields_that_are_not_selected_are_not_delivered",
            "not selected are delivered",
        ),
        (shelf.AddsAField, "discovery_agrees_with_the_records", "does not name"),
        (
            shelf.AddsAField,
            "fields_that_are_not_selected_are_not_delivered",
            "not selected are delivered",
        ),
        (shelf.ForgetsAField, "discovery_agrees_with_the_records", "no record has"),
        (shelf.OtherTypes, "discovery_agrees_with_the_records", "declared as string"),
        (shelf.SameKeys, "discovery_agrees_with_the_records", "same primary key"),
        (shelf.SameKeys, "many_records_come_once_each", "come twice"),
        (shelf.NotJson, "discovery_agrees_with_the_records", "written as JSON"),
        (shelf.StopsEarly, "many_records_come_once_each", "10000 are read"),
        (shelf.CursorThatGrows, "many_records_come_once_each", "stay small"),
        (shelf.CursorOfTuples, "discovery_agrees_with_the_records", "changed from JSON"),
        (shelf.OneGreatPage, "a_read_resumes_at_every_page_border", "are the most"),
        (shelf.NoLastPage, "an_empty_source_gives_one_empty_page", "at least one page"),
        (shelf.DiscoversOther, "discovery_is_the_same_twice", "Two discoveries"),
        (shelf_facts.NamesAPerson, "facts_are_pure", "names a person"),
        (shelf_facts.HashesAPerson, "facts_are_pure", "which names a person"),
        (shelf_facts.TellsOtherChanges, "facts_are_pure", "that it tells /state"),
        (shelf_facts.HidesThatItIsUnmapped, "facts_are_pure", "has such facts"),
        (shelf_facts.AddsWhatIsUnmapped, "facts_are_pure", "is an Update"),
        (shelf_facts.DerivesByTheClock, "facts_are_pure", "Two derivations"),
        (shelf_facts.SaysItTwice, "facts_are_pure", "share verb"),
        (shelf_facts.NeedsEveryField, "facts_are_pure", "required fields alone"),
    ),
)
def test_a_bad_window_stream_fails(bad: type[Connector[Any]], check: str, says: str) -> None:
    _require_failure(TestLoans, bad, check, says)


@pytest.mark.parametrize(
    ("bad", "check", "says"),
    (
        (
            shelf.CompleteTooEarly,
            "only_the_last_page_says_that_a_snapshot_is_complete",
            "Exactly the last",
        ),
        (shelf.CompleteTooEarly, "a_snapshot_that_is_left_is_not_complete", "first of several"),
        (
            shelf.NeverComplete,
            "only_the_last_page_says_that_a_snapshot_is_complete",
            "Exactly the last",
        ),
        (shelf.NeverComplete, "a_snapshot_that_is_left_is_not_complete", "never complete"),
        (shelf.SnapshotThatEndsForEver, "a_snapshot_read_again_is_whole_again", "not whole"),
        (shelf.LosesEqualTimes, "a_read_resumes_at_every_page_border", "goes on behind page"),
        (shelf.NoLastPage, "an_empty_source_gives_one_empty_page", "at least one page"),
    ),
)
def test_a_bad_snapshot_fails(bad: type[Connector[Any]], check: str, says: str) -> None:
    _require_failure(TestBooks, bad, check, says)


@pytest.mark.parametrize(
    ("bad", "check", "says"),
    (
        (
            shelf.TellsThePassword,
            "bad_settings_are_answered_clearly_and_without_the_secret",
            "shows a secret",
        ),
        (
            shelf.ChecksNothing,
            "bad_settings_are_answered_clearly_and_without_the_secret",
            "is accepted",
        ),
        (shelf.ShowsItsSecret, "settings_do_not_show_their_secrets", "declare it as Secret"),
    ),
)
def test_bad_settings_fail(bad: type[Connector[Any]], check: str, says: str) -> None:
    case = TestSettings()
    case.connector_type = bad
    with pytest.raises(AssertionError, match=says) as caught:
        getattr(case, f"test_{check}")()
    assert WRONG not in str(caught.value)


def test_a_case_that_is_too_small_to_prove_anything_fails() -> None:
    for small, check in (
        ({"few": 500}, "a_read_resumes_at_every_page_border"),
        ({"many": 9_999}, "many_records_come_once_each"),
        ({"few": 300}, "equal_times_at_a_page_border_lose_and_double_nothing"),
    ):
        case = type("Small", (TestLoans,), small)()
        with pytest.raises(AssertionError, match="too small"):
            getattr(case, f"test_{check}")()


def _require_failure(
    good: type[ShelfConformance], bad: type[Connector[Any]], check: str, says: str
) -> None:
    case = type("Case", (good,), {"connector": bad})()
    with pytest.raises(AssertionError, match=says):
        getattr(case, f"test_{check}")()
