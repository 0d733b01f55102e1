"""`coworker outbox`: what is to be done, what was, and what needs a person."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from coworker_pipelines.automation.action_rows import OutboxRow, SentRow, TaskRow
from coworker_pipelines.automation.outbox import looking_after
from coworker_pipelines.automation.outbox.health import Held, health
from coworker_pipelines.automation.outbox.states import ActionState, Outcome
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import Json, Limit, show_one, show_rows
from coworker_pipelines.cli.rule_files import Tenant, say
from coworker_pipelines.connections.tenants import find_tenant

app = typer.Typer(
    no_args_is_help=True, help="Actions that rules chose: to be done, done, and in need of you."
)
Key = Annotated[str, typer.Argument(help="The action's key, or how it begins.")]
Decide = Callable[..., OutboxRow]
_WHY: dict[Outcome, str] = {
    Outcome.KILL_SWITCH: "it is stopped; go on with: coworker rules resume {tenant} {rule}",
    Outcome.HOURLY_LIMIT: "its limit an hour is reached; it goes on by itself, or: "
    "coworker rules limit {tenant} {rule}",
    Outcome.FIRST_RUN_LIMIT: "it is new and has done as much as may be before somebody looks; "
    "then: coworker rules approve {tenant} {rule}",
}


@app.command("list")
def list_command(
    tenant: Tenant,
    limit: Limit = 20,
    *,
    state: Annotated[
        list[ActionState] | None, typer.Option(help="Only in this state; repeat as needed.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    as_json: Json = False,
) -> None:
    """List actions, the latest first, and say what is held back and why.

    Example: coworker outbox list acme --state dead --state waiting_for_person
    """
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        found = looking_after.latest_actions(
            session, owner, limit=limit, states=state or (), rule=rule
        )
        rows = [_row(one) for one in found]
        held = health(session, now=platform.clock.now(), tenant=owner).held
    show_rows(
        rows,
        ("made_at", "action", "place", "rule", "state", "attempts", "outcome", "key"),
        as_json=as_json,
        none="There is no such action.",
    )
    if not as_json:
        for one in held:
            say(_held(tenant, one))


@app.command()
def show(tenant: Tenant, key: Key, *, as_json: Json = False) -> None:
    """Show an action: what it is to do, each attempt, and what came of it."""
    with opened() as platform, platform.database.control() as session:
        action = looking_after.find_action(session, find_tenant(session, tenant).id, key)
        content = {
            **_row(action),
            "decision": action.decision_id,
            "ordinal": action.ordinal,
            "message": action.message_id,
            "payload": "erased" if action.payload is None else action.payload,
            "detail": action.detail,
            "sent": [_sent(one) for one in looking_after.attempts_of(session, action)],
        }
    show_one(content, as_json=as_json)


@app.command()
def tasks(
    tenant: Tenant,
    limit: Limit = 20,
    *,
    list_name: Annotated[
        str | None, typer.Option("--list", help="Only those of this list.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the tasks that rules have made for people, the latest first."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        found = looking_after.latest_tasks(session, owner, limit=limit, list_name=list_name)
        rows = [_task(one) for one in found]
    show_rows(
        rows,
        ("made_at", "list", "title", "note", "rule", "message"),
        as_json=as_json,
        none=f"No rule has made a task for {tenant}.",
    )


@app.command()
def retry(tenant: Tenant, key: Key) -> None:
    """Try a dead action again, or one of which nobody knows whether it took place.

    It keeps its key: a receiver that knows keys does it once, whatever happened before.
    """
    _decide(tenant, key, looking_after.retry, "It is tried again with the next turn.")


@app.command()
def discard(tenant: Tenant, key: Key) -> None:
    """Decide that an action is not to be done any more."""
    _decide(tenant, key, looking_after.discard, "It is not done any more.")


@app.command()
def settle(tenant: Tenant, key: Key) -> None:
    """Say that you have looked, and that an action took place: it counts as done."""
    _decide(tenant, key, looking_after.settle, "It counts as done.")


def _decide(tenant: str, key: str, decide: Decide, said: str) -> None:
    with opened() as platform, platform.database.control() as session:
        action = _decided(session, tenant, key, decide, platform.clock.now())
        told = f"{action.action} by {action.rule} ({action.key[:12]})"
    say(f"{told}: {said}")


def _decided(session: Session, tenant: str, key: str, decide: Decide, now: datetime) -> OutboxRow:
    owner = find_tenant(session, tenant).id
    return decide(session, owner, key, by=operator(), now=now)


def _held(tenant: str, held: Held) -> str:
    why = _WHY[held.held_by].format(tenant=tenant, rule=held.rule)
    return f"{held.actions:,} actions of {held.rule} {held.version} wait: {why}"


def _row(action: OutboxRow) -> dict[str, Any]:
    return {
        "made_at": action.made_at,
        "action": action.action,
        "place": action.place,
        "rule": f"{action.rule} {action.rule_version}",
        "state": action.state,
        "attempts": action.attempts,
        "next_at": action.next_at,
        "done_at": action.done_at,
        "outcome": action.outcome,
        "key": action.key,
        "erased_at": action.erased_at,
    }


def _task(row: TaskRow) -> dict[str, Any]:
    return {
        "made_at": row.made_at,
        "list": row.list_name,
        "title": row.title,
        "note": row.note,
        "rule": row.rule,
        "message": row.message_id,
        "key": row.key,
    }


def _sent(row: SentRow) -> dict[str, Any]:
    return {
        "attempt": row.attempt,
        "destination": row.destination_id,
        "fields": list(row.fields),
        "bytes": row.body_bytes,
        "sha256": row.digest,
        "began_at": row.began_at,
        "ended_at": row.ended_at,
        "outcome": row.outcome,
        "detail": row.detail,
    }
