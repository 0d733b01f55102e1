"""What a materialisation tells an engineer."""

import orjson
from dagster import MarkdownMetadataValue

from coworker_pipelines.defs.report import metadata_of
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.syncs.result import ITEMS_SHOWN_MAX, PhaseResult, describe_cursor

MARCH = Window(2026, 3)
HANDLE = "acme.shop"


def stored(stream: str, rejected: int) -> PhaseResult:
    return PhaseResult(
        stream=stream,
        window=MARCH,
        metadata={"read": 10, "rejected": rejected, "documents per second": 5.0, "index": "cw"},
    )


def test_who_sees_that_records_were_rejected_sees_how_to_list_them() -> None:
    for results in ([stored("orders", 2)], [stored("orders", 2), stored("products", 0)]):
        way = metadata_of(results, HANDLE)["rejected records"]
        assert way == MarkdownMetadataValue("`coworker rejected list acme.shop`")
    for results in ([stored("orders", 0)], [stored("orders", 0), stored("products", 0)]):
        assert "rejected records" not in metadata_of(results, HANDLE)


def test_of_many_streams_numbers_are_added_and_rates_are_not() -> None:
    told = metadata_of([stored("orders", 2), stored("products", 1)], HANDLE)
    assert (told["streams"], told["read"], told["rejected"]) == (2, 20, 3)
    assert "documents per second" not in told


def test_a_cursor_that_names_every_branch_is_shown_by_its_beginning() -> None:
    shas = [f"{number:040x}" for number in range(200)]
    shown = orjson.loads(describe_cursor({"shas": shas, "row": 7, "after": "ann@example.org"}))
    assert shown == {
        "shas": [*shas[:ITEMS_SHOWN_MAX], f"(and {200 - ITEMS_SHOWN_MAX} more)"],
        "row": 7,
        "after": "(text)",
    }
