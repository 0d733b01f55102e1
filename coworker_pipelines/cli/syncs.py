"""`coworker syncs`: what ran, and what came of it."""

from typing import Annotated

import typer

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, Limit, show_one, show_rows
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.syncs import describe_sync, find_sync, list_syncs

app = typer.Typer(no_args_is_help=True, help="Runs over one connection.")


@app.command("list")
def list_command(
    connection: Annotated[str | None, typer.Option(help="Only of this connection.")] = None,
    limit: Limit = 20,
    *,
    as_json: Json = False,
) -> None:
    """List syncs, the latest first, with their balance."""
    with opened() as platform, platform.database.control() as session:
        connection_id = find_connection(session, connection).id if connection else None
        rows = [
            describe_sync(session, sync)
            for sync in list_syncs(session, connection_id=connection_id, limit=limit)
        ]
    show_rows(
        rows,
        ("sync", "connection", "status", "started_at", "read", "indexed", "unchanged",
         "rejected", "activities", "actions"),
        as_json=as_json,
        none="There was no sync yet. Start one: coworker connections sync TENANT.NAME",
    )  # fmt: skip


@app.command()
def show(
    sync: Annotated[str, typer.Argument(help="The sync's id, as `syncs list` shows it.")],
    *,
    as_json: Json = False,
) -> None:
    """Show a sync: its balance by stream and window, and its error if it failed."""
    with opened() as platform, platform.database.control() as session:
        content = describe_sync(session, find_sync(session, sync), with_streams=True)
    streams = content["streams"]
    if as_json:
        show_one(content, as_json=True)
        return
    show_one({key: value for key, value in content.items() if key != "streams"}, as_json=False)
    show_rows(
        streams,
        ("stream", "window", "read", "indexed", "unchanged", "rejected", "suppressed",
         "filtered", "activities", "decisions", "actions", "seconds"),
        as_json=False,
        none="No stream was synced.",
    )  # fmt: skip
