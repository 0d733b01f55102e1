"""`coworker receipts`, `suppressions` and `restore`, as a data protection officer uses them."""

import io
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.receipts.commitment import Commitment, commit
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.suppression.suppressions import SuppressionOrder, suppress
from tests.cli.conftest import HANDLE, Coworker, Stocked
from tests.integration.world import NOW
from tests.privacy.receipts.claims import outcome, statement

ADDRESS = "ann@example.org"


@pytest.fixture(scope="module")
def commitment(stocked: Stocked) -> Commitment:
    """Two receipts, the second about a person."""
    made = commit([ADDRESS, "ann"])
    with stocked.world.opened() as platform:
        book = platform.safeguards.receipts
        for one in (
            statement("o1"),
            replace(statement("o2", outcome(masked=2)), kind="erasure", commitment=made.digest),
        ):
            with platform.database.privacy() as session:
                book.issue(session, one, now=NOW)
    return made


@pytest.mark.usefixtures("commitment")
def test_receipts_are_listed_and_shown(coworker: Coworker) -> None:
    rows = orjson.loads(coworker("receipts", "list", "--json").out)
    assert [(row["number"], row["order"], row["masked"]) for row in rows] == [
        (2, "o2", 2),
        (1, "o1", 0),
    ]
    shown = coworker("receipts", "show", "o2")
    assert "documents" in shown.out
    assert orjson.loads(coworker("receipts", "show", "1", "--json").out)["body"]["number"] == 1
    missing = coworker("receipts", "show", "9")
    assert (missing.status, missing.out) == (2, "")
    assert "There is no receipt '9'" in missing.err


def test_an_export_is_verified_with_the_public_key_alone(
    coworker: Coworker,
    commitment: Commitment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipts, key = tmp_path / "receipts.ndjson", tmp_path / "public.pem"
    assert coworker("receipts", "export", "--out", str(receipts)).status == 0
    assert coworker("receipts", "export", "--public-key", "--out", str(key)).status == 0
    again = coworker("receipts", "export", "--out", str(receipts))
    assert (again.status, "File exists" in again.err) == (2, True)
    for name in ("COWORKER_DATABASE_URL", "COWORKER_ELASTICSEARCH_URL", "COWORKER_STATE"):
        monkeypatch.setenv(name, "postgresql://127.0.0.1:1/nowhere")
    verify = ("receipts", "verify", str(receipts), "--public-key", str(key))
    verified = orjson.loads(coworker(*verify, "--json").out)
    assert verified["receipts"] == 2
    assert verified["numbers"].startswith("1 to 2 without a gap, from the first of all")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{commitment.salt}\nAnn\n{ADDRESS}\n"))
    assert "receipt 2" in coworker(*verify, "--about").out
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{commitment.salt}\nbob@example.org\n"))
    stranger = coworker(*verify, "--about")
    assert (stranger.status, stranger.out) == (2, "")
    assert ADDRESS not in receipts.read_text(encoding="utf-8")
    receipts.write_bytes(receipts.read_bytes().replace(b'"deleted":7', b'"deleted":8', 1))
    changed = coworker(*verify)
    assert (changed.status, changed.out) == (2, "")
    assert "Receipt 1 has a signature that does not fit" in changed.err


def test_a_suppression_is_listed_and_lifted(coworker: Coworker, stocked: Stocked) -> None:
    with stocked.world.opened() as platform:
        order = SuppressionOrder(
            order_id="o7",
            extent=Extent(tenant=platform.scope_of(HANDLE).tenant),
            reason="erased on request",
            made_by="ann",
            people=frozenset({"a" * 32}),
        )
        with platform.database.privacy() as session:
            made = suppress(session, platform.safeguards.journal, order, now=NOW)
    (row,) = orjson.loads(coworker("suppressions", "list", "--json").out)
    assert (row["id"], row["order"], row["keys"], row["lifted_at"]) == (made, "o7", 1, None)
    silent = coworker("suppressions", "lift", made, "--reason", " ")
    assert (silent.status, "Say why" in silent.err) == (2, True)
    lifted = coworker("suppressions", "lift", made, "--reason", "it was somebody else")
    assert lifted.out.strip() == f"Suppression {made} is lifted: 1 keys are gone."
    shown = orjson.loads(coworker("suppressions", "show", made, "--json").out)
    assert (shown["keys"], shown["lift_reason"]) == (0, "it was somebody else")
    assert coworker("suppressions", "lift", made, "--reason", "once more").status == 2


def test_a_database_that_was_put_back_is_closed_until_the_replay(
    coworker: Coworker, stocked: Stocked
) -> None:
    with stocked.world.opened() as platform, platform.database.privacy() as session:
        platform.safeguards.journal.publish(session)
    fresh = orjson.loads(coworker("restore", "status", "--json").out)
    assert fresh["verdict"] == "everything that was ordered is known"
    with stocked.world.opened() as platform, platform.database.control() as session:
        scope = find_connection(session, HANDLE).scope
        journal = platform.safeguards.journal
        journal.record(
            session,
            kind=EntryKind.LIFT,
            order_id="o-gone",
            tenant=scope.tenant,
            content={"reason": "", "lifted_by": ""},
            now=NOW,
        )
        journal.publish(session)
        session.flush()
        # As a backup from before would have it.
        session.rollback()
    closed = coworker("documents", "count", HANDLE)
    assert (closed.status, closed.out) == (2, "")
    assert closed.err.replace("\n", " ").startswith("coworker: The database was put back")
    assert "put back" in orjson.loads(coworker("restore", "status", "--json").out)["verdict"]
    replayed = coworker("restore", "replay")
    assert replayed.status == 0, replayed.err
    assert "lift          o-gone" in replayed.out
    assert coworker("documents", "count", HANDLE).status == 0
