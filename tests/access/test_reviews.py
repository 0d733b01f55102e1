"""Reviews are recorded for ever, and what they saw and accepted is known to the next report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import delete, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from coworker_pipelines.access.findings import plan_report
from coworker_pipelines.access.grants import Answer, Finding, Gap, Grant, Report, Store
from coworker_pipelines.access.report import make_report
from coworker_pipelines.access.reviews import (
    ReviewOrder,
    known,
    list_reviews,
    record_review,
    review_state,
)
from coworker_pipelines.access.rows import AccessReview
from coworker_pipelines.database.database import RUN_ROLE, Database
from coworker_pipelines.kernel.errors import RefusedError, RetryLaterError, TenantActionError
from tests.database.planted import plant

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ORDER = ReviewOrder(reviewer=" Ann Lee ", note="Quarterly.", accept=(), recorded_by="ann")
STRANGE = Grant(
    store=Store.DATABASE, subject="role bob", may=("log in",), on="server", through="attributes"
)
OTHER = replace(STRANGE, subject="role eve")


def _report(database: Database, *grants: Grant, at: datetime = NOW) -> Report:
    return plan_report([Answer(grants=grants)], known(database, now=at))


def _review(database: Database, report: Report, order: ReviewOrder = ORDER) -> None:
    with database.control() as session:
        record_review(session, report, order)


def test_a_review_keeps_who_when_what_was_seen_accepted_and_left_to_change(
    database: Database,
) -> None:
    report = _report(database, STRANGE, OTHER)
    _review(database, report, replace(ORDER, accept=[STRANGE.id], digest=report.digest[:12]))
    with database.control() as session:
        (row,) = list_reviews(session, limit=10)
        assert (row.reviewer, row.recorded_by, row.note) == ("Ann Lee", "ann", "Quarterly.")
        assert (row.reviewed_at, row.report_digest) == (NOW, report.digest)
        assert row.grants == sorted([STRANGE.id, OTHER.id])
        assert (row.accepted, row.to_change) == ([STRANGE.id], [OTHER.id])


def test_the_next_report_knows_what_was_accepted_and_what_is_new(database: Database) -> None:
    _review(database, _report(database, STRANGE), replace(ORDER, accept=[STRANGE.id]))
    later = _report(database, STRANGE, OTHER, at=NOW + DAY)
    bob, eve = later.grants
    assert (bob.accepted, bob.seen_since) == ("Ann Lee, 2026-03-01", NOW)
    assert (eve.accepted, eve.seen_since) == (None, None)
    assert eve.findings == (Finding.UNEXPLAINED, Finding.NEW)
    assert later.open == (eve,)


def test_connections_that_are_there_are_known(database: Database) -> None:
    planted = plant(database, "acme")
    assert known(database, now=NOW).connections == {planted.connection}


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    (
        ({"reviewer": " "}, TenantActionError, "needs a reviewer"),
        ({"note": ""}, TenantActionError, "needs a reviewer and a note"),
        ({"note": "x" * 2_001}, TenantActionError, "2,000 characters"),
        ({"accept": ["0" * 12]}, TenantActionError, "no finding '000000000000'"),
        ({"digest": "0" * 12}, RefusedError, "has changed since"),
    ),
)
def test_what_is_no_review_is_refused_and_leaves_nothing(
    database: Database, change: dict[str, object], kind: type[Exception], sentence: str
) -> None:
    order = replace(ORDER, **change)  # type: ignore[arg-type]
    with pytest.raises(kind, match=sentence):
        _review(database, _report(database, STRANGE), order)
    with database.control() as session:
        assert list_reviews(session, limit=10) == []


def test_a_right_without_a_finding_needs_no_acceptance(database: Database) -> None:
    plain = replace(
        STRANGE, subject="role coworker_run", may=("SELECT",), on="suppressed_keys", through="grant"
    )
    with pytest.raises(TenantActionError, match="no finding"):
        _review(database, _report(database, plain), replace(ORDER, accept=[plain.id]))


def test_a_review_is_overdue_when_its_interval_is_over(database: Database) -> None:
    def state(session: Session, days: int) -> tuple[bool, str]:
        found = review_state(session, now=NOW + days * DAY, interval=90 * DAY)
        return found.is_overdue, found.sentence

    with database.control() as session:
        assert state(session, 0) == (True, "Access was never reviewed.")
    _review(database, _report(database, STRANGE))
    with database.control() as session:
        assert state(session, 89)[0] is False
        assert state(session, 90) == (
            True,
            "Last reviewed on 2026-03-01; the next was due on 2026-05-30.",
        )


@pytest.mark.parametrize("change", (update(AccessReview).values(note="x"), delete(AccessReview)))
def test_a_review_is_never_changed(database: Database, change: object) -> None:
    _review(database, _report(database, STRANGE))
    with pytest.raises(ProgrammingError) as refusal, database.control() as session:
        session.execute(change)  # type: ignore[call-overload]
    assert isinstance(refusal.value.orig, InsufficientPrivilege)


def test_a_run_sees_no_review(database: Database) -> None:
    _review(database, _report(database, STRANGE))
    with database.control() as session:
        session.execute(text(f"SET LOCAL ROLE {RUN_ROLE}"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            session.execute(text("SELECT 1 FROM access_reviews"))


def test_a_store_that_cannot_be_asked_is_a_gap_in_the_report(database: Database) -> None:
    def refuse() -> Answer:
        raise RetryLaterError("Elasticsearch cannot be reached.")

    sources = {Store.ELASTICSEARCH: refuse, Store.DATABASE: lambda: Answer(grants=[STRANGE])}
    report = make_report(sources, known(database, now=NOW))
    assert [grant.subject for grant in report.grants] == ["role bob"]
    assert report.gaps == (
        Gap(store=Store.ELASTICSEARCH, sentence="Elasticsearch cannot be reached."),
    )
