"""`coworker holds`: data that has to stay, for a matter and until it is released."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from coworker_pipelines.cli.extents import Place, StreamOption, find_extent, name_extent
from coworker_pipelines.cli.opening import opened, operator, publish
from coworker_pipelines.cli.output import Json, console, show_rows
from coworker_pipelines.connections.retention_rows import PlacedHold
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import HoldOrder, list_holds, place_hold, release_hold

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Data that has to stay: it is stored and nothing else.\n\nNo sweep, deletion or erasure "
        "removes what lies under a hold, no activity is made from it, and who reads it has to say "
        "so. What the source changes is still taken in: pause the connection to keep it as it is."
    ),
)

DAY = ["%Y-%m-%d"]


@app.command()
def place(
    place: Place,
    *,
    matter: Annotated[str, typer.Option(help="Which matter it is for: a file number.")],
    owner: Annotated[str, typer.Option(help="Who answers for the hold.")],
    reason: Annotated[str, typer.Option(help="Why the data has to stay.")],
    review: Annotated[
        datetime,
        typer.Option(formats=DAY, help="When it is looked at again, within a year: YYYY-MM-DD."),
    ],
    stream: StreamOption = None,
    since: Annotated[
        datetime | None, typer.Option(formats=DAY, help="Only of this day and later (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=DAY, help="Only of before this day (UTC).")
    ] = None,
) -> None:
    """Place a hold. A sweep under way finishes its bulk; after that nothing under it goes.

    Example: coworker holds place acme.handbook --matter L-2026-7 --owner legal --reason "Court
    order" --review 2027-01-31 --since 2024-01-01
    """
    with opened() as platform:
        with platform.database.control() as session:
            order = HoldOrder(
                extent=find_extent(session, place, stream),
                since=_utc(since),
                until=_utc(until),
                matter=matter,
                owner=owner,
                reason=reason,
                review_at=review.date(),
                placed_by=operator(),
            )
            journal = platform.safeguards.journal
            hold = place_hold(session, journal, order, now=platform.clock.now())
        publish(platform)
    console.print(f"The hold {hold.id} stands; it is looked at again on {hold.review_at}.")


@app.command()
def release(
    hold: Annotated[str, typer.Argument(help="The id, as `holds list` shows it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why the data need not stay any more.")],
) -> None:
    """Release a hold: policies and orders reach the data again, and it is worked on again.

    What erasures had to leave under it is erased now, without another request.

    Activities that were not made meanwhile are made when the windows are materialised next.
    """
    with opened() as platform:
        with platform.database.control() as session:
            released = release_hold(
                session,
                platform.safeguards.journal,
                hold,
                reason=reason,
                released_by=operator(),
                now=platform.clock.now(),
            )
        publish(platform)
    console.print(f"The hold {hold} is released; what is spent goes with the next sweep.")
    for order in released.orders:
        console.print(
            f"A person's erasure had left something under it, and goes on: order {order}. Dagster "
            f"starts it, or at once: coworker erasures run {order}",
            soft_wrap=True,
        )


@app.command("list")
def list_command(
    place: Annotated[
        str | None, typer.Argument(help="Only of this TENANT, or TENANT.NAME.", metavar="PLACE")
    ] = None,
    *,
    with_released: Annotated[
        bool, typer.Option("--with-released", help="Those that were released, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List holds, the review that is due first at the top; overdue ones say so."""
    with opened() as platform, platform.database.control() as session:
        extent = find_extent(session, place, None) if place else None
        today = platform.clock.now().date()
        rows = [
            _row(session, hold, overdue=hold.released_at is None and hold.review_at < today)
            for hold in list_holds(
                session,
                tenant_id=extent.tenant if extent else None,
                with_released=with_released,
            )
            if extent is None or _extent(hold).meets(extent)
        ]
    show_rows(
        rows,
        ("hold", "place", "since", "until", "matter", "owner", "reason", "review", "state"),
        as_json=as_json,
        none="There is no hold.",
    )


def _row(session: Session, hold: PlacedHold, *, overdue: bool) -> dict[str, Any]:
    state = "released" if hold.released_at else "review overdue" if overdue else "stands"
    return {
        "hold": hold.id,
        "place": name_extent(session, _extent(hold)),
        "since": hold.since,
        "until": hold.until,
        "matter": hold.matter,
        "owner": hold.owner,
        "reason": hold.reason,
        "review": hold.review_at.isoformat(),
        "state": state,
        "placed_by": hold.placed_by,
        "placed_at": hold.placed_at,
        "released_by": hold.released_by,
        "released_at": hold.released_at,
        "release_reason": hold.release_reason,
    }


def _extent(hold: PlacedHold) -> Extent:
    return Extent(tenant=hold.tenant_id, connection=hold.connection_id, stream=hold.stream)


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)
