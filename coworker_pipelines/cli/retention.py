"""`coworker retention`: how long data stays."""

from typing import Annotated, Any

import typer

from coworker_pipelines.cli.extents import (
    Place,
    StreamOption,
    connections_in,
    find_extent,
    name_extent,
)
from coworker_pipelines.cli.opening import in_cluster, opened, operator, publish
from coworker_pipelines.cli.output import Json, console, show_rows
from coworker_pipelines.connections.retention import Age, Basis, policy_of
from coworker_pipelines.connections.retention_rows import PolicyOrder
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.privacy.extent import Extent
from coworker_pipelines.privacy.holds import holds_over
from coworker_pipelines.privacy.retention.policies import (
    explain,
    policy_history,
    set_policy,
    stored_streams,
    unset_policy,
)
from coworker_pipelines.privacy.retention.preview import StreamPreview
from coworker_pipelines.privacy.retention.truth import Truth

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "How long data stays: policies for a tenant, a connection or a stream; the nearest wins."
        "\n\nWhen its age is over, a document is [bold]due[/]: it is out of use, and a record of "
        "that age is not taken in again. When the grace is over as well it is [bold]spent[/], and "
        "the next daily sweep removes it with its activities."
    ),
)


@app.command("set")
def set_command(
    place: Place,
    *,
    stream: StreamOption = None,
    basis: Annotated[
        Basis,
        typer.Option(help="Count the age from when it happened, or from when it was taken in."),
    ],
    days: Annotated[int, typer.Option(help="The age, in days.", min=0)] = 0,
    months: Annotated[int, typer.Option(help="The age, in calendar months.", min=0)] = 0,
    grace_days: Annotated[
        int, typer.Option(help="Days for which what is due is still there, out of use.", min=0)
    ] = 0,
) -> None:
    """Set a policy; what was set before stays in the history.

    Example: coworker retention set acme.handbook --stream commits --basis event --months 24
    """
    age = Age(days=days, months=months)
    with opened() as platform:
        with platform.database.control() as session:
            set_policy(
                session,
                platform.safeguards.journal,
                find_extent(session, place, stream),
                basis=basis,
                age=age,
                grace_days=grace_days,
                made_by=operator(),
                now=platform.clock.now(),
            )
        publish(platform)
    console.print(f"{_name(place, stream)}: {age} from {basis}. Next: coworker retention preview")


@app.command()
def unset(place: Place, *, stream: StreamOption = None) -> None:
    """Take a policy back: a wider one holds again, or all stays."""
    with opened() as platform:
        with platform.database.control() as session:
            extent, journal = find_extent(session, place, stream), platform.safeguards.journal
            unset_policy(session, journal, extent, made_by=operator(), now=platform.clock.now())
        publish(platform)
    console.print(f"{_name(place, stream)} has no policy of its own any more.")


@app.command()
def history(place: Place, *, as_json: Json = False) -> None:
    """List what was ever set and taken back for a tenant, by whom and when."""
    with opened() as platform, platform.database.control() as session:
        extent = find_extent(session, place, None)
        rows = [
            {
                "at": order.made_at,
                "by": order.made_by,
                "place": name_extent(session, _extent(order)),
                "policy": str(policy_of(order)) if order.basis else "taken back",
            }
            for order in policy_history(session, extent.tenant)
            if extent.connection in {None, order.connection_id}
        ]
    show_rows(
        rows, ("at", "by", "place", "policy"), as_json=as_json, none=f"{place} has no policies yet."
    )


