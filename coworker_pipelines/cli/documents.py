"""`coworker documents`: what is stored."""

from typing import Annotated

import typer

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, Limit, show_json, show_rows
from coworker_pipelines.cli.reasons import Reason, UnderHold, asked_reason, record
from coworker_pipelines.kernel.errors import TenantActionError

app = typer.Typer(no_args_is_help=True, help="Records at rest in Elasticsearch.")

Handle = Annotated[str, typer.Argument(help="TENANT.NAME of the connection.")]
Stream = Annotated[str, typer.Argument(help="The stream: `coworker connections streams`.")]


@app.command()
def count(handle: Handle, *, as_json: Json = False) -> None:
    """Count the documents of a connection, by stream."""
    with opened() as platform, platform.open_reading(handle) as reading:
        rows = [
            {"stream": stream, "documents": reading.documents.count(stream),
             "index": reading.index(stream)}
            for stream in reading.streams
        ]  # fmt: skip
    show_rows(
        rows, ("stream", "documents", "index"), as_json=as_json, none="No stream is selected."
    )


@app.command("list")
def list_command(
    handle: Handle,
    stream: Stream,
    limit: Limit = 20,
    *,
    reason: Reason = None,
    under_hold: UnderHold = False,
    as_json: Json = False,
) -> None:
    """List documents, the latest first; their envelope, not their payload.

    Keys can be people's addresses, so it asks for a reason.
    """
    why = asked_reason(reason, as_json=as_json)
    with opened() as platform, platform.open_reading(handle) as reading:
        name = reading.stream(stream)
        record(
            platform,
            reading,
            command="documents list",
            reason=why,
            under_hold=under_hold,
            stream=name,
            documents=limit,
        )
        rows = [
            {
                "key": document.key,
                "occurred_at": document.occurred_at,
                "extracted_at": document.extracted_at,
                "window": document.window,
                "sync": document.sync,
                "content_hash": document.content_hash,
            }
            for document in reading.documents.page(name, limit=limit)
        ]
    show_rows(
        rows,
        ("key", "occurred_at", "extracted_at", "window", "sync"),
        as_json=as_json,
        none=f"{handle} has no documents of {stream} yet.",
    )


@app.command()
def show(
    handle: Handle,
    stream: Stream,
    key: Annotated[str, typer.Argument(help="The document's key, as `documents list` shows it.")],
    *,
    reason: Reason = None,
    under_hold: UnderHold = False,
) -> None:
    """Print one document, whole, as JSON; it asks for a reason."""
    why = asked_reason(reason)
    with opened() as platform, platform.open_reading(handle) as reading:
        name = reading.stream(stream)
        record(
            platform,
            reading,
            command="documents show",
            reason=why,
            under_hold=under_hold,
            stream=name,
            key=key,
        )
        document = reading.documents.get(name, key)
    if document is None:
        raise TenantActionError(f"{handle} has no document {key!r} of {stream}.")
    show_json(document)
