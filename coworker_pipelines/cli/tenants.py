"""`coworker tenants`: the clients."""

from typing import Annotated

import typer

from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, console, show_one, show_rows
from coworker_pipelines.connections.connections import list_connections
from coworker_pipelines.connections.rows import Tenant
from coworker_pipelines.connections.tenants import find_tenant, list_tenants

app = typer.Typer(no_args_is_help=True, help="Clients of Coworker; all data belongs to one.")

Slug = Annotated[
    str, typer.Argument(help="The tenant's short name: lower case, digits and hyphens.")
]


@app.command()
def add(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="The full name; the slug if not given.")] = None,
) -> None:
    """Make a tenant, with keys of its own.

    Example: coworker tenants add acme --name "Acme Ltd"
    """
    with opened() as platform:
        platform.tenants.make(slug=slug, name=name or slug)
    console.print(f"Tenant {slug} is there. Next: coworker connections add {slug} NAME --kind git")


@app.command("list")
def list_command(*, as_json: Json = False) -> None:
    """List all tenants."""
    with opened() as platform, platform.database.control() as session:
        rows = [_row(tenant) for tenant in list_tenants(session)]
    show_rows(
        rows,
        ("slug", "name", "id", "created_at"),
        as_json=as_json,
        none="There is no tenant yet. Make one: coworker tenants add SLUG",
    )


@app.command()
def show(slug: Slug, *, as_json: Json = False) -> None:
    """Show a tenant and its connections."""
    with opened() as platform, platform.database.control() as session:
        tenant = find_tenant(session, slug)
        handles = [
            connection.handle for connection in list_connections(session, tenant_id=tenant.id)
        ]
        content = {**_row(tenant), "connections": handles}
    show_one(content, as_json=as_json)


def _row(tenant: Tenant) -> dict[str, object]:
    return {
        "id": tenant.id,
        "slug": tenant.slug,
        "name": tenant.name,
        "created_at": tenant.created_at,
    }
