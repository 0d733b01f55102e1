"""`coworker connections`, when and how far: schedules, pauses and the shares that stop a sync."""

from typing import Annotated

import typer

from coworker_pipelines.assembly.syncing import REJECTED_SHARE_MAX, REMOVAL_SHARE_MAX
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, console, show_one
from coworker_pipelines.connections.connections import (
    find_connection,
    pause,
    reschedule,
    resume,
)
from coworker_pipelines.connections.schedules import Schedule
from coworker_pipelines.kernel.errors import TenantActionError

Handle = Annotated[str, typer.Argument(help="TENANT.NAME, as `coworker connections list` shows.")]
Cron = Annotated[str | None, typer.Option(help='When to sync, as cron: "15 * * * *".')]
Every = Annotated[int | None, typer.Option("--every", help="Sync every so many minutes.", min=1)]
TimeZone = Annotated[str, typer.Option(help="The time zone that the cron expression means.")]


def schedule(
    handle: Handle,
    *,
    cron: Cron = None,
    every: Every = None,
    time_zone: TimeZone = "UTC",
    never: Annotated[bool, typer.Option("--never", help="Sync on command only.")] = False,
) -> None:
    """Say how often a connection is synced.

    Example: coworker connections schedule acme.shop --cron "0 6 * * 1-5" --time-zone Europe/Berlin
    """
    new = parsed_schedule(cron, every, time_zone)
    if (new is None) != never:
        raise TenantActionError("Say when: --cron, --every or --never.")
    with opened() as platform, platform.database.control() as session:
        connection = find_connection(session, handle)
        reschedule(connection, new, now=platform.clock.now())
        due = connection.due_at
    console.print(
        f"{handle} is next due {due:%Y-%m-%d %H:%M:%S} UTC."
        if due
        else f"{handle} is synced on command only."
    )


def limit(
    handle: Handle,
    *,
    removals: Annotated[
        float | None,
        typer.Option(help="The largest share of rows that one sync may remove.", min=0, max=1),
    ] = None,
    rejected: Annotated[
        float | None,
        typer.Option(help="The largest share of records that may be rejected.", min=0, max=1),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show or set the shares at which a sync stops and asks.

    Example: coworker connections limit acme.shop --removals 0.5
    """
    new = {"removal_share_max": removals, "rejected_share_max": rejected}
    with opened() as platform, platform.database.control() as session:
        connection = find_connection(session, handle)
        connection.limits = connection.limits | {
            name: share for name, share in new.items() if share is not None
        }
        limits = {
            "removal_share_max": REMOVAL_SHARE_MAX,
            "rejected_share_max": REJECTED_SHARE_MAX,
        } | connection.limits
    show_one(limits, as_json=as_json)


def pause_syncs(handle: Handle) -> None:
    """Stop scheduled syncs of a connection."""
    with opened() as platform, platform.database.control() as session:
        pause(find_connection(session, handle), now=platform.clock.now())
    console.print(f"{handle} is paused. To go on: coworker connections resume {handle}")


def resume_syncs(handle: Handle) -> None:
    """Take scheduled syncs of a connection up again."""
    with opened() as platform, platform.database.control() as session:
        resume(find_connection(session, handle), now=platform.clock.now())
    console.print(f"{handle} is synced by its schedule again.")


def parsed_schedule(cron: str | None, every: int | None, time_zone: str) -> Schedule | None:
    """The schedule that the options mean; ``None`` where they say nothing."""
    if cron and every:
        raise TenantActionError("Give either --cron or --every, not both.")
    if cron:
        return Schedule.parse(cron=cron, time_zone=time_zone)
    return Schedule.parse(interval_s=every * 60, time_zone=time_zone) if every else None
