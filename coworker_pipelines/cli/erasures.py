"""`coworker erasures`: take one person out of a tenant's data, and prove it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from coworker_pipelines.assembly.erasing import erasure_work, erasures
from coworker_pipelines.cli.asking import asked_lines
from coworker_pipelines.cli.opening import in_cluster, opened, operator
from coworker_pipelines.cli.orders import (
    OrderId,
    open_for_s,
    order_of_kind,
    rows_of_kind,
    target_row,
)
from coworker_pipelines.cli.output import Json, console, show_one, show_rows
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.privacy.erasure.erasures import ErasurePreview, Erasures
from coworker_pipelines.privacy.erasure.identifying import HOW_TO_WRITE, read_identifiers
from coworker_pipelines.privacy.erasure.rests import said
from coworker_pipelines.privacy.order_record import target_rows
from coworker_pipelines.privacy.orders import (
    OrderKind,
    withdraw_order,
)
from coworker_pipelines.privacy.rows import Order, OrderTarget
from coworker_pipelines.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Erase one person within a tenant, everywhere, so that they do not come back.\n\n"
        "What is about or by the person is deleted; what only mentions them stays, with the "
        "mention masked. Identifiers are asked for or read from a file, and stand in no argument. "
        "An order is requested, previewed and confirmed; [bold]coworker erasures status ORDER[/] "
        "says how far it is, and since when nobody can read of them and no file holds them. What "
        "lies under a hold is left, exempt until its review; when the hold is released, it goes."
    ),
)


@app.command()
def request(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's slug.")],
    *,
    file: Annotated[
        Path | None,
        typer.Option(help="A file with one identifier on a line; asked for if not given."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, without a name; kept with the order.")],
) -> None:
    """Ask for a person's erasure. Nothing is removed yet.

    One identifier on a line: `email ann@example.org`, `phone +49 30 1234`,
    `login acme.code ann`, `user_id acme.shop 17`. With `term Ann Lee` every text of the tenant is
    searched for the name, too.

    Example: coworker erasures request acme --file person.txt --reason "asked by letter of 3 May"
    """
    identifiers = read_identifiers(_lines(file))
    with _erasures() as control:
        with control.database.control() as session:
            tenant_id = find_tenant(session, tenant).id
        order = control.request(tenant_id, identifiers, reason=reason, requested_by=operator())
    console.print(
        f"Order {order} is there. Next: coworker erasures preview {order}", soft_wrap=True
    )


@app.command()
def preview(
    order: OrderId,
    *,
    leave_out: Annotated[
        list[int] | None,
        typer.Option(help="The number of a found key that is another person's; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show whose keys were found, by which path, and what would go; changes nothing.

    It shows identifiers of the person on this screen alone: they are neither kept nor logged.

    Example: coworker erasures preview o0123456789abcde --leave-out 3
    """
    with _erasures() as control:
        shown = control.preview(order, leave_out=frozenset(leave_out or ()))
    if as_json:
        exempt = [asdict(one) for one in shown.exempt]
        content = {"keys": _key_rows(shown), "counts": shown.counts, "exempt": exempt}
        show_one(content, as_json=True)
        return
    columns = ("number", "kind", "value", "found_by", "where", "ask")
    show_rows(_key_rows(shown), columns, as_json=False, none="No key: only terms are looked for.")
    show_one(shown.counts, as_json=False)
    if shown.exempt:
        console.print(said(shown.exempt), soft_wrap=True)
    if shown.merges:
        console.print(
            "Keys marked with ? may be a second person's. Leave them out by their numbers "
            "(--leave-out N), or confirm with --same-person.",
            soft_wrap=True,
        )
    console.print(f"Next: coworker erasures confirm {order}", soft_wrap=True)


