"""`coworker rejected`: records that could not be stored, and why."""

from typing import Annotated

import orjson
import typer

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, Limit, console, show_json, show_rows
from coworker_pipelines.cli.reasons import Reason, UnderHold, asked_reason, record

app = typer.Typer(no_args_is_help=True, help="Records that could not be stored, kept encrypted.")

Handle = Annotated[str, typer.Argument(help="TENANT.NAME of the connection.")]


@app.command("list")
def list_command(
    handle: Handle,
    stream: Annotated[str | None, typer.Option(help="Only of this stream.")] = None,
    limit: Limit = 20,
    *,
    as_json: Json = False,
) -> None:
    """List rejected records with their reasons; never their content."""
    with opened() as platform, platform.open_reading(handle) as reading:
        rows = [
            {
                "id": entry.id,
                "stream": entry.stream,
                "window": entry.window.key,
                "reason": str(entry.reason),
                "detail": entry.detail,
                "at": entry.at,
            }
            for entry in reading.rejected.list(stream=stream, limit=limit)
        ]
    show_rows(
        rows,
        ("id", "stream", "window", "reason", "detail"),
        as_json=as_json,
        none=f"{handle} has no rejected records.",
    )


@app.command()
def show(
    handle: Handle,
    rejected: Annotated[str, typer.Argument(help="The id, as `rejected list` shows it.")],
    *,
    reason: Reason = None,
    under_hold: UnderHold = False,
) -> None:
    """Print one rejected record, decrypted, as JSON; it asks for a reason."""
    why = asked_reason(reason)
    with opened() as platform, platform.open_reading(handle) as reading:
        record(
            platform,
            reading,
            command="rejected show",
            reason=why,
            under_hold=under_hold,
            key=rejected,
        )
        entry = reading.rejected.get(rejected)
    show_json(
        {
            "id": entry.id,
            "stream": entry.stream,
            "window": entry.window.key,
            "sync": entry.sync,
            "key": entry.key,
            "reason": str(entry.reason),
            "detail": entry.detail,
            "at": entry.at,
            "record": orjson.loads(entry.payload),
        }
    )


@app.command()
def retry(
    handle: Handle,
    stream: Annotated[str | None, typer.Option(help="Only of this stream.")] = None,
) -> None:
    """Try to store rejected records again, under today's selection; those that fit are gone."""
    with opened() as platform:
        outcome = platform.retry_rejected(handle, stream=stream)
    console.print(
        f"{outcome.tried:,} tried, {outcome.stored:,} stored, {outcome.left:,} still rejected."
    )
