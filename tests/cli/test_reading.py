"""What the reading commands show, to people and to programs."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from coworker_pipelines.provisioning.access import CONNECTION, TENANT
from tests.cli.conftest import HANDLE, WHY, Coworker, Stocked

READING: dict[tuple[str, ...], Callable[[Any], object]] = {
    ("tenants", "list"): lambda rows: rows[0]["slug"] == "acme",
    ("tenants", "show", "acme"): lambda one: one["connections"] == [HANDLE],
    ("connections", "kinds"): lambda rows: (
        [row["kind"] for row in rows] == ["git", "github", "sql"]
    ),
    ("connections", "kinds", "git"): lambda rows: (
        {row["setting"]: (row["needed"], row["secret"]) for row in rows}.items()
        >= {"repository": (True, False), "token": (False, True)}.items()
        and all(row["about"] for row in rows)
    ),
    ("connections", "list"): lambda rows: [row["connection"] for row in rows] == [HANDLE],
    ("connections", "list", "--tenant", "acme"): lambda rows: len(rows) == 1,
    ("connections", "show", HANDLE): lambda one: one["selection"].keys() == {"orders", "products"},
    ("connections", "streams", HANDLE): lambda rows: all(row["selected"] for row in rows),
    ("connections", "limit", HANDLE): lambda one: one["rejected_share_max"] == 0.05,
    ("syncs", "list"): lambda rows: [row["read"] for row in rows] == [65],
    ("syncs", "list", "--connection", HANDLE): lambda rows: rows[0]["rejected"] == 3,
    ("syncs", "show", "first"): lambda one: {row["read"] for row in one["streams"]} == {60, 5},
    ("documents", "count", HANDLE): lambda rows: {row["documents"] for row in rows} == {57, 5},
    ("documents", "list", HANDLE, "orders", "--limit", "100", *WHY): lambda rows: len(rows) == 57,
    ("activities", "list", HANDLE, "--limit", "7"): lambda rows: len(rows) == 7,
    ("activities", "list", HANDLE, "--stream", "products"): lambda rows: len(rows) == 5,
    ("rejected", "list", HANDLE): lambda rows: {row["reason"] for row in rows} == {"too_large"},
    ("rejected", "list", HANDLE, "--stream", "products"): lambda rows: rows == [],
    ("access", "report"): lambda one: one["digest"],
    ("access", "reviews"): lambda rows: rows == [],
    ("access", "readings"): lambda rows: all(row["reason"] == WHY[1] for row in rows),
    ("services", "status"): lambda rows: {row["service"] for row in rows} >= {"postgres"},
}


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_program_reads_json(coworker: Coworker, words: tuple[str, ...]) -> None:
    outcome = coworker(*words, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    assert READING[words](json.loads(outcome.out))


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_person_reads_a_table_or_a_sentence(coworker: Coworker, words: tuple[str, ...]) -> None:
    outcome = coworker(*words)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.strip()
    assert not outcome.out.startswith(("{", "["))


def test_one_document_is_shown_whole(coworker: Coworker) -> None:
    outcome = coworker("documents", "show", HANDLE, "orders", "7", *WHY)
    document = json.loads(outcome.out)
    assert document["key"] == "7"
    assert document["payload"]["id"] == 7
    listed = json.loads(coworker("documents", "list", HANDLE, "orders", "--json", *WHY).out)
    assert not {"payload", "customer_email"} & listed[0].keys()


def test_one_rejected_record_is_shown_whole(coworker: Coworker) -> None:
    listed = json.loads(coworker("rejected", "list", HANDLE, "--json").out)
    assert len(listed) == 3
    shown = json.loads(coworker("rejected", "show", HANDLE, listed[0]["id"], *WHY).out)
    assert shown["reason"] == "too_large"
    assert shown["record"]["id"] in {0, 1, 2}
    assert shown["record"]["customer_email"].endswith("@example.org")


def test_lists_show_neither_a_payload_nor_a_secret(coworker: Coworker, stocked: Stocked) -> None:
    with stocked.world.opened() as platform:
        secrets = [
            value.get_secret_value()
            for reference in platform.file_secrets.references()
            for name, value in platform.file_secrets.get(reference).items()
            if name not in {TENANT, CONNECTION}
        ]
    assert len(secrets) == 4
    for words in READING:
        out = coworker(*words, "--json").out
        assert not [value for value in ("@example.org", *secrets) if value in out]


def test_a_name_is_no_markup(coworker: Coworker) -> None:
    coworker("tenants", "add", "brackets", "--name", "[bold]A[/] [/x] \N{GRINNING FACE}")
    shown = coworker("tenants", "show", "brackets")
    assert "[bold]A[/] [/x] \N{GRINNING FACE}" in shown.out
    assert "no connection yet" in coworker("connections", "list", "--tenant", "brackets").out
