"""`coworker suppressions`: what was erased and is not taken in again."""

from typing import Annotated, Any

import typer

from coworker_pipelines.cli.opening import opened, operator, publish
from coworker_pipelines.cli.output import Json, Limit, console, show_one, show_rows
from coworker_pipelines.connections.rows import Suppression
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.privacy.suppression.suppressions import (
    Lift,
    count_keys,
    find_suppression,
    lift,
    list_suppressions,
)

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Standing orders that erased people's data is not taken in again.\n\nEach erasure makes "
        "one. It holds keyed hashes alone: nobody can read from it whom it is about."
    ),
)

Id = Annotated[str, typer.Argument(help="The id, as `suppressions list` shows it.")]


@app.command("list")
def list_command(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    limit: Limit = 20,
    *,
    as_json: Json = False,
) -> None:
    """List suppressions with who ordered them, the newest first."""
    with opened() as platform, platform.database.control() as session:
        tenant_id = None if tenant is None else find_tenant(session, tenant).id
        rows = [
            {**_described(row), "keys": count_keys(session, row.id)}
            for row in list_suppressions(session, tenant_id=tenant_id, limit=limit)
        ]
    show_rows(
        rows,
        (
            "id",
            "order",
            "tenant",
            "connection",
            "stream",
            "keys",
            "made_at",
            "made_by",
            "lifted_by",
        ),
        as_json=as_json,
        none="Nobody is suppressed.",
    )


@app.command()
def show(suppression: Id, *, as_json: Json = False) -> None:
    """Show one: its extent, who ordered it and why, and whether it was lifted."""
    with opened() as platform, platform.database.control() as session:
        row = find_suppression(session, suppression)
        content = {**_described(row), "keys": count_keys(session, row.id)}
    show_one(content, as_json=as_json)


@app.command("lift")
def lift_command(
    suppression: Id,
    reason: Annotated[
        str,
        typer.Option(prompt=True, help="Why; it is recorded with your name. No names of people."),
    ],
) -> None:
    """Let in again what a suppression kept out; its keys go, and the record of it stays.

    What was left out meanwhile comes with the next backfill of its months, not by itself.
    """
    with opened() as platform:
        order = Lift(suppression=suppression, reason=reason, lifted_by=operator())
        with platform.database.control() as session:
            keys = lift(session, platform.safeguards.journal, order, now=platform.clock.now())
        publish(platform)
    console.print(f"Suppression {suppression} is lifted: {keys:,} keys are gone.")


def _described(row: Suppression) -> dict[str, Any]:
    return {
        "id": row.id,
        "order": row.order_id,
        "tenant": row.tenant_id,
        "connection": row.connection_id,
        "stream": row.stream,
        "reason": row.reason,
        "made_by": row.made_by,
        "made_at": row.made_at,
        "lifted_by": row.lifted_by,
        "lifted_at": row.lifted_at,
        "lift_reason": row.lift_reason,
    }