@app.command()
def confirm(
    order: OrderId,
    *,
    tenant: Annotated[
        str | None, typer.Option(help="The tenant's slug; asked for if not given.")
    ] = None,
    same_person: Annotated[
        bool, typer.Option("--same-person", help="All keys of the preview are one person's.")
    ] = False,
    launch: Annotated[
        bool,
        typer.Option("--launch", help="Let Dagster's sensor start it instead of running it here."),
    ] = False,
) -> None:
    """Confirm what was previewed: from here on it is carried out and cannot be taken back.

    It tells the salt of the receipt's commitment, once: give it to the person, who can show with
    it that the receipt is about them.

    Example: coworker erasures confirm o0123456789abcde --tenant acme
    """
    typed = tenant or typer.prompt("To confirm, write the tenant's short name", err=True)
    with _erasures() as control:
        salt = control.confirm(order, typed=typed, same_person=same_person, confirmed_by=operator())
    console.print(f"For the person, and kept nowhere: {salt}", soft_wrap=True)
    if launch or in_cluster():
        console.print(
            f"Confirmed; Dagster carries it out. Watch it: coworker erasures status {order}",
            soft_wrap=True,
        )
        return
    run(order)


@app.command()
def run(order: OrderId) -> None:
    """Carry out, or go on with, a confirmed erasure here and now, as Dagster's sensor would."""
    with opened() as platform:
        settings = Settings.from_environment(os.environ)
        erasure_work(platform, settings, sleep=time.sleep).carry_out(order)
    status(order)


@app.command()
def status(order: OrderId, *, as_json: Json = False) -> None:
    """Show how far an erasure is, what it waits for, and what was taken out of each place."""
    with opened() as platform, platform.database.control() as session:
        row = order_of_kind(session, order, OrderKind.ERASURE)
        targets = [_target_row(entry) for entry in target_rows(session, order)]
        content = _row(row)
    if as_json:
        show_one({**content, "targets": targets}, as_json=True)
        return
    show_one(content, as_json=False)
    if targets:
        columns = ("target", "deleted", "masked", "left_first", "left_second", "detail")
        show_rows(targets, columns, as_json=False, none="")


@app.command("list")
def list_command(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """List erasures, the newest first."""
    show_rows(
        rows_of_kind(OrderKind.ERASURE, tenant, _row),
        ("order", "state", "requested_at", "finished_at", "detail"),
        as_json=as_json,
        none="No erasure was asked for.",
    )


@app.command()
def withdraw(order: OrderId) -> None:
    """Take a request back, as long as it is not confirmed; what it knew of the person goes."""
    with opened() as platform, platform.database.control() as session:
        row = order_of_kind(session, order, OrderKind.ERASURE, lock=True)
        withdraw_order(row, now=platform.clock.now())
        row.preview = None
    console.print(f"Order {order} is withdrawn; nothing was removed.")


@contextmanager
def _erasures() -> Iterator[Erasures]:
    with opened() as platform:
        yield erasures(platform)


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return asked_lines(f"{HOW_TO_WRITE} End with an empty line.")
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TenantActionError("The file cannot be read as text.") from error


def _key_rows(shown: ErasurePreview) -> list[dict[str, Any]]:
    asked = {one.key for one in shown.merges}
    return [
        {
            "number": number,
            "kind": one.kind,
            "value": one.value,
            "found_by": "given" if one.by is None else f"with {one.by}",
            "where": one.where,
            "ask": "?" if one.key in asked else "",
        }
        for number, one in enumerate(shown.keys, start=1)
    ]


def _row(order: Order) -> dict[str, Any]:
    reach = order.reach or {}
    return {
        "order": order.id,
        "state": order.state,
        "detail": order.detail,
        "tenant": order.tenant_id,
        "reason": order.reason,
        "requested_by": order.requested_by,
        "requested_at": order.requested_at,
        "confirmed_by": order.confirmed_by,
        "confirmed_at": order.confirmed_at,
        "unreadable_since": reach.get("unreadable_since"),
        "bytes_gone_since": reach.get("bytes_gone_since"),
        "exempt": reach.get("exempt", []),
        "rest": reach.get("rest"),
        "rest_of": reach.get("rest_of"),
        "finished_at": order.finished_at,
        "open_for_s": open_for_s(order),
        "attempts": order.attempt,
    }


def _target_row(row: OrderTarget) -> dict[str, Any]:
    return {**target_row(row), "detail": row.detail}
