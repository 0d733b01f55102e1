"""`coworker activities`: the messages."""

from typing import Annotated

import typer

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, Limit, show_json, show_rows

app = typer.Typer(
    no_args_is_help=True, help="Messages: somebody did something to something at some time."
)


@app.command("list")
def list_command(
    handle: Annotated[str, typer.Argument(help="TENANT.NAME of the connection.")],
    stream: Annotated[str | None, typer.Option(help="Only from this stream.")] = None,
    limit: Limit = 20,
    *,
    as_json: Json = False,
) -> None:
    """List activities, the latest first. With --json, whole CloudEvents."""
    with opened() as platform, platform.open_reading(handle) as reading:
        messages = reading.activities.page(stream=stream, limit=limit)
    if as_json:
        show_json(messages)
        return
    show_rows(
        [
            {
                "time": message.get("time"),
                "verb": message["data"]["verb"],
                "object": message["data"]["object"]["id"],
                "actor": message["data"]["actor"],
                "id": message["id"],
            }
            for message in messages
        ],
        ("time", "verb", "object", "actor", "id"),
        as_json=False,
        none=f"{handle} has no activities yet.",
    )
