"""`coworker deletions`: take a stream, a connection or a tenant away, and prove it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from coworker_pipelines.cli.opening import in_cluster, opened, operator
from coworker_pipelines.cli.orders import (
    OrderId,
    open_for_s,
    order_of_kind,
    rows_of_kind,
    target_row,
)
from coworker_pipelines.cli.output import Json, console, show_one, show_rows
from coworker_pipelines.connections.connections import find_connection
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.deletion.deletions import Deletions
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.order_record import target_rows
from coworker_pipelines.privacy.orders import (
    OrderKind,
    withdraw_order,
)
from coworker_pipelines.privacy.rows import Order, OrderTarget
from coworker_pipelines.privacy.targets import target, targets_for

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Delete a stream, a connection or a whole tenant, at once and for good.\n\n"
        "An order is requested, previewed and confirmed. Then writers are shut out, every place "
        "that can hold the data is cleared and counted twice, and the order is done. What cannot "
        "be counted keeps it open: `coworker deletions status ORDER` says which place."
    ),
)


@app.command()
def request(
    what: Annotated[
        str,
        typer.Argument(
            metavar="TENANT|CONNECTION", help="A tenant's slug, or a connection: acme.handbook."
        ),
    ],
    *,
    stream: Annotated[str | None, typer.Option(help="Only this stream of the connection.")] = None,
    reason: Annotated[str, typer.Option(help="Why, in a few words; kept with the order.")],
) -> None:
    """Ask for a deletion. Nothing is removed yet; a second request for the same joins the first.

    Example: coworker deletions request acme.handbook --reason "contract ended"
    """
    with _deletions() as deletions:
        with deletions.database.control() as session:
            extent = _extent(session, what, stream)
        order = deletions.request(extent, reason=reason, requested_by=operator())
    console.print(
        f"Order {order} is there. Next: coworker deletions preview {order}", soft_wrap=True
    )


@app.command()
def preview(order: OrderId, *, as_json: Json = False) -> None:
    """Show what would be removed, target by target; changes nothing.

    Example: coworker deletions preview o0123456789abcde
    """
    with _deletions() as deletions:
        shown = deletions.preview(order)
    rows = [
        {
            "target": entry.name,
            "would_go": shown.counts[entry.name],
            "counted_in": entry.counted_in,
            "holds": entry.holds,
        }
        for entry in targets_for(shown.reached.extent)
    ]
    if not as_json:
        handles = ", ".join(shown.reached.handles) or "no connection"
        console.print(f"Tenant {shown.reached.slug}: {handles}", highlight=False)
    show_rows(rows, ("target", "would_go", "counted_in", "holds"), as_json=as_json, none="Nothing.")
    if not as_json:
        console.print(f"Next: coworker deletions confirm {order}", soft_wrap=True)


@app.command()
def confirm(
    order: OrderId,
    *,
    tenant: Annotated[
        str | None, typer.Option(help="The tenant's slug; asked for if not given.")
    ] = None,
    launch: Annotated[
        bool,
        typer.Option("--launch", help="Let Dagster's sensor start it instead of running it here."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Confirm what was previewed: from here on it is carried out and cannot be taken back.

    The tenant's slug has to be written out. On one machine the deletion runs at once; in a
    cluster, where only its own service account may delete, Dagster starts it within a minute.

    Example: coworker deletions confirm o0123456789abcde --tenant acme
    """
    typed = tenant or typer.prompt("To confirm, write the tenant's short name", err=True)
    with _deletions() as deletions:
        deletions.confirm(order, typed=typed, confirmed_by=operator())
    if launch or in_cluster():
        console.print(
            f"Confirmed; Dagster carries it out. Watch it: coworker deletions status {order}",
            soft_wrap=True,
        )
        return
    _carry_out(order, shown=not as_json)
    status(order, as_json=as_json)


@app.command()
def run(order: OrderId, *, as_json: Json = False) -> None:
    """Carry out, or go on with, a confirmed deletion here and now, as Dagster's sensor would."""
    _carry_out(order, shown=not as_json)
    status(order, as_json=as_json)


@app.command()
def status(order: OrderId, *, as_json: Json = False) -> None:
    """Show how far a deletion is, what it waits for, and what is left of each target."""
    with opened() as platform, platform.database.control() as session:
        row = order_of_kind(session, order, OrderKind.DELETION)
        targets = [_target_row(entry) for entry in target_rows(session, order)]
        content = {**_row(row), "targets": targets}
    if as_json:
        show_one(content, as_json=True)
        return
    show_one({name: value for name, value in content.items() if name != "targets"}, as_json=False)
    if targets:
        columns = ("target", "matched", "deleted", "left_first", "left_second", "counted_in")
        show_rows(targets, columns, as_json=False, none="")


@app.command("list")
def list_command(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """List deletions, the newest first."""
    show_rows(
        rows_of_kind(OrderKind.DELETION, tenant, _row),
        ("order", "of", "state", "requested_at", "finished_at", "detail"),
        as_json=as_json,
        none="No deletion was asked for.",
    )


@app.command()
def withdraw(order: OrderId) -> None:
    """Take a request back, as long as it is not confirmed."""
    with opened() as platform, platform.database.control() as session:
        row = order_of_kind(session, order, OrderKind.DELETION, lock=True)
        withdraw_order(row, now=platform.clock.now())
    console.print(f"Order {order} is withdrawn; nothing was removed.")


def _carry_out(order: str, *, shown: bool) -> None:
    from coworker_pipelines.cli.deleting import carry_out_with_progress  # noqa: PLC0415 - seconds

    carry_out_with_progress(order, shown=shown)


@contextmanager
def _deletions() -> Iterator[Deletions]:
    with opened():
        pass
    from coworker_pipelines.cli.syncing import open_instance  # noqa: PLC0415 - Dagster: seconds
    from coworker_pipelines.defs.deleting import open_deletions  # noqa: PLC0415

    with open_instance() as instance, open_deletions(instance) as deletions:
        yield deletions


def _extent(session: Session, what: str, stream: str | None) -> Extent:
    if "." in what:
        connection = find_connection(session, what)
        return Extent(tenant=connection.tenant_id, connection=connection.id, stream=stream)
    if stream is not None:
        raise TenantActionError("A stream is one of a connection: write <tenant>.<connection>.")
    return Extent(tenant=find_tenant(session, what).id)


def _row(order: Order) -> dict[str, Any]:
    return {
        "order": order.id,
        "of": _of(order),
        "state": order.state,
        "detail": order.detail,
        "tenant": order.tenant_id,
        "connection": order.connection_id,
        "stream": order.stream,
        "reason": order.reason,
        "requested_by": order.requested_by,
        "requested_at": order.requested_at,
        "previewed_at": order.previewed_at,
        "confirmed_by": order.confirmed_by,
        "confirmed_at": order.confirmed_at,
        "finished_at": order.finished_at,
        "open_for_s": open_for_s(order),
        "attempts": order.attempt,
    }


def _of(order: Order) -> str:
    if order.stream is not None:
        return "stream"
    return "tenant" if order.connection_id is None else "connection"


def _target_row(row: OrderTarget) -> dict[str, Any]:
    return {
        **target_row(row),
        "counted_in": target(row.target).counted_in,
        "began_at": row.began_at,
        "ended_at": row.ended_at,
    }
