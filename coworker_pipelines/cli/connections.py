"""`coworker connections`: the sources of a tenant."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from coworker_pipelines.cli.authorizing import authorizations, authorize, deauthorize
from coworker_pipelines.cli.forms import (
    explain_kinds,
    explain_settings,
    read_changes,
    read_form,
)
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import Json, console, show_one, show_rows
from coworker_pipelines.cli.scheduling import (
    Cron,
    Every,
    Handle,
    TimeZone,
    limit,
    parsed_schedule,
    pause_syncs,
    resume_syncs,
    schedule,
)
from coworker_pipelines.cli.selecting import select_streams
from coworker_pipelines.connections.catalogs import catalog_of
from coworker_pipelines.connections.connections import (
    find_connection,
    list_connections,
    schedule_of,
)
from coworker_pipelines.connections.rows import Connection
from coworker_pipelines.connections.schedules import describe_schedule
from coworker_pipelines.connections.selections import current_selection
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.provisioning.connections import ConnectionOrder

app = typer.Typer(no_args_is_help=True, help="Configured sources of a tenant.")

Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--setting", "-s", metavar="NAME=VALUE", help="A setting of the source; repeat as needed."
    ),
]
SecretFile = Annotated[
    list[str] | None,
    typer.Option(
        "--secret-file",
        metavar="NAME=PATH",
        help="A sensitive setting, read from a file ('-' for standard input).",
    ),
]
Ask = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Ask for this sensitive setting, without echo."),
]


@app.command()
def kinds(
    kind: Annotated[
        str | None, typer.Argument(help="Explain the settings of this kind.", show_default=False)
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """List the kinds of sources, or explain what one wants to know.

    Example: coworker connections kinds git
    """
    if kind is not None:
        rows, columns = explain_settings(kind), ("setting", "needed", "about")
        show_rows(rows, columns, as_json=as_json, none=f"{kind} has no settings.")
        return
    rows = explain_kinds()
    shown = rows if as_json else [_joined(row) for row in rows]
    show_rows(shown, ("kind", "description", "settings", "secrets"), as_json=as_json, none="None.")


@app.command()
def add(
    tenant: Annotated[str, typer.Argument(help="The tenant's slug.")],
    name: Annotated[str, typer.Argument(help="The connection's name, unique for the tenant.")],
    *,
    kind: Annotated[str, typer.Option(help="The kind of source: `coworker connections kinds`.")],
    setting: Setting = None,
    secret_file: SecretFile = None,
    ask: Ask = None,
    cron: Cron = None,
    every: Every = None,
    time_zone: TimeZone = "UTC",
    stream: Annotated[
        list[str] | None, typer.Option(help="Take in this stream only; repeat as needed.")
    ] = None,
) -> None:
    """Make a connection: the source is checked, then its indices and its key are made.

    Secrets are asked for without echo (--ask) or read from a file (--secret-file); they are
    never given as an argument.

    Example: coworker connections add acme handbook --kind git -s repository=/srv/handbook.git
    """
    schedule = parsed_schedule(cron, every, time_zone)
    with opened() as platform:
        handle = platform.maker.make(
            ConnectionOrder(
                tenant=tenant,
                name=name,
                kind=kind,
                form=read_form(kind, setting or (), secret_file or (), ask or ()),
                schedule=schedule,
                streams=stream or None,
                ordered_by=operator(),
            )
        )
    console.print(f"Connection {handle} is there. Next: coworker connections sync {handle}")


@app.command()
def check(handle: Handle) -> None:
    """Ask the source whether it still answers, and keep what it offers now."""
    with opened() as platform:
        catalog = platform.maker.check(handle)
    names = ", ".join(sorted(stream.name for stream in catalog))
    console.print(f"{handle} answers and offers: {names or 'no stream'}.")


@app.command()
def change(
    handle: Handle,
    *,
    setting: Setting = None,
    secret_file: SecretFile = None,
    ask: Ask = None,
) -> None:
    """Change settings or secrets of a connection: the source is checked with the new ones first.

    What is not named stays as it is; what was is neither shown nor asked for.

    Example: coworker connections change acme.shop --ask password
    """
    with opened() as platform:
        with platform.database.control() as session:
            kind = find_connection(session, handle).kind
        form = read_changes(kind, setting or (), secret_file or (), ask or ())
        if not form:
            raise TenantActionError("Say what is to be changed: --setting, --secret-file or --ask.")
        platform.maker.change(handle, form)
    console.print(f"{handle} is changed: {', '.join(sorted(form))}.")


@app.command("rotate-key")
def rotate_key(
    handle: Handle,
    *,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="End every older key now: it got into wrong hands."),
    ] = False,
) -> None:
    """Give a connection a new key to Elasticsearch, as the schedule does before one expires."""
    with opened() as platform:
        expires_at = platform.keys.rotate(handle, at_once=at_once)
    console.print(f"{handle} has a new key, good until {expires_at:%Y-%m-%d %H:%M:%S} UTC.")


@app.command("list")
def list_command(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """List connections."""
    with opened() as platform, platform.database.control() as session:
        tenant_id = find_tenant(session, tenant).id if tenant else None
        rows = [_row(entry) for entry in list_connections(session, tenant_id=tenant_id)]
    show_rows(
        rows,
        ("connection", "kind", "schedule", "due_at", "state"),
        as_json=as_json,
        none="There is no connection yet. Make one: coworker connections add TENANT NAME",
    )


@app.command()
def show(handle: Handle, *, as_json: Json = False) -> None:
    """Show a connection: settings (without secrets), schedule, selection, state."""
    with opened() as platform, platform.database.control() as session:
        connection = find_connection(session, handle)
        selection = current_selection(session, connection.id)
        content = {
            **_row(connection),
            "id": connection.id,
            "tenant": connection.tenant_id,
            "epoch": connection.epoch,
            "secrets_changed_at": connection.secrets_changed_at,
            "key_expires_at": connection.key_expires_at,
            "needs_attention": connection.needs_attention,
            "settings": connection.settings,
            "selection": selection.streams,
            "selected_by": selection.made_by,
            "selected_at": selection.made_at,
        }
    show_one(content, as_json=as_json)


@app.command()
def streams(handle: Handle, *, as_json: Json = False) -> None:
    """List a connection's streams: what is offered, and what is taken in."""
    with opened() as platform, platform.database.control() as session:
        connection = find_connection(session, handle)
        selected = current_selection(session, connection.id).streams
        rows = [
            {
                "stream": stream.name,
                "selected": stream.name in selected,
                "mode": str(stream.mode),
                "key": ", ".join(stream.primary_key),
                "cursor": stream.cursor_field,
                "fields": len(stream.fields),
                "left_out": sorted(_left_out(stream.field_names, selected.get(stream.name)))
                or None,
            }
            for stream in catalog_of(connection)
        ]
    show_rows(
        rows,
        ("stream", "selected", "mode", "key", "cursor", "fields", "left_out"),
        as_json=as_json,
        none="The source offers no stream.",
    )