@app.command("explain")
def explain_command(place: Place, *, as_json: Json = False) -> None:
    """Say which policy is each stream's, why, and what the data itself shows.

    The age of the oldest document is measured; what holds keep is not in it.
    """
    rows: list[dict[str, Any]] = []
    with opened() as platform:
        for handle, scope, streams in _connections(platform, place):
            truths = {one.stream: one for one in platform.retention.truths(handle, streams)}
            with platform.database.control() as session:
                extent = Extent(tenant=scope.tenant, connection=scope.connection)
                for one in explain(session, extent, streams):
                    holds = holds_over(
                        session,
                        Extent(tenant=scope.tenant, connection=scope.connection, stream=one.stream),
                    )
                    rows.append(
                        {
                            "connection": handle,
                            "stream": one.stream,
                            "policy": str(one.policy) if one.policy else "none",
                            "why": one.why,
                            "set_by": one.set_by,
                            "set_at": one.set_at,
                            "holds": [hold.id for hold in holds] or None,
                            **_measured(truths[one.stream]),
                        }
                    )
    show_rows(
        rows,
        ("connection", "stream", "policy", "why", "oldest_days", "holds", "true"),
        as_json=as_json,
        none=f"{place} takes in no stream.",
    )


@app.command()
def preview(place: Place, *, as_json: Json = False) -> None:
    """Count, stream by stream, what a sweep would remove now; nothing is changed."""
    rows: list[dict[str, Any]] = []
    with opened() as platform:
        for handle, _, _ in _connections(platform, place):
            rows += [_preview_row(handle, one) for one in platform.retention.preview(handle)]
    show_rows(
        rows,
        (
            *("connection", "stream", "policy", "documents", "going", "held", "due"),
            *("undated", "rejected", "oldest_at"),
        ),
        as_json=as_json,
        none=f"{place} takes in no stream.",
    )


@app.command()
def sweep(place: Place, *, as_json: Json = False) -> None:
    """Remove now what is spent, as the daily sweep does; nothing else goes.

    In a cluster, where only its own service account may remove, Dagster sweeps instead.
    """
    if in_cluster():
        raise RefusedError(
            "In a cluster Dagster sweeps: launch its job `retention` with the tag "
            "`coworker/tenant_id`, or wait for the day's sweep."
        )
    rows: list[dict[str, Any]] = []
    with opened() as platform:
        for handle, _, _ in _connections(platform, place):
            rows += [
                {
                    "connection": handle,
                    "stream": one.stream,
                    "policy": str(one.policy),
                    "spent_before": one.spent_before,
                    "deleted": one.deleted,
                    "activities": one.activities,
                    "rejected": one.rejected,
                    "segments": one.segments,
                    "held": one.held,
                }
                for one in platform.sweeps.sweep(handle).swept
            ]
    show_rows(
        rows,
        ("connection", "stream", "policy", "spent_before", "deleted", "activities", "rejected",
         "held"),
        as_json=as_json,
        none=f"{place} has no policy, so all stays.",
    )  # fmt: skip


def _connections(platform: Any, place: str) -> list[tuple[str, Scope, list[str]]]:
    with platform.database.control() as session:
        return [
            (one.handle, one.scope, stored_streams(session, one.id))
            for one in connections_in(session, place)
        ]


def _measured(truth: Truth) -> dict[str, Any]:
    return {
        "oldest_at": truth.worst_at,
        "oldest_days": truth.worst_age_days,
        "days_late": round(truth.late.total_seconds() / 86_400, 2),
        "true": truth.holds_true,
        "documents": truth.documents,
        "held": truth.held,
    }


def _preview_row(handle: str, one: StreamPreview) -> dict[str, Any]:
    return {
        "connection": handle,
        "stream": one.stream,
        "policy": str(one.policy) if one.policy else "none: all stays",
        "documents": one.documents,
        "going": one.going,
        "held": one.held,
        "due": one.due,
        "undated": one.undated,
        "rejected": one.rejected,
        "segments": one.segments,
        "oldest_at": one.oldest_at,
    }


def _extent(order: PolicyOrder) -> Extent:
    return Extent(tenant=order.tenant_id, connection=order.connection_id, stream=order.stream)


def _name(place: str, stream: str | None) -> str:
    return place if stream is None else f"{place} {stream}"
