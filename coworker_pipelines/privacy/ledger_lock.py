"""One order of things: no number is missing, and none shows before a smaller one does."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

_LOCK: Final = 0x6C6564676572
"""The bytes of ``ledger``: no hash of a connection's id is likely to be the same."""


def take_ledger_lock(session: Session) -> None:
    """Until this transaction ends, nobody else numbers a receipt, a suppression or an entry."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
