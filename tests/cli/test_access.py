"""The access report, its reviews, and who looked at raw documents."""

import io
import json
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.access.rows import DocumentReading
from coworker_pipelines.documents.access import mint_key, revoke_key
from tests.cli.conftest import HANDLE, WHY, Coworker, Stocked

RAW: tuple[tuple[str, ...], ...] = (
    ("documents", "list", HANDLE, "orders"),
    ("documents", "show", HANDLE, "orders", "7"),
    ("rejected", "show", HANDLE, "r1"),
)
REVIEW = ("access", "review", "--reviewer", "Ann Lee", "--note", "Quarterly.")


def _json(coworker: Coworker, *words: str) -> Any:
    outcome = coworker(*words, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


def _recorded(stocked: Stocked) -> int:
    with stocked.world.opened() as platform, platform.database.control() as session:
        return session.scalar(select(func.count()).select_from(DocumentReading)) or 0


def test_every_store_is_in_the_report_and_the_connections_own_key_is_explained(
    coworker: Coworker, stocked: Stocked
) -> None:
    report = _json(coworker, "access", "report")
    stores = {grant["store"] for grant in report["grants"]}
    assert stores | {gap["store"] for gap in report["not_seen"]} == {
        *("kubernetes", "elasticsearch", "database", "files", "terraform"),
    }
    with stocked.world.opened() as platform:
        scope = platform.scope_of(HANDLE)
    (key,) = [
        grant
        for grant in report["grants"]
        if grant["subject"] == f"key cw.{scope.tenant}.{scope.connection}"
    ]
    assert key["why"].startswith("A run reads and writes")
    assert key["findings"] == []
    assert key["since"] < key["until"]


def test_a_store_is_asked_for_by_itself(coworker: Coworker) -> None:
    report = _json(coworker, "access", "report", "--store", "database", "--store", "files")
    assert {grant["store"] for grant in report["grants"]} == {"database", "files"}
    findings = _json(coworker, "access", "report", "--store", "database", "--findings")
    assert findings["grants"]
    assert all(grant["findings"] for grant in findings["grants"])
    shown = coworker("access", "report", "--store", "database")
    assert "role coworker_run" in shown.out
    assert "elasticsearch" not in shown.out


def test_many_rights_of_one_kind_are_one_line_for_people_and_each_for_programs(
    coworker: Coworker, stocked: Stocked
) -> None:
    words = ("access", "report", "--store", "elasticsearch")
    with stocked.world.opened() as platform, ExitStack() as undo:
        scope = platform.scope_of(HANDLE)
        for _ in range(4):
            undo.callback(revoke_key, platform.admin, mint_key(platform.admin, scope))
        shown = coworker(*words).out
        each = _json(coworker, *words)["grants"]
    name = f"key cw.{scope.tenant}.{scope.connection}"
    assert sum(grant["subject"] == name for grant in each) == 5
    assert "4 alike" in " ".join(shown.split())


def test_a_review_is_recorded_and_what_it_accepted_is_shown_afterwards(coworker: Coworker) -> None:
    before = _json(coworker, "access", "report", "--store", "database", "--findings")
    assert before["review"] == {"last_at": None, "due_at": None, "overdue": True}
    accepted = next(
        grant["id"] for grant in before["grants"] if grant["subject"] == "role coworker"
    )
    recorded = _json(coworker, *REVIEW, "--accept", accepted)
    assert recorded["accepted"] == [accepted]
    assert accepted not in recorded["to_change"]
    (listed,) = _json(coworker, "access", "reviews")
    assert (listed["reviewer"], listed["note"]) == ("Ann Lee", "Quarterly.")
    assert (listed["accepted"], listed["to_change"]) == ([accepted], recorded["to_change"])
    after = _json(coworker, "access", "report", "--store", "database")
    assert after["review"]["overdue"] is False
    found = {grant["id"]: grant for grant in after["grants"]}[accepted]
    assert found["accepted"].startswith("Ann Lee, ")
    assert found["seen_since"] is not None
    assert "(accepted: Ann Lee" in coworker("access", "report", "--store", "database").out


def test_an_interval_that_is_over_makes_a_review_overdue(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _json(coworker, *REVIEW)["to_change"]
    assert "the next is due on" in coworker("access", "reviews").out
    monkeypatch.setenv("COWORKER_ACCESS_REVIEW_DAYS", "x")
    refused = coworker("access", "reviews")
    assert refused.status == 2
    assert "COWORKER_ACCESS_REVIEW_DAYS is no whole number" in refused.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    (
        ((*REVIEW, "--accept", "nothing"), "There is no finding 'nothing' to accept"),
        ((*REVIEW, "--digest", "0000"), "Access has changed since"),
        (("access", "review", "--reviewer", " ", "--note", "x"), "needs a reviewer"),
        (("access", "readings", "--tenant", "nobody"), "There is no tenant 'nobody'"),
    ),
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_wrong_is_said_in_one_sentence(
    coworker: Coworker, words: tuple[str, ...], sentence: str
) -> None:
    before = len(_json(coworker, "access", "reviews"))
    outcome = coworker(*words)
    assert (outcome.status, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert sentence in line
    assert len(_json(coworker, "access", "reviews")) == before


@pytest.mark.parametrize("words", RAW, ids=" ".join)
def test_raw_data_is_refused_without_a_reason_and_nothing_is_recorded(
    coworker: Coworker, stocked: Stocked, words: tuple[str, ...]
) -> None:
    before = _recorded(stocked)
    for reason in ((), ("--reason", "x"), ("--reason", "")):
        outcome = coworker(*words, *reason)
        assert (outcome.status, outcome.out) == (2, "")
        (line,) = outcome.err.splitlines()
        assert "for a reason only" in line
    assert _recorded(stocked) == before


def test_a_program_is_refused_without_a_reason_and_never_asked(coworker: Coworker) -> None:
    outcome = coworker("documents", "list", HANDLE, "orders", "--json")
    assert (outcome.status, outcome.out) == (2, "")
    assert "give --reason" in outcome.err


def test_a_person_is_asked_for_the_reason(
    coworker: Coworker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("the tenant asked about order 7\n"))
    outcome = coworker("documents", "show", HANDLE, "orders", "7")
    assert outcome.status == 0
    assert json.loads(outcome.out)["key"] == "7"
    assert "This is recorded" in outcome.err
    latest = _json(coworker, "access", "readings", "--limit", "1")[0]
    assert latest["reason"] == "the tenant asked about order 7"


def test_each_look_is_recorded_with_who_what_and_why(coworker: Coworker) -> None:
    rejected = _json(coworker, "rejected", "list", HANDLE)[0]["id"]
    coworker("documents", "list", HANDLE, "orders", "--limit", "3", *WHY)
    coworker("documents", "show", HANDLE, "orders", "7", *WHY)
    coworker("rejected", "show", HANDLE, rejected, *WHY)
    shown, one, several = _json(coworker, "access", "readings", "--tenant", "acme")[:3]
    for row in (shown, one, several):
        assert (row["connection"], row["reason"]) == (HANDLE, WHY[1])
        assert row["reader"]
    assert (several["command"], several["key"], several["documents"]) == ("documents list", None, 3)
    assert (one["command"], one["stream"], one["key"]) == ("documents show", "orders", "7")
    assert (shown["command"], shown["key"]) == ("rejected show", rejected)
    assert _json(coworker, "access", "readings", "--since", "2999-01-01") == []


def test_a_look_that_cannot_be_recorded_shows_nothing(coworker: Coworker, stocked: Stocked) -> None:
    _sql(stocked, "REVOKE INSERT ON document_readings FROM coworker_control")
    try:
        with pytest.raises(ProgrammingError, match="permission denied"):
            coworker("documents", "show", HANDLE, "orders", "7", *WHY)
    finally:
        _sql(stocked, "GRANT INSERT ON document_readings TO coworker_control")


def test_what_is_pseudonymous_or_counted_needs_no_reason(
    coworker: Coworker, stocked: Stocked
) -> None:
    before = _recorded(stocked)
    for words in (
        ("activities", "list", HANDLE),
        ("documents", "count", HANDLE),
        ("rejected", "list", HANDLE),
    ):
        assert coworker(*words).status == 0
    assert _recorded(stocked) == before


def _sql(stocked: Stocked, statement: str) -> None:
    url = str(stocked.world.settings.database_url).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
