"""The chain of this deployment's receipts: making the next one, and reading them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.ledger_lock import take_ledger_lock
from coworker_pipelines.privacy.receipts.digests import code_digest
from coworker_pipelines.privacy.receipts.receipt import BEGINNING, Receipt, Statement, body_of
from coworker_pipelines.privacy.receipts.signing import SigningKey
from coworker_pipelines.privacy.restore.entries import EntryKind
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.privacy.rows import ReceiptRow

ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBook:
    """``backup_days`` is how long a backup is kept in which removed data may still be."""

    key: SigningKey
    journal: Journal
    backup_days: int
    code: str = field(default_factory=code_digest)

    def issue(self, session: Session, statement: Statement, *, now: datetime) -> Receipt:
        """The order's receipt: the next of the chain, or the one that the order has already.

        It is there when the transaction is; of one that is taken back no number is missing.

        Raises:
            DefectError: a place reported survivors.
        """
        take_ledger_lock(session)
        known = session.scalar(select(ReceiptRow).where(ReceiptRow.order_id == statement.order_id))
        if known is not None:
            return _receipt(known)
        last = session.scalar(select(ReceiptRow).order_by(ReceiptRow.number.desc()).limit(1))
        number = 1 if last is None else last.number + 1
        body = body_of(
            statement,
            number=number,
            previous=BEGINNING if last is None else _receipt(last).digest,
            issued_at=now,
            backups_until=now + timedelta(days=self.backup_days) if self.backup_days else None,
            code=self.code,
            key=self.key.name,
        )
        receipt = Receipt(number=number, body=body, signature=self.key.sign(body))
        self._keep(session, receipt, statement, now)
        return receipt

    def _keep(
        self, session: Session, receipt: Receipt, statement: Statement, now: datetime
    ) -> None:
        session.add(
            ReceiptRow(
                number=receipt.number,
                order_id=statement.order_id,
                tenant_id=statement.extent.tenant,
                body=receipt.body,
                signature=receipt.signature,
                issued_at=now,
            )
        )
        session.flush()
        # A database that is put back would give its number away a second time.
        self.journal.record(
            session,
            kind=EntryKind.RECEIPT,
            order_id=statement.order_id,
            tenant=statement.extent.tenant,
            content={
                "number": receipt.number,
                "body": receipt.body.decode(),
                "signature": receipt.signature.hex(),
            },
            now=now,
        )


def find_receipt(session: Session, number_or_order: str) -> Receipt:
    """By its number, or by the id of its order.

    Raises:
        TenantActionError: there is none.
    """
    statement = select(ReceiptRow)
    if number_or_order.isdecimal():
        statement = statement.where(ReceiptRow.number == int(number_or_order))
    else:
        statement = statement.where(ReceiptRow.order_id == number_or_order)
    row = session.scalar(statement)
    if row is None:
        raise TenantActionError(
            f"There is no receipt {number_or_order!r}: `coworker receipts list` shows them."
        )
    return _receipt(row)


def all_receipts(session: Session) -> Iterator[Receipt]:
    """In the order of the chain."""
    rows = session.scalars(
        select(ReceiptRow).order_by(ReceiptRow.number).execution_options(yield_per=ROWS_AT_ONCE)
    )
    yield from map(_receipt, rows)


def public_keys(session: Session) -> list[str]:
    """The names of all keys that signed a receipt, the newest first."""
    keys = {receipt.content["key"]: None for receipt in all_receipts(session)}
    return list(keys)[::-1]


def newest_receipts(session: Session, *, tenant_id: str | None, limit: int) -> list[Receipt]:
    statement = select(ReceiptRow).order_by(ReceiptRow.number.desc()).limit(limit)
    if tenant_id is not None:
        statement = statement.where(ReceiptRow.tenant_id == tenant_id)
    return [_receipt(row) for row in session.scalars(statement)]


def _receipt(row: ReceiptRow) -> Receipt:
    return Receipt(number=row.number, body=row.body, signature=row.signature)
