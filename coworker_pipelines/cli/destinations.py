"""`coworker destinations`: where rules may send something, and what of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from coworker_pipelines.automation.action_rows import DestinationRow
from coworker_pipelines.automation.egress.destinations import (
    Authorisation,
    authorise,
    destinations_of,
    find_destination,
    withdraw,
)
from coworker_pipelines.automation.egress.kinds import DestinationKind
from coworker_pipelines.automation.egress.sending import Arrival
from coworker_pipelines.cli.forms import ask_secret, read_secret
from coworker_pipelines.cli.opening import in_cluster, opened, operator
from coworker_pipelines.cli.output import FAULT_STATUS, Json, show_one, show_rows
from coworker_pipelines.cli.rule_files import Tenant, say
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import RefusedError, TenantActionError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.secrets.references import destination_reference
from coworker_pipelines.services.files import write_private

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "Where a tenant lets rules send something, and what of it.\n\nNothing goes anywhere else, "
        "and no field that is not named here."
    ),
)
Name = Annotated[str, typer.Argument(help="The destination's name, as rules write it.")]
File = Annotated[str | None, typer.Option(help="A file ('-': standard input).", metavar="FILE")]


@app.command("authorise")
def authorise_command(
    tenant: Tenant,
    name: Name,
    *,
    kind: Annotated[DestinationKind, typer.Option(help="What is there.")],
    field: Annotated[
        list[str] | None,
        typer.Option(help="What may be sent: `message.id` and so on, or `text`; repeat as needed."),
    ] = None,
    address_file: File = None,
    sender: Annotated[str | None, typer.Option(help="Whom a mail comes from.")] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="Whom a mail goes to; repeat as needed.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Who logs in to the mail server.")] = None,
    signing_file: File = None,
    signing_out: Annotated[
        Path | None, typer.Option(help="A new file, into which a secret that is made is put.")
    ] = None,
) -> None:
    """Let rules send these fields there. One of the same name is withdrawn by it.

    The address is asked for, or read from a file: a chat's holds its password. A webhook's
    signing secret is made and put into a file for the receiver, unless the receiver has given one.

    Example: coworker destinations authorise acme crm --kind webhook --field message.id
    --signing-out crm.secret
    """
    _check_signing(kind, signing_file, signing_out)
    address = _secret("address", address_file)
    login = None if user is None else (user, ask_secret("password"))
    given = Authorisation(
        name=name,
        kind=kind,
        address=address,
        fields=tuple(dict.fromkeys(field or ())),
        sender=sender,
        recipients=tuple(to or ()),
        signing=None if signing_file is None else read_secret(signing_file),
        login=login,
    )
    shown = _authorised(tenant, given, signing_out)
    say(f"{tenant} lets rules send {', '.join(given.fields)} to {name} ({kind}, {shown}).")
    if signing_out is not None:
        say(f"{signing_out} holds the secret for the receiver: hand it over, and delete the file.")


@app.command("list")
def list_command(
    tenant: Tenant,
    *,
    with_withdrawn: Annotated[
        bool, typer.Option("--with-withdrawn", help="All that ever were, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List destinations: kind, address, fields, who authorised them."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        rows = [_row(one) for one in destinations_of(session, owner, withdrawn=with_withdrawn)]
    show_rows(
        rows,
        ("name", "kind", "address", "fields", "authorised_by", "authorised_at", "withdrawn_at"),
        as_json=as_json,
        none=f"{tenant} lets rules send nothing anywhere.",
    )


@app.command()
def show(tenant: Tenant, name: Name, *, as_json: Json = False) -> None:
    """Show a destination that is in force."""
    with opened() as platform, platform.database.control() as session:
        row = _row(find_destination(session, find_tenant(session, tenant).id, name))
    show_one(row, as_json=as_json)


@app.command("withdraw")
def withdraw_command(tenant: Tenant, name: Name) -> None:
    """Send nothing there any more, at once; its secrets are taken away."""
    with opened() as platform:
        with platform.database.control() as session:
            owner = find_tenant(session, tenant).id
            gone = withdraw(session, owner, name, by=operator(), now=platform.clock.now())
            reference = destination_reference(owner, gone.id)
        platform.place.writer.delete(reference)
    say(f"Nothing is sent to {name} of {tenant} any more.")


@app.command()
def test(tenant: Tenant, name: Name) -> None:
    """Send a letter that says nothing, and tell what came of it. It is recorded as sent."""
    if in_cluster():
        raise RefusedError(
            "In a cluster the dispatcher alone may send, under its own service account: let a rule "
            "do it, and look with `coworker outbox list`."
        )
    with opened() as platform:
        with platform.database.control() as session:
            owner = find_tenant(session, tenant).id
        report = platform.acting.try_out(owner, name)
    say(report.detail)
    if report.arrival is not Arrival.ARRIVED:
        raise typer.Exit(FAULT_STATUS)


def _check_signing(kind: DestinationKind, given: str | None, made_into: Path | None) -> None:
    makes_secret = kind is DestinationKind.WEBHOOK and given is None
    if makes_secret != (made_into is not None):
        raise TenantActionError(
            "A webhook's receiver has to know us by a secret: give its own with --signing-file, "
            "or a new file with --signing-out, into which one is put for it."
        )
    if made_into is not None and made_into.exists():
        raise TenantActionError(f"There is a file {made_into} already.")


def _authorised(tenant: str, given: Authorisation, signing_out: Path | None) -> str:
    """The address as it may be shown; nothing is in force whose secret could not be put."""
    with opened() as platform:
        with platform.database.control() as session:
            owner = find_tenant(session, tenant).id
        # A tenant that is older than destinations has no place for their secrets in a cluster.
        platform.place.house.open(owner)
        with platform.database.control() as session:
            writer, now = platform.place.writer, platform.clock.now()
            row, made = authorise(session, writer, owner, given, by=operator(), now=now)
            if made is not None and signing_out is not None:
                _put(signing_out, made)
            return row.address


def _put(path: Path, secret: Secret) -> None:
    try:
        write_private(path, secret.get_secret_value().encode())
    except OSError as error:
        raise TenantActionError(f"The file {path} cannot be written.") from error


def _secret(name: str, file: str | None) -> Secret:
    found = ask_secret(name) if file is None else read_secret(file)
    if not found.get_secret_value():
        raise TenantActionError(f"No {name} was given.")
    return found


def _row(row: DestinationRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "address": row.address,
        "fields": list(row.fields),
        "sender": row.sender,
        "recipients": list(row.recipients),
        "authorised_by": row.authorised_by,
        "authorised_at": row.authorised_at,
        "withdrawn_by": row.withdrawn_by,
        "withdrawn_at": row.withdrawn_at,
        "id": row.id,
    }
