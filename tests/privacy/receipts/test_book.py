"""Receipts are numbered without a gap, however many are made at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import ProgrammingError

from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import DefectError, TenantActionError
from coworker_pipelines.privacy.receipts.book import all_receipts, find_receipt, newest_receipts
from coworker_pipelines.privacy.receipts.signing import PublicKeys
from coworker_pipelines.privacy.receipts.verify import verify
from coworker_pipelines.privacy.rows import ReceiptRow
from tests.privacy.receipts.claims import KEY, NOW, book, issue, outcome, statement


def test_receipts_made_at_once_are_one_chain(database: Database) -> None:
    def make(order: int) -> int:
        with database.privacy() as session:
            return book().issue(session, statement(f"o{order}"), now=NOW).number

    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(make, range(12)))
    assert sorted(numbers) == list(range(1, 13))
    with database.control() as session:
        export = b"".join(receipt.line() for receipt in all_receipts(session))
    assert verify(export, PublicKeys.of(KEY.public_pem())).last == 12


def test_a_receipt_that_is_taken_back_leaves_no_gap(database: Database) -> None:
    issue(database, [statement("o1")])
    with database.privacy() as session:
        book().issue(session, statement("o2"), now=NOW)
        session.rollback()
    (receipt,) = issue(database, [statement("o3")])
    assert receipt.number == 2


def test_an_order_has_one_receipt(database: Database) -> None:
    first, second = issue(database, [statement("o1"), statement("o1", outcome("other"))])
    assert first == second
    with database.control() as session:
        assert list(all_receipts(session)) == [first]


def test_survivors_make_no_receipt_and_use_no_number(database: Database) -> None:
    with pytest.raises(DefectError, match="data is left in: documents"):
        issue(database, [statement("o1", outcome(left_second=1))])
    (receipt,) = issue(database, [statement("o2")])
    assert receipt.number == 1


def test_receipts_are_found_by_number_and_order(database: Database) -> None:
    one, other = issue(database, [statement("o1"), statement("o2", tenant="t2")])
    with database.control() as session:
        assert find_receipt(session, "1") == one
        assert find_receipt(session, "o2") == other
        assert newest_receipts(session, tenant_id=None, limit=9) == [other, one]
        assert newest_receipts(session, tenant_id="t1", limit=9) == [one]
        with pytest.raises(TenantActionError, match="receipts list"):
            find_receipt(session, "3")


@pytest.mark.parametrize(
    "statement_of", (update(ReceiptRow).values(body=b"{}"), delete(ReceiptRow)), ids=str
)
@pytest.mark.parametrize("role", ("privacy", "control"))
def test_nobody_changes_a_receipt(database: Database, statement_of: object, role: str) -> None:
    issue(database, [statement("o1")])
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        getattr(database, role)() as session,
    ):
        session.execute(statement_of)