@app.command()
def sync(
    handle: Handle,
    window: Annotated[
        str | None, typer.Option(help="The month, as YYYY-MM; the current one if not given.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="The last month of a backfill that begins with --window.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Sync a connection now, through Dagster, and show what came of it.

    Example: coworker connections sync acme.handbook --window 2026-01 --until 2026-03
    """
    now = Window.of(datetime.now(UTC))
    first = _month(window) if window else now
    last = _month(until) if until else first
    if last < first:
        raise TenantActionError("The last month lies before the first.")
    if last > now:
        raise TenantActionError(f"The month {last.key[:7]} lies in the future.")
    from coworker_pipelines.cli.syncing import sync_with_progress  # noqa: PLC0415 - Dagster: seconds

    sync_with_progress(handle, tuple(first.until(last)), as_json=as_json)


def _month(text: str) -> Window:
    try:
        return Window.parse(f"{text}-01" if text.count("-") == 1 else text)
    except TenantActionError as error:
        raise TenantActionError(f"{text!r} is no month: write it as YYYY-MM.") from error


app.command("select")(select_streams)
app.command()(schedule)
app.command()(limit)
app.command("pause")(pause_syncs)
app.command("resume")(resume_syncs)
app.command()(authorize)
app.command()(deauthorize)
app.command()(authorizations)


def _row(connection: Connection) -> dict[str, Any]:
    return {
        "connection": connection.handle,
        "kind": connection.kind,
        "schedule": describe_schedule(schedule_of(connection)),
        "due_at": connection.due_at,
        "state": _state(connection),
    }


def _state(connection: Connection) -> str:
    if connection.needs_attention:
        return "needs attention"
    return "paused" if connection.paused_at else "active"


def _joined(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: ", ".join(value) if isinstance(value, list) else value for name, value in row.items()
    }


def _left_out(offered: frozenset[str], selected: Any) -> frozenset[str]:
    fields = (selected or {}).get("fields")
    return frozenset() if fields is None else offered - frozenset(fields)
