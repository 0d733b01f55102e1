"""Reviews of the access report: recorded, never changed, and due again after a while."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from coworker_pipelines.access.findings import Known, active
from coworker_pipelines.access.grants import Report
from coworker_pipelines.access.rows import AccessReview
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.ids import IdPrefix, new_id

NOTE_CHARACTERS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOrder:
    """``digest`` is that of the report which the reviewer saw, or its beginning, if he says."""

    reviewer: str
    note: str
    accept: Collection[str]
    recorded_by: str
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewState:
    """Whether the next review is due; ``last_at`` is ``None`` where there was none yet."""

    last_at: datetime | None
    due_at: datetime | None
    is_overdue: bool

    @property
    def sentence(self) -> str:
        if self.last_at is None or self.due_at is None:
            return "Access was never reviewed."
        word = "was due on" if self.is_overdue else "is due on"
        return f"Last reviewed on {self.last_at:%Y-%m-%d}; the next {word} {self.due_at:%Y-%m-%d}."


def record_review(session: Session, report: Report, order: ReviewOrder) -> AccessReview:
    """A new row: what was seen, what was accepted; every other finding is to be changed.

    Raises:
        TenantActionError: reviewer or note are missing, or an accepted id has no finding.
        RefusedError: the report is no longer the one that the reviewer saw.
    """
    if not order.reviewer.strip() or not order.note.strip():
        raise TenantActionError("A review needs a reviewer and a note that says what was done.")
    if len(order.note) > NOTE_CHARACTERS_MAX:
        raise TenantActionError(f"A note has {NOTE_CHARACTERS_MAX:,} characters at the most.")
    if order.digest is not None and not report.digest.startswith(order.digest):
        raise RefusedError(
            "Access has changed since that report was made: look at `coworker access report` again."
        )
    found = {grant.id for grant in report.grants if grant.findings}
    if unknown := sorted(set(order.accept) - found):
        raise TenantActionError(
            f"There is no finding {unknown[0]!r} to accept: `coworker access report` shows their "
            "ids."
        )
    to_change = {grant.id for grant in report.open} - set(order.accept)
    row = AccessReview(
        id=new_id(IdPrefix.REVIEW),
        reviewer=order.reviewer.strip(),
        recorded_by=order.recorded_by,
        note=order.note.strip(),
        reviewed_at=report.made_at,
        report_digest=report.digest,
        grants=sorted({grant.id for grant in active(report.grants, report.made_at)}),
        accepted=sorted(set(order.accept)),
        to_change=sorted(to_change),
    )
    session.add(row)
    session.flush()
    return row


def list_reviews(session: Session, *, limit: int) -> Sequence[AccessReview]:
    """The latest first."""
    statement = select(AccessReview).order_by(AccessReview.reviewed_at.desc()).limit(limit)
    return session.scalars(statement).all()


def review_state(session: Session, *, now: datetime, interval: timedelta) -> ReviewState:
    last = session.scalar(
        select(AccessReview.reviewed_at).order_by(AccessReview.reviewed_at.desc()).limit(1)
    )
    due = last + interval if last is not None else None
    return ReviewState(last_at=last, due_at=due, is_overdue=due is None or due <= now)


def known(database: Database, *, now: datetime) -> Known:
    """Connections that there are, and what all reviews so far have seen and accepted.

    What was once accepted stays so as long as its id is the same: a right that becomes wider
    is another one.
    """
    first_seen: dict[str, datetime] = {}
    accepted: dict[str, str] = {}
    last_seen: Collection[str] | None = None
    with database.control() as session:
        connections = frozenset(session.scalars(select(Connection.id)))
        for review in session.scalars(select(AccessReview).order_by(AccessReview.reviewed_at)):
            last_seen = frozenset(review.grants)
            for seen in review.grants:
                first_seen.setdefault(seen, review.reviewed_at)
            for one in review.accepted:
                accepted[one] = f"{review.reviewer}, {review.reviewed_at:%Y-%m-%d}"
    return Known(
        now=now,
        connections=connections,
        first_seen=first_seen,
        last_seen=last_seen,
        accepted=accepted,
    )
