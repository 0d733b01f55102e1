"""What a stream has beside its documents: rejected records, and segments that nobody stored."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from coworker_pipelines.connections.holds import keep_holds_still, standing_over
from coworker_pipelines.connections.rows import RejectedRecord
from coworker_pipelines.kernel.errors import RetryLaterError, TenantActionError
from coworker_pipelines.kernel.slug import stream_slug
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.privacy.holdings import Holdings
from coworker_pipelines.privacy.retention.judgement import rejected_is_held, rejected_is_spent
from coworker_pipelines.segments.manifest import Manifest
from coworker_pipelines.segments.manifests import discard, load_manifest

PAGE: Final = 5_000


def spent_rejected(
    session: Session, holdings: Holdings, stream: str, *, now: datetime, after: str = ""
) -> tuple[list[str], list[str], str | None]:
    """Of a page of a stream's rejected records those that go, those that holds keep, the next."""
    policy, holds = standing_over(session, holdings.scope, stream)
    rows = session.execute(
        select(RejectedRecord.id, RejectedRecord.window, RejectedRecord.at)
        .where(
            RejectedRecord.connection_id == holdings.scope.connection,
            RejectedRecord.stream == stream,
            RejectedRecord.id > after,
        )
        .order_by(RejectedRecord.id)
        .limit(PAGE)
    ).all()
    going: list[str] = []
    kept: list[str] = []
    for rejected_id, month, at in rows:
        window = Window(month.year, month.month)
        if policy is not None and rejected_is_spent(window, at, policy, now):
            (kept if rejected_is_held(window, at, holds) else going).append(rejected_id)
    return going, kept, rows[-1].id if rows else None


def remove_spent_rejected(holdings: Holdings, stream: str, *, now: datetime) -> int:
    """After this no rejected record of the stream is spent, but for what holds keep; how many."""
    removed, after = 0, ""
    while True:
        with holdings.database.privacy() as session:
            keep_holds_still(session, holdings.scope.tenant)
            going, _, last = spent_rejected(session, holdings, stream, now=now, after=after)
            session.execute(
                delete(RejectedRecord).where(
                    RejectedRecord.connection_id == holdings.scope.connection,
                    RejectedRecord.id.in_(going),
                )
            )
        removed += len(going)
        if last is None:
            return removed
        after = last


def spent_manifests(
    session: Session, holdings: Holdings, stream: str, *, now: datetime
) -> list[Manifest]:
    """What a sync that stopped before its policy's time has left behind; under a hold it stays."""
    policy, holds = standing_over(session, holdings.scope, stream)
    if policy is None or holds:
        return []
    return [
        manifest
        for manifest in _manifests(holdings, stream)
        if rejected_is_spent(manifest.window, _extracted_at(manifest), policy, now)
    ]


def discard_spent_segments(holdings: Holdings, stream: str, *, now: datetime) -> int:
    """After this no spent segment waits to be stored; how many there were.

    The cursor stands before what was in them, so a sync that starts again asks for it again.
    Where a run works on the connection they are its business, and none is touched.
    """
    try:
        with (
            holdings.database.connection_lock(holdings.scope.connection, wait_s=0),
            holdings.database.privacy() as session,
        ):
            keep_holds_still(session, holdings.scope.tenant)
            spent = spent_manifests(session, holdings, stream, now=now)
            for manifest in spent:
                discard(holdings.segments, stream, manifest.window)
    except RetryLaterError:
        return 0
    return sum(len(manifest.segments) for manifest in spent)


def _manifests(holdings: Holdings, stream: str) -> list[Manifest]:
    """What waits to be stored of a stream, or has stopped waiting."""
    paths = holdings.segments.list(stream_slug(stream))
    windows = {window for path in paths if (window := _window_in(path))}
    found = (load_manifest(holdings.segments, stream, window) for window in sorted(windows))
    return [manifest for manifest in found if manifest is not None]


def _window_in(path: str) -> Window | None:
    try:
        return Window.parse(path.split("/")[1])
    except (IndexError, TenantActionError):
        return None


def _extracted_at(manifest: Manifest) -> datetime:
    return datetime.fromisoformat(manifest.extracted_at)
