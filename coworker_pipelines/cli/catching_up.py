"""`coworker decisions catch-up`: active rules act on what happened before they were active."""

from typing import Annotated, Any

import typer

from coworker_pipelines.assembly import Platform
from coworker_pipelines.assembly.catching_up import CatchingUp
from coworker_pipelines.automation.decisions.catch_up import list_catch_ups, plan_catch_up
from coworker_pipelines.automation.rows import CatchUpOrder
from coworker_pipelines.cli.dry_running import Until, content_of, day_of, draw, handles_of
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import Json, errors, show_json, show_rows
from coworker_pipelines.cli.rule_files import Tenant, say
from coworker_pipelines.connections.tenants import find_tenant


def catch_up(
    tenant: Tenant,
    *,
    rules: Annotated[list[str], typer.Option(help="An active rule's name; repeat as needed.")],
    since: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="What happened from this day on (UTC).")
    ],
    until: Until = None,
    connection: Annotated[
        list[str] | None, typer.Option(help="TENANT.NAME; all of the tenant's if not given.")
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(help="The tenant's slug; asked for if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Have active rules act on what happened before they were active.

    First it is shown what would be done, by day and rule; the tenant's slug, written out, orders
    it. A rule that has acted on a message does not act on it again.

    Example: coworker decisions catch-up acme --rules git-large-commit --since 2026-03-01
    """
    with opened() as platform:
        span = (since, until)
        work = _planned(platform, tenant, rules, span, connection or [])
        previewed = work.preview()
        if as_json:
            errors.print(f"{previewed.messages:,} activities are history for these rules.")
        else:
            draw(previewed)
        if not previewed.actions:
            if as_json:
                show_json({**content_of(previewed), "order": None})
            else:
                say("There is nothing to catch up with.")
            return
        typed = confirm or typer.prompt(
            "To have this done, write the tenant's short name", err=True
        )
        order = work.order(previewed, typed=typed, ordered_by=operator())
        counts = work.carry_out(order)
    if as_json:
        done = {"order": order, "decisions": counts.decided, "actions": counts.actions}
        show_json({**content_of(previewed), **done})
        return
    say(f"Order {order}: {counts.decided:,} decisions, {counts.actions:,} actions were chosen.")


def catch_ups(tenant: Tenant, *, as_json: Json = False) -> None:
    """List what catch-ups were ordered, by whom and when, and how far they came."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        rows = [_row(order) for order in list_catch_ups(session, owner)]
    show_rows(
        rows,
        ("order", "ordered_at", "ordered_by", "rules", "since", "until", "decisions", "actions",
         "done_at"),
        as_json=as_json,
        none=f"No catch-up was ordered for {tenant} yet.",
    )  # fmt: skip


def _planned(
    platform: Platform,
    tenant: str,
    rules: list[str],
    span: tuple[str, str | None],
    connections: list[str],
) -> CatchingUp:
    first, last = map(day_of, span)
    assert first is not None, "the option is required"
    with platform.database.control() as session:
        owner = find_tenant(session, tenant)
        plan = plan_catch_up(
            session, owner.id, rules, since=first, until=last or platform.clock.now()
        )
        handles = [handle for handle, _ in handles_of(session, owner.id, connections)]
        slug = owner.slug
    return CatchingUp(platform=platform, plan=plan, slug=slug, handles=handles)


def _row(order: CatchUpOrder) -> dict[str, Any]:
    return {
        "order": order.id,
        "ordered_at": order.ordered_at,
        "ordered_by": order.ordered_by,
        "rules": ", ".join(f"{rule}:{version}" for rule, version, _ in order.rules),
        "since": order.since,
        "until": order.until,
        "previewed": order.previewed,
        "decisions": order.decisions,
        "actions": order.actions,
        "done_at": order.done_at,
    }
