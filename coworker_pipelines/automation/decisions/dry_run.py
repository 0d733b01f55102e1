"""What rules would have done with the messages that are there: nothing is kept, nothing done."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from coworker_pipelines.automation.decisions.decide import decide
from coworker_pipelines.automation.rules.compiled import Outcome
from coworker_pipelines.automation.rules.rule_set import RuleSet
from coworker_pipelines.automation.rules.situation import Facts
from coworker_pipelines.kernel.window import Window

EXAMPLES_MAX = 5
COUNTED = frozenset({Outcome.MATCHED, Outcome.FAILED, Outcome.LOST, Outcome.BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A message on which a rule would have acted."""

    day: date
    message: str
    subject: str


@dataclass(slots=True, kw_only=True)
class DryRun:
    """``days`` counts by day, rule and outcome; ``examples`` are some messages of each rule."""

    messages: int = 0
    days: Counter[tuple[date, str, str]] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)


def dry_run(
    run: DryRun,
    events: Iterable[Mapping[str, Any]],
    rules: RuleSet,
    *,
    connection: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Add to the run what the rules make of the messages, each as if decided when it happened.

    One without a time counts for the first day of its month. ``until`` is not in it.
    """
    for event in events:
        moment = moment_of(event)
        if (since and moment < since) or (until and moment >= until):
            continue
        decision = decide(event, Facts(connection=connection, decided_at=moment), rules)
        count_decision(run, event, moment.astimezone(UTC).date(), decision.open_content())


def moment_of(event: Mapping[str, Any]) -> datetime:
    told = event.get("time")
    if told is not None:
        return datetime.fromisoformat(told)
    return Window.parse(event["data"]["window"]).start_at


def count_decision(
    run: DryRun, event: Mapping[str, Any], day: date, opened: Mapping[str, Any]
) -> None:
    """Add one decision to the run, by the open half of its record."""
    run.messages += 1
    for rule in opened["rules"]:
        if rule["outcome"] not in COUNTED:
            continue
        run.days[day, rule["id"], rule["outcome"]] += 1
        examples = run.examples.setdefault(rule["id"], [])
        if rule["outcome"] == Outcome.MATCHED and len(examples) < EXAMPLES_MAX:
            examples.append(Example(day=day, message=event["id"], subject=event["subject"]))
    for action in opened["actions"]:
        run.actions[action["rule"], action["type"]] += 1
