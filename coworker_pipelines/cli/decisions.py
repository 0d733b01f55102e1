"""`coworker decisions`: what was decided, why, and whether it would be again."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from coworker_pipelines.automation.decisions.chain import Verified
from coworker_pipelines.automation.decisions.replay import (
    Replayed,
    ReplayOutcome,
    counted,
    replay,
    replay_under,
)
from coworker_pipelines.automation.decisions.store import (
    Kept,
    Span,
    find_decision,
    latest_decisions,
    scan_decisions,
    verify_chain,
)
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.store import recorded_rule_sets
from coworker_pipelines.cli.catching_up import catch_up, catch_ups
from coworker_pipelines.cli.dry_running import Since, Until, day_of
from coworker_pipelines.cli.explaining import DecisionId, explain
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import (
    FAULT_STATUS,
    Json,
    Limit,
    show_json,
    show_one,
    show_rows,
)
from coworker_pipelines.cli.rule_files import Tenant, named_rule, say
from coworker_pipelines.connections.tenants import find_tenant

app = typer.Typer(no_args_is_help=True, help="Decisions: what the rules made of each activity.")

SHOWN_MAX = 20


@app.command("list")
def list_command(
    tenant: Tenant,
    limit: Limit = 20,
    *,
    acting: Annotated[
        bool, typer.Option("--acting", help="Only where an action was chosen or a rule failed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List decisions, the latest first."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        rows = [_row(one) for one in latest_decisions(session, owner, limit=limit, acting=acting)]
    show_rows(
        rows,
        ("decided_at", "kind", "verb", "stream", "rules", "actions", "failed", "id"),
        as_json=as_json,
        none=f"Nothing was decided for {tenant} yet.",
    )


@app.command()
def show(tenant: Tenant, decision: DecisionId, *, as_json: Json = False) -> None:
    """Show a decision as it is recorded."""
    with opened() as platform, platform.database.control() as session:
        kept = find_decision(session, find_tenant(session, tenant).id, decision)
    content = {"sequence": kept.sequence, **kept.open_content()}
    personal = kept.personal_content()
    show_one({**content, **(personal or {"erased": True})}, as_json=as_json)


@app.command("replay")
def replay_command(
    tenant: Tenant,
    since: Since = None,
    until: Until = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(help="Other rules (a file, NAME or NAME:VERSION); repeat as needed."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Decide again, from the record: equal byte for byte, or it is said where not.

    With --rules, show what these would have made otherwise. Without, the chain of records is
    verified too; status 1 if it does not hold, or anything differs.

    Example: coworker decisions replay acme --since 2026-03-01 --rules large-commit.yaml
    """
    span = Span(since=day_of(since), until=day_of(until))
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        kept = (one for page in scan_decisions(session, owner, span) for one in page)
        if rules:
            other = RuleSet(named_rule(session, owner, name) for name in rules)
            _show_changes(kept, other, as_json=as_json)
            return
        result = _replayed(kept, recorded_rule_sets(session, owner))
        chain = verify_chain(session, owner)
    _show_replay(result, chain, as_json=as_json)


def _replayed(
    kept: Iterator[Kept], rule_sets: Callable[[str], RuleSet]
) -> tuple[dict[str, int], list[Replayed]]:
    """How many came out how, and some of those that differ."""
    counts = dict.fromkeys(map(str, ReplayOutcome), 0)
    different: list[Replayed] = []
    for one in replay(kept, rule_sets):
        counts[one.outcome] += 1
        if one.outcome is ReplayOutcome.DIFFERENT and len(different) < SHOWN_MAX:
            different.append(one)
    return counts, different


def _show_replay(
    result: tuple[dict[str, int], list[Replayed]], chain: Verified, *, as_json: bool
) -> None:
    counts, different = result
    holds = chain.broken_at is None
    if as_json:
        broken = None if holds else {"at": chain.broken_at, "why": chain.why}
        told = {"links": chain.links, "erased": chain.erased, "broken": broken}
        show_json({**counts, "differences": different, "chain": told})
    else:
        say(", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()) + ".")
        for one in different:
            engine = f" (decided by engine {one.engine})" if one.engine else ""
            say(f"  {one.sequence} {one.id}{engine}: {', '.join(one.places)}")
        say(
            f"The chain holds: {chain.links:,} records, {chain.erased:,} of them erased."
            if holds
            else f"The chain does not hold at record {chain.broken_at}: {chain.why}."
        )
    if different or not holds:
        raise typer.Exit(FAULT_STATUS)


def _show_changes(kept: Iterator[Kept], rules: RuleSet, *, as_json: bool) -> None:
    rows = [
        {"rule": rule, "before": before, "after": after, "messages": count}
        for (rule, before, after), count in sorted(counted(replay_under(kept, rules)).items())
    ]
    show_rows(
        rows,
        ("rule", "before", "after", "messages"),
        as_json=as_json,
        none="These rules would have made the same of every message.",
    )


app.command("explain")(explain)
app.command("catch-up")(catch_up)
app.command("catch-ups")(catch_ups)


def _row(kept: Kept) -> dict[str, Any]:
    opened_half = kept.open_content()
    return {
        "decided_at": kept.decided_at,
        "kind": "catch-up" if "catch_up" in opened_half["facts"] else "first",
        "verb": opened_half["verb"],
        "stream": opened_half["stream"],
        "rules": ", ".join(f"{one['id']}: {one['outcome']}" for one in opened_half["rules"]),
        "actions": kept.actions,
        "failed": kept.failed,
        "id": kept.id,
        "message": kept.message,
        "erased": kept.personal is None,
    }
