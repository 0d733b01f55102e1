"""What orders did, and a chain of receipts for it, made in a database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from coworker_pipelines.database.database import Database
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.outcomes import TargetOutcome
from coworker_pipelines.privacy.receipts.book import ReceiptBook
from coworker_pipelines.privacy.receipts.receipt import Exempt, Receipt, Statement
from coworker_pipelines.privacy.receipts.signing import SigningKey
from coworker_pipelines.privacy.restore.journal import Journal
from coworker_pipelines.secrets.cipher import Cipher
from coworker_pipelines.segments.memory import MemorySegmentStore
from coworker_pipelines.segments.store import SegmentStore

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
KEY = SigningKey(bytes(range(32)))
CIPHER = Cipher(bytes(range(32)))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
COUNTS = st.integers(0, 10**9)
MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
OUTCOMES = st.builds(
    TargetOutcome,
    target=TEXTS,
    method=TEXTS,
    matched=COUNTS,
    deleted=COUNTS,
    masked=COUNTS,
    left_first=st.just(0),
    left_second=st.just(0),
    began_at=MOMENTS,
    ended_at=MOMENTS,
)
STATEMENTS = st.builds(
    Statement,
    order_id=TEXTS,
    kind=st.sampled_from(("deletion", "erasure")),
    extent=st.builds(Extent, tenant=TEXTS, connection=st.none() | TEXTS),
    requested_at=MOMENTS,
    confirmed_at=MOMENTS,
    outcomes=st.lists(OUTCOMES, max_size=3).map(tuple),
    exemptions=st.lists(
        st.builds(Exempt, what=TEXTS, why=TEXTS, until=st.none() | st.dates()), max_size=2
    ).map(tuple),
    unreadable_since=st.none() | MOMENTS,
    bytes_gone_since=st.none() | MOMENTS,
    registry=TEXTS,
    commitment=st.none() | TEXTS,
)


def outcome(target: str = "documents", **changes: int) -> TargetOutcome:
    counts = {"matched": 7, "deleted": 7, "masked": 0, "left_first": 0, "left_second": 0} | changes
    return TargetOutcome(
        target=target,
        method="index by index",
        began_at=NOW,
        ended_at=NOW + timedelta(seconds=2),
        **counts,
    )


def statement(order_id: str = "o1", *outcomes: TargetOutcome, tenant: str = "t1") -> Statement:
    return Statement(
        order_id=order_id,
        kind="deletion",
        extent=Extent(tenant=tenant),
        requested_at=NOW,
        confirmed_at=NOW,
        outcomes=outcomes or (outcome(),),
        registry="0" * 64,
    )


def journal(store: SegmentStore | None = None) -> Journal:
    return Journal(store or MemorySegmentStore(), CIPHER)


def book(backup_days: int = 30, code: str = "c" * 64) -> ReceiptBook:
    return ReceiptBook(key=KEY, journal=journal(), backup_days=backup_days, code=code)


def issue(database: Database, statements: Sequence[Statement]) -> list[Receipt]:
    issued = []
    for one in statements:
        with database.privacy() as session:
            issued.append(book().issue(session, one, now=NOW))
    return issued
