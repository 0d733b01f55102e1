"""`coworker activities`: the messages."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from coworker_pipelines.activities.envelope import numbered_event
from coworker_pipelines.activities.message import schema
from coworker_pipelines.activities.store import Span
from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.reading import Reading
from coworker_pipelines.cli.dry_running import Since, Until, day_of
from coworker_pipelines.cli.exporting import write_lines, write_new_file
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, Limit, errors, show_json, show_rows
from coworker_pipelines.cli.reasons import Reason, UnderHold, asked_reason, record
from coworker_pipelines.connections.message_numbers import last_published
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import holds_over

app = typer.Typer(
    no_args_is_help=True, help="Messages: somebody did something to something at some time."
)

Handle = Annotated[str, typer.Argument(help="TENANT.NAME of the connection.")]
OneStream = Annotated[str | None, typer.Option("--stream", help="Only from this stream.")]


@app.command("list")
def list_command(
    handle: Handle, stream: OneStream = None, limit: Limit = 20, *, as_json: Json = False
) -> None:
    """List activities, the latest first. With --json, whole CloudEvents."""
    with opened() as platform, platform.open_reading(handle) as reading:
        messages = reading.activities.page(stream=stream, limit=limit)
    if as_json:
        show_json([numbered_event(message) for message in messages])
        return
    show_rows(
        [
            {
                "time": message.event.get("time"),
                "verb": message.event["data"]["verb"],
                "object": message.event["data"]["object"]["id"],
                "actor": message.event["data"]["actor"],
                "id": message.event["id"],
            }
            for message in messages
        ],
        ("time", "verb", "object", "actor", "id"),
        as_json=False,
        none=f"{handle} has no activities yet.",
    )


@app.command()
def count(handle: Handle, *, as_json: Json = False) -> None:
    """Count activities by stream and verb; unmapped: the source's event has no verb of ours."""
    with opened() as platform, platform.open_reading(handle) as reading:
        counted = reading.activities.tally()
    show_rows(
        [
            {
                "stream": one.stream,
                "verb": one.verb,
                "activities": one.activities,
                "unmapped": one.unmapped,
            }
            for one in counted
        ],
        ("stream", "verb", "activities", "unmapped"),
        as_json=as_json,
        none=f"{handle} has no activities yet.",
    )


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema that every activity follows, for those who read them elsewhere."""
    show_json(schema())


@app.command()
def export(
    handle: Handle,
    since: Since = None,
    until: Until = None,
    stream: OneStream = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="A new file, there once it is whole; else the output."),
    ] = None,
    *,
    reason: Reason = None,
    under_hold: UnderHold = False,
) -> None:
    """Write activities as CloudEvents, one a line, in the order in which we learned of them.

    What is on its way while this runs is in the next export. --since and --until are by the time
    when it happened; what has no time counts for the first day of its month.

    Example: coworker activities export acme.code --since 2026-03-01 --output march.ndjson
    """
    first, last = day_of(since), day_of(until)
    with opened() as platform, platform.open_reading(handle) as reading:
        span = Span(
            stream=None if stream is None else reading.stream(stream),
            since=None if first is None else first.date(),
            until=None if last is None else last.date(),
        )
        _require_free(platform, reading, span, reason=reason, under_hold=under_hold)
        with platform.database.control() as session:
            up_to = last_published(session, reading.scope)
        pages = reading.activities.in_order(span, up_to=up_to)
        if output is None:
            write_lines(pages, sys.stdout.buffer)
            return
        count = write_new_file(pages, output)
    errors.print(f"{count:,} activities written to {output}.")


def _require_free(
    platform: Platform, reading: Reading, span: Span, *, reason: str | None, under_hold: bool
) -> None:
    """Messages of what lies under a hold do not leave, unless somebody says what for.

    Raises:
        RefusedError: a hold lies over it, and nobody said so.
    """
    scope = reading.scope
    extent = Extent(tenant=scope.tenant, connection=scope.connection, stream=span.stream)
    with platform.database.control() as session:
        holds = holds_over(session, extent)
    if not holds:
        return
    if not under_hold:
        told = ", ".join(hold.id for hold in holds)
        raise RefusedError(
            f"Under hold ({told}): what these activities tell of is stored and is for nothing "
            "else. Who has to export them all the same says --under-hold, and why."
        )
    record(
        platform,
        reading,
        command="activities export",
        reason=asked_reason(reason),
        under_hold=True,
        stream=span.stream,
        documents=reading.activities.count(span.stream),
    )
