"""`coworker decisions explain`: why something was done, and why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from coworker_pipelines.activities.store import Found
from coworker_pipelines.assembly import Platform
from coworker_pipelines.automation.decisions.explanation import Explanation
from coworker_pipelines.automation.decisions.explanation import explain as explained
from coworker_pipelines.automation.decisions.store import Kept, find_decision, has_decision
from coworker_pipelines.automation.rules.store import recorded_rule_set
from coworker_pipelines.cli.dry_running import handles_of
from coworker_pipelines.cli.opening import opened
from coworker_pipelines.cli.output import Json, cell, show_json
from coworker_pipelines.cli.rule_files import Tenant, say
from coworker_pipelines.connections.rounds import RoundReason, find_round
from coworker_pipelines.connections.rows import DecisionRound
from coworker_pipelines.connections.tenants import find_tenant

DecisionId = Annotated[
    str,
    typer.Argument(metavar="DECISION", help="The id of the decision, or of its message."),
]


def explain(tenant: Tenant, decision: DecisionId, *, as_json: Json = False) -> None:
    """Say why something was done, and why not: conditions, and the values that made them so.

    Of a message on which nothing was decided it is said why that is so.
    """
    with opened() as platform:
        with platform.database.control() as session:
            owner = find_tenant(session, tenant).id
            is_kept = has_decision(session, owner, decision)
        passed = None if is_kept else _passed_over(platform, owner, decision)
        if passed is not None:
            _show_passed_over(passed, as_json=as_json)
            return
        with platform.database.control() as session:
            kept = find_decision(session, owner, decision)
            found = explained(kept, recorded_rule_set(session, owner, kept.rule_set))
    if as_json:
        show_json(found)
        return
    for line in _explained(kept, found):
        say(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PassedOver:
    """A message without a decision; no ``reason``: it waits for its turn."""

    message: str
    verb: str
    stream: str
    time: str | None
    reason: str | None
    rule_set: str | None
    decided_at: str | None


def _passed_over(platform: Platform, tenant: str, message: str) -> _PassedOver | None:
    with platform.database.control() as session:
        handles = [handle for handle, _ in handles_of(session, tenant, ())]
    for handle in handles:
        with platform.open_reading(handle) as reading:
            found = reading.activities.find(message)
        if found is not None:
            made = found.made
            with platform.database.control() as session:
                connection = platform.scope_of(handle).connection
                turn = find_round(session, connection, made.stream, made.window, made.sync)
                return _told(found, turn)
    return None


def _told(found: Found, turn: DecisionRound | None) -> _PassedOver:
    data: dict[str, Any] = found.event["data"]
    had_its_turn = turn is not None and turn.decided_at is not None
    return _PassedOver(
        message=found.event["id"],
        verb=data["verb"],
        stream=found.made.stream,
        time=found.event.get("time"),
        reason=turn.reason if turn is not None and had_its_turn else None,
        rule_set=turn.rule_set if turn is not None else None,
        decided_at=cell(turn.decided_at) if turn is not None and had_its_turn else None,
    )


def _show_passed_over(passed: _PassedOver, *, as_json: bool) -> None:
    if as_json:
        show_json(passed)
        return
    say(f"There is no decision on message {passed.message}")
    say(f"  {passed.verb} in {passed.stream}, of {passed.time or 'no time that is known'}")
    match passed.reason:
        case RoundReason.NO_RULE:
            why = f"When it had its turn ({passed.decided_at}), no active rule looked at its stream"
        case RoundReason.HISTORY:
            why = (
                f"It is history: when it had its turn ({passed.decided_at}), it had happened "
                "before any rule that looks at its stream became active; see "
                "`coworker decisions catch-up`"
            )
        case _:
            why = "It waits for its turn, which is the last phase of a sync"
    rules = f" (rule set {passed.rule_set})" if passed.rule_set else ""
    say(f"  {why}{rules}.")


def _explained(kept: Kept, found: Explanation) -> Iterator[str]:
    told = kept.open_content()
    yield f"Decision {kept.id} on message {kept.message}"
    yield f"  {told['verb']} in {told['stream']}, decided {told['facts']['decided_at']}"
    if found.erased:
        yield "  What it was decided on was erased; what is left names nobody."
    if not found.rules:
        yield "  No active rule looks at such messages."
    for rule in found.rules:
        yield f"Rule {rule.rule} {rule.version}: {rule.sentence}"
        for because in rule.because:
            read = ", ".join(f"{name} = {cell(value)}" for name, value in because.read.items())
            yield f"  {because.condition} is {because.outcome}; {read or 'nothing was read'}"
    for action in found.actions:
        given = "erased" if action.parameters is None else cell(dict(action.parameters))
        yield f"Action {action.ordinal}: {action.type} by {action.rule}, with {given}"
