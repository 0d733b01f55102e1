"""`coworker connections select`: what is let in, and what goes when less is."""

from collections.abc import Iterable
from typing import Annotated

import typer

from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import console
from coworker_pipelines.cli.scheduling import Handle
from coworker_pipelines.privacy.deselection import Removal


def select_streams(
    handle: Handle,
    *,
    stream: Annotated[
        list[str] | None,
        typer.Option("--stream", help="Take in this stream, whole; repeat as needed."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave out STREAM, or one field of it: STREAM:FIELD."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what is stored of what is left out.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before data is removed.")] = False,
) -> None:
    """Choose the streams and fields that are taken in.

    What is left out is not pulled any more, and what is stored of it is removed at once; a
    preview tells how much before anything happens.

    Example: coworker connections select acme.shop --without public.customers:phone
    """
    with opened() as platform:
        change = platform.selections.plan(handle, add=stream or (), without=without or ())
        preview = platform.selections.preview(change)
        if preview and not keep:
            _show_removals("Would be removed", preview)
            if not yes:
                typer.confirm("Remove this now? It cannot be undone", abort=True)
        removed = platform.selections.apply(change, keep=keep, ordered_by=operator())
    _show_removals("Removed", removed)
    console.print(f"{handle} takes in: {', '.join(sorted(change.new)) or 'nothing'}.")


def _show_removals(title: str, removals: Iterable[Removal]) -> None:
    for removal in removals:
        rejected = f"{removal.rejected:,} rejected records"
        if removal.fields:
            fields = ", ".join(sorted(removal.fields))
            what = (
                f"{fields} of {removal.stream}, in {removal.documents:,} documents; {rejected}; "
                f"{removal.activities:,} activities are made anew without them"
            )
        else:
            what = (
                f"{removal.stream}: {removal.documents:,} documents, "
                f"{removal.activities:,} activities, {rejected}"
            )
        console.print(f"  {title}: {what}", highlight=False)
