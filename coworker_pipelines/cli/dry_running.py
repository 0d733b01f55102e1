"""`coworker rules dry-run`: what rules would have done with what is stored."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from coworker_pipelines.automation.decisions.dry_run import DryRun
from coworker_pipelines.automation.decisions.dry_run import dry_run as run_dry
from coworker_pipelines.automation.rules.compiled import Outcome
from coworker_pipelines.automation.rules.rule import Rule
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.store import active_members, find_version
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, console, show_json
from coworker_pipelines.cli.rule_files import Tenant, named_rule, say
from coworker_pipelines.connections.connections import list_connections
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError

BAR: int = 40
Since = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="From this day on (UTC).")]
Until = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Up to before this day.")]


def dry_run(
    tenant: Tenant,
    rules: Annotated[
        list[str], typer.Argument(help="Files, or kept rules as NAME or NAME:VERSION.")
    ],
    *,
    connection: Annotated[
        list[str] | None, typer.Option(help="TENANT.NAME; all of the tenant's if not given.")
    ] = None,
    since: Since = None,
    until: Until = None,
    with_active: Annotated[
        bool,
        typer.Option("--with-active", help="Together with the rules that are active now."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what rules would have done with the activities that are stored, by day and rule.

    Nothing is kept and nothing is done. Each message is decided as of the time when it happened.

    Example: coworker rules dry-run acme large-commit.yaml --since 2026-03-01
    """
    first, last = day_of(since), day_of(until)
    run = DryRun()
    with opened() as platform:
        with platform.database.control() as session:
            owner = find_tenant(session, tenant).id
            asked = {one.id: one for one in (named_rule(session, owner, name) for name in rules)}
            if with_active:
                asked = {**_active(session, owner), **asked}
            handles = handles_of(session, owner, connection or ())
        rule_set = RuleSet(asked.values())
        for handle, name in handles:
            with platform.open_reading(handle) as reading:
                events = (event for page in reading.activities.scan() for event in page)
                run_dry(run, events, rule_set, connection=name, since=first, until=last)
    if as_json:
        show_json(content_of(run))
        return
    draw(run)


def day_of(text: str | None) -> datetime | None:
    """The beginning of a day, in UTC.

    Raises:
        TenantActionError: it is no day.
    """
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise TenantActionError(f"{text!r} is no day: write it as YYYY-MM-DD.") from error


def _active(session: Session, tenant: str) -> dict[str, Rule]:
    return {
        one.rule: find_version(session, tenant, one.rule, one.version)
        for one in active_members(session, tenant)
    }


def handles_of(session: Session, tenant: str, wanted: Sequence[str]) -> list[tuple[str, str]]:
    """Handle and name of the connections that are wanted, or of all of the tenant's.

    Raises:
        TenantActionError: the tenant has no such connection.
    """
    known = {one.handle: one.name for one in list_connections(session, tenant_id=tenant)}
    for handle in wanted:
        if handle not in known:
            raise TenantActionError(
                f"The tenant has no connection {handle!r}; it has: {', '.join(known) or 'none'}."
            )
    return [(handle, known[handle]) for handle in wanted or known]


def draw(run: DryRun) -> None:
    if not run.days:
        say(f"Of {run.messages:,} activities, none would have set anything off.")
        return
    most = max(run.days.values())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("day", "rule", "outcome"):
        table.add_column(column)
    table.add_column("messages", justify="right")
    table.add_column("")
    for (day, rule, outcome), count in sorted(run.days.items()):
        bar = ("█" if outcome == Outcome.MATCHED else "░") * max(1, round(BAR * count / most))
        table.add_row(str(day), rule, outcome, f"{count:,}", bar)
    console.print(table)
    for line in _summary(run):
        say(line)


def _summary(run: DryRun) -> Iterator[str]:
    yield f"Of {run.messages:,} activities:"
    for (rule, action), count in sorted(run.actions.items()):
        yield f"  {rule} would have chosen {action} {count:,} times"
    for rule, examples in sorted(run.examples.items()):
        if examples:
            yield f"  {rule}, for instance: {', '.join(one.subject for one in examples)}"


def content_of(run: DryRun) -> dict[str, Any]:
    return {
        "messages": run.messages,
        "days": [
            {"day": str(day), "rule": rule, "outcome": outcome, "messages": count}
            for (day, rule, outcome), count in sorted(run.days.items())
        ],
        "actions": [
            {"rule": rule, "type": action, "times": count}
            for (rule, action), count in sorted(run.actions.items())
        ],
        "examples": {
            rule: [one.message for one in examples] for rule, examples in run.examples.items()
        },
    }
