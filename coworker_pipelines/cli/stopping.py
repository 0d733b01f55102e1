"""Stopping rules at once, and how much they may do: verbs of `coworker rules`."""

import time
from typing import Annotated, Final

import typer

from coworker_pipelines.automation.outbox.limits import (
    ACTIONS_AN_HOUR,
    FIRST_ACTIONS,
    set_limits,
)
from coworker_pipelines.automation.outbox.limits import approve as approve_version
from coworker_pipelines.automation.outbox.stopping import on_their_way
from coworker_pipelines.automation.outbox.stopping import resume as resume_actions
from coworker_pipelines.automation.outbox.stopping import stop as stop_actions
from coworker_pipelines.automation.rules.store import find_version
from coworker_pipelines.cli.opening import opened, operator
from coworker_pipelines.cli.output import FAULT_STATUS
from coworker_pipelines.cli.rule_files import Tenant, say
from coworker_pipelines.connections.tenants import find_tenant
from coworker_pipelines.kernel.errors import TenantActionError

ARRIVING_S: Final = 60.0
"""Longer than one letter takes at its slowest."""
POLL_S: Final = 0.5
Rule = Annotated[str | None, typer.Argument(help="The rule's name.")]
All = Annotated[bool, typer.Option("--all", help="Everything that the tenant's rules do.")]


def stop(
    tenant: Tenant,
    rule: Rule = None,
    *,
    everything: All = False,
    reason: Annotated[str, typer.Option(help="Why: who comes later has to know.")],
) -> None:
    """Stop all that a rule does, or all rules, at once. Messages are still decided.

    What was chosen waits until it is resumed. Said when nothing is on its way any more.

    Example: coworker rules stop acme large-commit --reason "rings for every merge"
    """
    named = _named(rule, everything=everything)
    with opened() as platform:
        with platform.database.control() as session:
            owner = find_tenant(session, tenant).id
            if named is not None:
                find_version(session, owner, named)
            now = platform.clock.now()
            new = stop_actions(session, owner, named, by=operator(), reason=reason, now=now)
        say(f"{named or 'Everything'} of {tenant} {'is stopped' if new else 'was stopped before'}.")
        ends = time.monotonic() + ARRIVING_S
        while True:
            with platform.database.control() as session:
                left = on_their_way(session, owner, named)
            if not left or time.monotonic() >= ends:
                break
            time.sleep(POLL_S)
    if left:
        say(
            f"{left} were on their way, and nobody has noted their end: they may have arrived; "
            f"see: coworker outbox list {tenant}"
        )
        raise typer.Exit(FAULT_STATUS)
    say("Nothing is on its way.")


def resume(tenant: Tenant, rule: Rule = None, *, everything: All = False) -> None:
    """Go on with what was stopped, and with what waited meanwhile."""
    named = _named(rule, everything=everything)
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        gone_on = resume_actions(session, owner, named, by=operator(), now=platform.clock.now())
    say(f"{named or 'Everything'} of {tenant} {'goes on' if gone_on else 'was not stopped'}.")


def limit(
    tenant: Tenant,
    rule: Annotated[str, typer.Argument(help="The rule's name.")],
    *,
    an_hour: Annotated[int, typer.Option(min=0, help="Actions an hour.")] = ACTIONS_AN_HOUR,
    first: Annotated[
        int, typer.Option(min=0, help="Actions of a new version before somebody approves it.")
    ] = FIRST_ACTIONS,
) -> None:
    """Set how much a rule may do; what is above that waits, and `outbox list` says so."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        find_version(session, owner, rule)
        now = platform.clock.now()
        set_limits(
            session, owner, rule, actions_an_hour=an_hour, first_actions=first, by=operator(),
            now=now,
        )  # fmt: skip
    say(f"{rule} may do {an_hour:,} actions an hour, and {first:,} before a version is approved.")


def approve(tenant: Tenant, rule: Annotated[str, typer.Argument(help="The rule's name.")]) -> None:
    """Say that you have looked at what a rule does: its newest version has no first-run limit."""
    with opened() as platform, platform.database.control() as session:
        owner = find_tenant(session, tenant).id
        version = find_version(session, owner, rule).version
        now = platform.clock.now()
        approve_version(session, owner, rule, version, by=operator(), now=now)
    say(f"{rule} {version} of {tenant} is approved: its limit an hour remains.")


def _named(rule: str | None, *, everything: bool) -> str | None:
    """Raises TenantActionError: neither, or both."""
    if (rule is None) != everything:
        raise TenantActionError("Name a rule, or say --all for everything of the tenant.")
    return rule
