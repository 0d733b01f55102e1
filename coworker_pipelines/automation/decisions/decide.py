"""From a message to a decision: pure, and the same for ever."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coworker_pipelines.automation.decisions.decision import (
    ENGINE_VERSION,
    Decision,
    canonical,
    content_digest,
    decision_id,
)
from coworker_pipelines.automation.rules.compiled import CompiledRule, Considered, Outcome
from coworker_pipelines.automation.rules.rule_set import RuleSet, Triggered
from coworker_pipelines.automation.rules.situation import Facts, situation_of
from coworker_pipelines.kernel.errors import DefectError


@dataclass(slots=True)
class _Entry:
    """A rule, what it said, and what became of it among the others; ``by`` is who stood before."""

    compiled: CompiledRule
    considered: Considered
    outcome: Outcome
    by: str | None = None


def decide(
    event: Mapping[str, Any], facts: Facts, rules: RuleSet, *, engine: str = ENGINE_VERSION
) -> Decision:
    """What the rules make of a message. ``event`` is the CloudEvent, as it was written.

    Raises:
        DefectError: the event is none of ours.
    """
    try:
        data = event["data"]
        kind, stream, verb = data["kind"], data["object"]["stream"], data["verb"]
        message, connection, actor = event["id"], event["source"].rpartition("/")[2], data["actor"]
    except (KeyError, TypeError) as error:
        raise DefectError("What is to be decided on is no activity.") from error
    entries = _considered(event, facts, rules.triggered(kind, stream, verb))
    _resolve(entries, facts)
    chosen = list(_chosen(entries))
    captured = facts.content()
    found = decision_id(
        message=message,
        content=content_digest(event),
        facts=captured,
        rule_set=rules.digest,
        engine=engine,
    )
    return Decision(
        id=found,
        message=message,
        connection=connection,
        stream=stream,
        rule_set=rules.digest,
        decided_at=captured["decided_at"],
        actions=len(chosen),
        failed=sum(1 for entry in entries if entry.outcome is Outcome.FAILED),
        open=canonical(
            {
                "id": found,
                "engine": engine,
                "message": message,
                "connection": connection,
                "kind": kind,
                "stream": stream,
                "verb": verb,
                "facts": captured,
                "rule_set": rules.digest,
                "rules": [_told(entry) for entry in entries],
                "actions": [{"rule": rule, "type": action} for rule, action, _ in chosen],
            }
        ),
        personal=canonical(_personal(event, entries, chosen)),
        subject_keys=() if actor is None else (actor,),
    )


def _personal(
    event: Mapping[str, Any],
    entries: Sequence[_Entry],
    chosen: Sequence[tuple[str, str, Mapping[str, Any]]],
) -> dict[str, Any]:
    return {
        "event": event,
        "reasons": {
            entry.compiled.rule.id: entry.considered.reasons
            for entry in entries
            if entry.considered.reasons
        },
        "parameters": [parameters for _, _, parameters in chosen],
    }


def _considered(event: Mapping[str, Any], facts: Facts, triggered: Triggered) -> list[_Entry]:
    if not triggered.rules:
        return []
    situation = situation_of(event, facts, triggered.names)
    acted = () if facts.catch_up is None else facts.catch_up.acted
    entries = []
    for one in triggered.rules:
        if one.rule.id in acted:
            considered = Considered(Outcome.ACTED_BEFORE, [])
        elif one.always_in_force or one.rule.in_force(facts.moment):
            considered = one.consider(situation)
        else:
            considered = Considered(Outcome.NOT_IN_FORCE, [])
        entries.append(_Entry(one, considered, considered.outcome))
    return entries


def _resolve(entries: Sequence[_Entry], facts: Facts) -> None:
    """Of each conflict group the first that matched acts, if none before it failed.

    For whom the message is history stands in nobody's way. Who has acted before stands in the
    way of its whole group.
    """
    first: dict[str, _Entry] = {
        entry.compiled.rule.conflict_group: entry
        for entry in entries
        if entry.compiled.rule.conflict_group and entry.outcome is Outcome.ACTED_BEFORE
    }
    for entry in entries:
        if entry.compiled.rule.id in facts.history:
            if entry.outcome is Outcome.MATCHED:
                entry.outcome = Outcome.HISTORY
            continue
        _compete(entry, first)
    if facts.catch_up is not None:
        for entry in entries:
            if entry.outcome is Outcome.MATCHED and (
                entry.compiled.rule.id not in facts.catch_up.rules
            ):
                entry.outcome = Outcome.NOT_ORDERED


def _compete(entry: _Entry, first: dict[str, _Entry]) -> None:
    group = entry.compiled.rule.conflict_group
    if group is None or entry.outcome not in {Outcome.MATCHED, Outcome.FAILED}:
        return
    before = first.setdefault(group, entry)
    if before is not entry and entry.outcome is Outcome.MATCHED:
        blocked = before.considered.outcome is Outcome.FAILED
        entry.outcome = Outcome.BLOCKED if blocked else Outcome.LOST
        entry.by = before.compiled.rule.id


def _chosen(entries: Sequence[_Entry]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Actions in the order in which they are done; their place in it is their ordinal."""
    for entry in entries:
        if entry.outcome is Outcome.MATCHED:
            for action in entry.considered.actions:
                yield entry.compiled.rule.id, action.type, action.parameters


def _told(entry: _Entry) -> dict[str, Any]:
    rule = entry.compiled.rule
    told: dict[str, Any] = {"id": rule.id, "version": rule.version, "outcome": entry.outcome}
    if entry.by is not None:
        told["by"] = entry.by
    if entry.considered.problem is not None:
        told["problem"] = entry.considered.problem
    return told
